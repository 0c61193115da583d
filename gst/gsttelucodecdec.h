/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdec.h - audio/x-telucodec -> audio/x-raw. */
#ifndef GST_TELUCODEC_DEC_H
#define GST_TELUCODEC_DEC_H

#include <gst/audio/audio.h>

#include "gsttelucodecstream.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_DEC (gst_telucodec_dec_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecDec, gst_telucodec_dec, GST, TELUCODEC_DEC,
    GstAudioDecoder)

struct _GstTelucodecDec
{
  GstAudioDecoder parent;

  GstTelucodecRuntime runtime;
  GstTelucodecStream stream;

  gfloat pcm[TELU_PACKET];
  gint left;                    /* concealed samples at the end of pcm that the
                                 * last gap was too short for */
  guint bad_in_row;             /* corrupt packets without a good one between */

  /* Guarded by the object lock: since start. */
  guint64 pushed, gaps, corrupt;
  guint64 coded_samples, plc_samples;
  GstClockTime plc_duration;
  GstClockTime busy;            /* time spent on packets */
};

/* n samples in the format of the output; pcm NULL is silence. NULL with an error
 * posted. */
GstBuffer *gst_telucodec_dec_make_buffer (GstTelucodecDec * self,
    const gfloat * pcm, gint n);

/* Pushes samples for an empty buffer, which stands for a gap of its duration. */
GstFlowReturn gst_telucodec_dec_fill_gap (GstTelucodecDec * self,
    GstBuffer * gap);

G_END_DECLS

#endif
