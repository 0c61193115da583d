/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecenc.h - encodes audio/x-raw into audio/x-telucodec. */
#ifndef GST_TELUCODEC_ENC_H
#define GST_TELUCODEC_ENC_H

#include <gst/audio/audio.h>

#include "gsttelucodecstream.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_ENC (gst_telucodec_enc_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecEnc, gst_telucodec_enc, GST, TELUCODEC_ENC,
    GstAudioEncoder)

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
  gboolean rate_changed;

  gfloat pcm[TELU_PACKET];
  guint8 packet[TELU_MAX_PACKET];
  gboolean stamped;             /* the run has a first buffer */
  gboolean started;             /* the run has a first packet */
  gint held;                    /* samples taken that no packet has consumed */

  /* Counted since start, guarded by the object lock. */
  guint64 packets, bytes;
  GstClockTime busy;            /* time spent on packets */
  struct telu_info last;
};

G_END_DECLS

#endif
