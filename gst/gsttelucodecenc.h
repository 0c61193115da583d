/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecenc.h - encodes audio/x-raw into audio/x-telucodec. */
#ifndef GST_TELUCODEC_ENC_H
#define GST_TELUCODEC_ENC_H

#include <gst/audio/audio.h>

#include "gsttelucodecactivity.h"
#include "gsttelucodecstream.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_ENC (gst_telucodec_enc_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecEnc, gst_telucodec_enc, GST, TELUCODEC_ENC,
    GstAudioEncoder)

#define GST_TELUCODEC_ENC_LATENCY (TELU_PACKET + TELU_DELAY)    /* samples */

struct _GstTelucodecEnc
{
  GstAudioEncoder parent;

  GstTelucodecRuntime runtime;
  GstTelucodecStream stream;
  GstPadChainFunction base_chain;       /* of the base class */
  gboolean s16;                 /* the input is S16LE, else F32LE */

  /* The properties, guarded by the object lock. The streaming thread copies them
   * between packets. */
  struct telu_rate rate;
  gint loss;                    /* percent of lost packets to be ready for; -1: none told */
  gdouble loss_run;             /* packets lost together, on average */
  gboolean rate_changed;
  gboolean dtx;
  guint payload_packets;        /* in a payload of RTP, as the payloader told, */
  gboolean payload_changed;     /* which the streaming thread has not seen */

  /* In force, and coded with these settings so far. Streaming thread only. */
  struct telu_rate latched;
  guint64 rate_packets, rate_bytes;
  guint measured;               /* bit rate as tagged; 0: not yet */
  GstEvent *choice;             /* for the payloader, behind the next packet; or NULL */

  gfloat pcm[TELU_PACKET];
  guint8 packet[TELU_MAX_PACKET];
  gboolean stamped;             /* the run has a first buffer */
  gboolean started;             /* the run has a first packet */
  gint held;                    /* samples taken that no packet has consumed */

  /* Discontinuous transmission. Streaming thread only. */
  GstTelucodecActivity activity;
  guint silent;                 /* packets since the last speech and its hangover */
  GstClockTime end;             /* of the last packet, */
  guint64 skipped;              /* and samples not sent since */

  /* Counted since start, guarded by the object lock. */
  guint64 packets, bytes, silent_packets;
  GstClockTime busy;            /* time spent on packets */
  struct telu_info last;
};

/* gsttelucodecsettings.c: adds the properties to the class. */
void gst_telucodec_enc_install_properties (GObjectClass * object_class);

/* gsttelucodecdtx.c: discontinuous transmission. */

/* Takes the next packet, self->pcm. Returns whether the sender is silent. */
gboolean gst_telucodec_enc_is_silent (GstTelucodecEnc * self);
/* Returns whether that silent packet is to be sent nevertheless, as a description of the
 * background. */
gboolean gst_telucodec_enc_describes (GstTelucodecEnc * self);
/* Sets the rate of a description, or that of the properties again. */
void gst_telucodec_enc_set_description_rate (GstTelucodecEnc * self, gboolean on);
/* Sends a GAP event in place of a packet. */
GstFlowReturn gst_telucodec_enc_skip_packet (GstTelucodecEnc * self);

/* gsttelucodecbitrate.c, between two packets. */

/* Applies changed rate properties. */
void gst_telucodec_enc_latch_rate (GstTelucodecEnc * self);
/* Tags the bit rate since the last change of settings: with the first packet where all
 * have one size, else once a second if it has moved by 5 %, and with the last. */
void gst_telucodec_enc_measure_bitrate (GstTelucodecEnc * self, gint size,
    gboolean last);
/* Tells the payloader what the settings leave bytes for, if they changed. Runs behind a
 * packet, when there is a segment. */
void gst_telucodec_enc_push_choice (GstTelucodecEnc * self);

G_END_DECLS

#endif
