/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecactivity.c - see gsttelucodecactivity.h. */
#include "gsttelucodecactivity.h"

#include "telu.h"

#include <math.h>

#define BANDS GST_TELUCODEC_ACTIVITY_BANDS
#define SPANS GST_TELUCODEC_ACTIVITY_SPANS
#define SPAN_PACKETS 13         /* eight spans are 2.1 s */
#define BIN_HZ 100

/* Packets behind speech that count as speech: as many as it had, but within these bounds. */
#define HANGOVER 10
#define SHORT_HANGOVER 3
#define START 25                /* packets at first, when no floor is known */

/* Levels below this one count as this one: half a unit of 16 bits. */
#define LEAST_LEVEL -96.0f

/* Speech begins when the bands are that many dB above their margins on average, and ends
 * below the second number. A steady noise stays below both. */
#define ATTACK 1.2f
#define RELEASE 0.6f
/* Highest normalised correlation of a packet with itself, 2.5 to 15 ms later, that a noise
 * has. */
#define PITCHED 0.6f

/* Hz */
static const guint edge[BANDS + 1] = { 100, 300, 600, 1000, 1600, 2400, 3400, 5000, 8000 };

/* How far noise gets above its floor, in dB: a narrow band wanders more. */
static const gfloat margin[BANDS] = { 8, 7, 6, 6, 5, 5, 4, 4 };

void
gst_telucodec_activity_reset (GstTelucodecActivity * a)
{
  *a = (GstTelucodecActivity) { .hangover = START };
}

/* Returns the power of one frequency in x [320] (Goertzel 1958). */
static gfloat
power (const gfloat * x, guint hz)
{
  const gfloat c = 2 * cosf (2 * (gfloat) G_PI * hz / TELU_RATE);
  gfloat s = 0, s1 = 0, s2 = 0;

  for (gint i = 0; i < TELU_PACKET; i++) {
    s = x[i] + c * s1 - s2;
    s2 = s1;
    s1 = s;
  }
  return s1 * s1 + s2 * s2 - c * s1 * s2;
}

/* Sets the level of each band of pcm [320], in dB of full scale per frequency. */
static void
band_levels (gfloat * level, const gfloat * pcm)
{
  gfloat x[TELU_PACKET];

  for (gint i = 0; i < TELU_PACKET; i++)
    x[i] = pcm[i] * (1 - cosf (2 * (gfloat) G_PI * (i + 0.5f) / TELU_PACKET)) /
        TELU_PACKET;
  for (guint b = 0; b < BANDS; b++) {
    gfloat sum = 0;
    guint n = 0;

    for (guint hz = edge[b]; hz < edge[b + 1]; hz += BIN_HZ, n++)
      sum += power (x, hz);
    level[b] = MAX (LEAST_LEVEL, 10 * log10f (sum / n + 1e-20f));
  }
}

/* Returns whether the first difference of pcm [320], which has little hum, repeats itself. */
static gboolean
is_pitched (const gfloat * pcm)
{
  const gint n = TELU_PACKET - 1;
  gfloat d[TELU_PACKET], energy[TELU_PACKET] = { 0 };   /* of the first i */

  for (gint i = 0; i < n; i++) {
    d[i] = pcm[i + 1] - pcm[i];
    energy[i + 1] = energy[i] + d[i] * d[i];
  }
  for (gint lag = TELU_RATE / 400; lag <= TELU_PACKET * 3 / 4; lag++) {
    const gfloat both = (energy[n] - energy[lag]) * energy[n - lag];
    gfloat xy = 0;

    for (gint i = lag; i < n; i++)
      xy += d[i] * d[i - lag];
    if (xy > 0 && xy * xy > PITCHED * PITCHED * both + 1e-20f)
      return TRUE;
  }
  return FALSE;
}

gboolean
gst_telucodec_activity_update (GstTelucodecActivity * a, const gfloat * pcm)
{
  const guint span = a->packets / SPAN_PACKETS % SPANS;
  const gboolean begins = a->packets % SPAN_PACKETS == 0;
  gfloat level[BANDS], above = 0;

  band_levels (level, pcm);
  for (guint b = 0; b < BANDS; b++) {
    gfloat floor;

    a->level[b] = a->packets ? 0.6f * a->level[b] + 0.4f * level[b] : level[b];
    a->least[b][span] = begins ? a->level[b] : MIN (a->least[b][span], a->level[b]);
    floor = a->least[b][span];
    for (guint i = 0; i < MIN (SPANS, a->packets / SPAN_PACKETS); i++)
      floor = MIN (floor, a->least[b][i]);
    above += MAX (0.0f, MAX (a->level[b], level[b]) - floor - margin[b]) / BANDS;
  }
  a->packets++;
  a->active = above > (a->active ? RELEASE : ATTACK) || is_pitched (pcm);
  a->run = a->active ? a->run + 1 : 0;
  if (a->active)
    a->hangover = MAX (a->hangover, CLAMP (a->run, SHORT_HANGOVER, HANGOVER));
  else if (a->hangover > 0)
    a->hangover--;
  return a->active || a->hangover > 0;
}
