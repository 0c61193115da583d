/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecactivity.h - tells speech from the background, for discontinuous transmission.
 *
 * The level of each of eight bands is compared with the noise floor of that band, the least of
 * the last two seconds. So a steady noise of any level counts as background, and a sound that
 * repeats with a pitch never does.
 */
#ifndef GST_TELUCODEC_ACTIVITY_H
#define GST_TELUCODEC_ACTIVITY_H

#include <glib.h>

G_BEGIN_DECLS

#define GST_TELUCODEC_ACTIVITY_BANDS 8
#define GST_TELUCODEC_ACTIVITY_SPANS 8

typedef struct
{
  gfloat level[GST_TELUCODEC_ACTIVITY_BANDS];   /* smoothed, in dB */
  /* The least level of the running span of packets, and of those before. */
  gfloat least[GST_TELUCODEC_ACTIVITY_BANDS][GST_TELUCODEC_ACTIVITY_SPANS];
  guint packets;                /* since the reset */
  guint hangover;               /* packets that count as speech yet */
  guint run;                    /* packets of speech in a row */
  gboolean active;              /* the last packet was speech, hangover left out */
} GstTelucodecActivity;

void gst_telucodec_activity_reset (GstTelucodecActivity * a);

/* Takes the next packet, pcm [320] with full scale 1. Returns whether it holds speech, follows
 * speech by at most 200 ms or begins the stream, half a second. */
gboolean gst_telucodec_activity_update (GstTelucodecActivity * a, const gfloat * pcm);

G_END_DECLS

#endif
