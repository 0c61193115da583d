/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdec.h - decodes audio/x-telucodec into audio/x-raw. */
#ifndef GST_TELUCODEC_DEC_H
#define GST_TELUCODEC_DEC_H

#include <gst/audio/audio.h>

#include "gsttelucodecnoise.h"
#include "gsttelucodecstream.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_DEC (gst_telucodec_dec_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecDec, gst_telucodec_dec, GST, TELUCODEC_DEC,
    GstAudioDecoder)

#define GST_TELUCODEC_DEC_HELD 8        /* packets that are decoded together, at most */

struct _GstTelucodecDec
{
  GstAudioDecoder parent;

  GstTelucodecRuntime runtime;
  GstTelucodecStream stream;

  gint started;                 /* atomic; FALSE while the element still starts */
  gchar *wanted;                /* id of the weights to load before the next packet, or NULL */
  gchar *wanted_name;           /* their name in the stream, or NULL */

  gint batch_packets, hold;     /* atomic; the property, and what it was at the start */
  GstBuffer *held[GST_TELUCODEC_DEC_HELD];      /* packets that are not decoded yet */
  gint held_packets;
  gfloat held_pcm[GST_TELUCODEC_DEC_HELD][TELU_PACKET];

  gfloat pcm[TELU_PACKET];
  gint unused;                  /* concealed samples at the end of pcm, beyond
                                 * the end of the last gap */
  guint64 fill;                 /* samples that long gaps may still become */
  gboolean silence;             /* the gap that is being filled is the sender's silence */
  GstTelucodecNoise noise;
  guint bad_in_row;             /* consecutive corrupt packets */
  gboolean refused;             /* the stream's weights, with an error */

  /* Counted since start, guarded by the object lock. */
  guint64 pushed, gaps, corrupt;
  guint64 coded_samples, plc_samples, noise_samples;
  GstClockTime plc_duration;
  GstClockTime busy;            /* time spent on packets */
};

/* Begins a new run. */
void gst_telucodec_dec_reset_run (GstTelucodecDec * self);

/* Changes the sample format if downstream asks for it. Runs between buffers, since a finished
 * buffer cannot change. */
GstFlowReturn gst_telucodec_dec_renegotiate (GstTelucodecDec * self);

/* gsttelucodechold.c: takes a packet, and decodes those that it holds once they are as many as
 * decoded together; decodes and pushes those that are held; drops them. */
GstFlowReturn gst_telucodec_dec_take_packet (GstTelucodecDec * self, GstBuffer * buf);
GstFlowReturn gst_telucodec_dec_decode_held (GstTelucodecDec * self);
void gst_telucodec_dec_drop_held (GstTelucodecDec * self);

/* Makes a buffer of n samples in the output's format; pcm NULL: silence. Returns NULL
 * with an error posted. */
GstBuffer *gst_telucodec_dec_make_buffer (GstTelucodecDec * self,
    const gfloat * pcm, gint n);

/* Lets long gaps become sound again: a minute in all at the start, and half a second more for
 * each received packet. */
void gst_telucodec_dec_start_fill (GstTelucodecDec * self);
void gst_telucodec_dec_earn_fill (GstTelucodecDec * self);

/* Pushes concealed samples or comfort noise for a gap, an empty buffer with a duration. */
GstFlowReturn gst_telucodec_dec_fill_gap (GstTelucodecDec * self,
    GstBuffer * gap);

/* gsttelucodecweights.c: open the stream with the weights there are, and close it if it is open. */
gboolean gst_telucodec_dec_open_stream (GstTelucodecDec * self);
void gst_telucodec_dec_close_stream (GstTelucodecDec * self);

/* Notes the weights that the stream names, @id NULL where it does not. Returns FALSE with an error
 * posted when the property model-path is of others, or when no weights are known. */
gboolean gst_telucodec_dec_note_weights (GstTelucodecDec * self, const gchar * id);

/* Looks the noted weights up, before the first packet: decodebin would hide the error if the caps
 * event failed. Returns FALSE with an error posted. */
gboolean gst_telucodec_dec_take_weights (GstTelucodecDec * self);

/* Takes the name of the weights out of the tags: it does not hold for the sound. Returns the event
 * to go on with. */
GstEvent *gst_telucodec_dec_take_name (GstTelucodecDec * self, GstEvent * event);

G_END_DECLS

#endif
