/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecnoise.h - comfort noise: goes on with the background of the last packets where a
 * sender that hears no speech sends none.
 *
 * White noise through the linear prediction filter of the last two decoded packets. The filter
 * begins with their last samples, and the next packet fades in over it, so that neither end
 * clicks. The noise is at most 6 dB above the quietest packets of the last two seconds.
 *
 * Noise also takes the place of the concealed sound of lost packets as that fades: like the
 * quietest two packets of the last one to two seconds, at most -40 dB of full scale, and none
 * where there was no second yet. It ends after three seconds, for a line that is dead.
 */
#ifndef GST_TELUCODEC_NOISE_H
#define GST_TELUCODEC_NOISE_H

#include <gst/gst.h>

#include "telu.h"

G_BEGIN_DECLS

#define GST_TELUCODEC_NOISE_ORDER 16
#define GST_TELUCODEC_NOISE_SPANS 8
#define GST_TELUCODEC_NOISE_PAST (2 * TELU_PACKET)

typedef struct
{
  gfloat past[GST_TELUCODEC_NOISE_PAST];        /* the last decoded packets */
  gfloat filter[GST_TELUCODEC_NOISE_ORDER];     /* x[t] = noise - sum filter[k] x[t-1-k] */
  gfloat memory[GST_TELUCODEC_NOISE_ORDER];     /* the last samples, newest first */
  gfloat gain;
  guint32 seed;
  gboolean running;             /* noise was the last output */
  guint packets;                /* decoded since the reset */
  gfloat level, smooth;         /* mean square of the last packet, and of packets */
  gfloat least[GST_TELUCODEC_NOISE_SPANS];      /* its least value in each span */

  /* The quietest past of this second and of the one before, with its mean square. */
  gfloat quiet[2][GST_TELUCODEC_NOISE_PAST], quiet_level[2];
  guint lost;                   /* packets since the last one */
  gfloat part;                  /* of the noise in the last packet; 0: none */
} GstTelucodecNoise;

void gst_telucodec_noise_reset (GstTelucodecNoise * noise);

/* Takes the sound pcm [320] of a received packet. If noise was the last output, the packet
 * fades in; if noise was added to it, the noise fades out. */
void gst_telucodec_noise_receive (GstTelucodecNoise * noise, gfloat * pcm);

/* Writes n samples of noise to pcm. */
void gst_telucodec_noise_fill (GstTelucodecNoise * noise, gfloat * pcm, gint n);

/* Adds noise to the concealed sound pcm [320] of a lost packet. */
void gst_telucodec_noise_add (GstTelucodecNoise * noise, gfloat * pcm);

/* A GAP event of a sender that hears no speech, and whether one is such. Other GAP events
 * stand for what was lost. */
GstEvent *gst_telucodec_silence_event (GstClockTime pts, GstClockTime duration);
gboolean gst_telucodec_is_silence (GstEvent * event);

G_END_DECLS

#endif
