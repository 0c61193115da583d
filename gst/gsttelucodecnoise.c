/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecnoise.c - see gsttelucodecnoise.h. */
#include "gsttelucodecnoise.h"

#include "plc.h"

#include <math.h>
#include <string.h>

#define ORDER GST_TELUCODEC_NOISE_ORDER
#define SPANS GST_TELUCODEC_NOISE_SPANS
#define SPAN_PACKETS 13         /* eight spans are 2.1 s */
#define PAST GST_TELUCODEC_NOISE_PAST
#define SECOND 50               /* packets */
#define FADE TELU_DELAY         /* samples of a packet that overlap with the one before */
#define ABOVE_LEAST 4.0f        /* power of the noise, relative to the quietest packets */

/* Packets of a loss: the concealed sound fades from FULL to FADED, and the noise, from FADED on
 * alone, from LONG to ENDS. */
#define FULL 3
#define FADED TELU_PLC_SILENT
#define LONG 120
#define ENDS 150
#define MOST 1e-4f              /* power of that noise */

#define SILENCE "telucodec-silence"

void
gst_telucodec_noise_reset (GstTelucodecNoise * noise)
{
  *noise = (GstTelucodecNoise) { .seed = 1 };
}

/* Returns the mean square of x [n]. */
static gfloat
mean_square (const gfloat * x, gint n)
{
  gfloat sum = 0;

  for (gint i = 0; i < n; i++)
    sum += x[i] * x[i];
  return sum / n;
}

/* Notes how loud the packet is. */
static void
follow_level (GstTelucodecNoise * noise, gfloat level)
{
  gfloat *least = &noise->least[noise->packets / SPAN_PACKETS % SPANS];

  noise->level = level;
  noise->smooth = noise->packets ? 0.5f * (noise->smooth + level) : level;
  *least = noise->packets % SPAN_PACKETS ? MIN (*least, noise->smooth) : noise->smooth;
  noise->packets++;
}

/* Keeps the last two packets, the newer one so loud, if they are the quietest of this second. */
static void
follow_quiet (GstTelucodecNoise * noise, gfloat newer)
{
  const guint at = noise->packets / SECOND % 2;
  const gfloat level = 0.5f * (noise->level + newer);

  if (noise->packets % SECOND && level >= noise->quiet_level[at])
    return;
  noise->quiet_level[at] = level;
  memcpy (noise->quiet[at], noise->past, sizeof (noise->past));
}

/* Returns white noise of variance 1. */
static gfloat
draw (GstTelucodecNoise * noise)
{
  noise->seed = noise->seed * 1664525 + 1013904223;
  return (noise->seed >> 8) * (2 * 1.7320508f / (1 << 24)) - 1.7320508f;
}

static gfloat
next (GstTelucodecNoise * noise)
{
  gfloat x = noise->gain * draw (noise);

  for (gint k = 0; k < ORDER; k++)
    x -= noise->filter[k] * noise->memory[k];
  memmove (noise->memory + 1, noise->memory, (ORDER - 1) * sizeof (gfloat));
  return noise->memory[0] = x;
}

void
gst_telucodec_noise_receive (GstTelucodecNoise * noise, gfloat * pcm)
{
  gfloat level;

  for (gint i = 0; noise->running && i < FADE; i++) {
    const gfloat angle = (gfloat) G_PI_2 * (i + 0.5f) / FADE;

    pcm[i] = pcm[i] * sinf (angle) + next (noise) * cosf (angle);
  }
  for (gint i = 0; noise->part > 0 && i < FADE; i++)
    pcm[i] += noise->part * next (noise) * cosf ((gfloat) G_PI_2 * (i + 0.5f) / FADE);
  noise->running = FALSE;
  noise->lost = 0;
  noise->part = 0;
  memmove (noise->past, noise->past + TELU_PACKET, TELU_PACKET * sizeof (gfloat));
  memcpy (noise->past + TELU_PACKET, pcm, TELU_PACKET * sizeof (gfloat));
  level = mean_square (pcm, TELU_PACKET);
  follow_quiet (noise, level);
  follow_level (noise, level);
}

/* Sets filter and the variance of what it leaves, from the autocorrelation r [ORDER + 1]
 * (Levinson 1947, Durbin 1960). */
static gfloat
predict (gfloat * filter, const gdouble * r)
{
  gdouble a[ORDER] = { 0 }, b[ORDER], left = r[0];

  for (gint i = 0; i < ORDER; i++) {
    gdouble sum = r[i + 1], k;

    for (gint j = 0; j < i; j++)
      sum += a[j] * r[i - j];
    k = -sum / left;
    memcpy (b, a, sizeof (b));
    for (gint j = 0; j < i; j++)
      a[j] += k * b[i - 1 - j];
    a[i] = k;
    left *= 1 - k * k;
  }
  for (gint i = 0; i < ORDER; i++)
    filter[i] = a[i];
  return left;
}

/* Sets filter and gain to noise like past [PAST], of a mean square of `most` at most. */
static void
imitate (GstTelucodecNoise * noise, const gfloat * past, gfloat most)
{
  gdouble r[ORDER + 1] = { 0 };
  gfloat x[PAST], left;

  for (gint i = 0; i < PAST; i++)
    x[i] = past[i] * sinf ((gfloat) G_PI * (i + 0.5f) / PAST);
  for (gint lag = 0; lag <= ORDER; lag++) {
    const gdouble w = 2 * G_PI * 60 / TELU_RATE * lag;

    for (gint i = lag; i < PAST; i++)
      r[lag] += (gdouble) x[i] * x[i - lag];
    r[lag] *= exp (-0.5 * w * w);       /* smooths the spectrum by 60 Hz */
  }
  r[0] = r[0] * 1.00001 + 1e-9;
  left = predict (noise->filter, r);
  /* The window's mean square is 1/2. */
  noise->gain = sqrtf (2 * left / PAST * MIN (1.0f, most * PAST / 2 / (gfloat) r[0]));
}

/* Makes the noise that goes on with the last packets. */
static void
begin (GstTelucodecNoise * noise)
{
  gfloat least = noise->least[0];

  for (guint i = 1; i < MIN (SPANS, (noise->packets + SPAN_PACKETS - 1) / SPAN_PACKETS); i++)
    least = MIN (least, noise->least[i]);
  imitate (noise, noise->past, ABOVE_LEAST * least);
  for (gint k = 0; k < ORDER; k++)
    noise->memory[k] = noise->past[PAST - 1 - k];
  noise->part = 0;
  noise->running = TRUE;
}

void
gst_telucodec_noise_fill (GstTelucodecNoise * noise, gfloat * pcm, gint n)
{
  if (!noise->running)
    begin (noise);
  for (gint i = 0; i < n; i++)
    pcm[i] = next (noise);
}

/* Makes the noise that takes the place of lost packets. The voice in the last ones is no part of
 * it. */
static void
begin_behind_loss (GstTelucodecNoise * noise)
{
  const guint at = noise->quiet_level[0] > noise->quiet_level[1];

  imitate (noise, noise->quiet[at], MOST);
  memset (noise->memory, 0, sizeof (noise->memory));
}

/* Returns the share of the noise at the end of a lost packet. */
static gfloat
part_of (guint lost)
{
  if (lost <= FULL || lost >= ENDS)
    return 0;
  return lost < FADED ? (gfloat) (lost - FULL) / (FADED - FULL) :
      lost > LONG ? (gfloat) (ENDS - lost) / (ENDS - LONG) : 1;
}

void
gst_telucodec_noise_add (GstTelucodecNoise * noise, gfloat * pcm)
{
  gfloat from = noise->part, step;

  noise->lost = MIN (noise->lost + 1, ENDS);
  if (noise->packets <= SECOND)
    return;
  if (noise->lost == FULL + 1)
    begin_behind_loss (noise);
  noise->part = part_of (noise->lost);
  step = (noise->part - from) / TELU_PACKET;
  for (gint i = 0; (from > 0 || step > 0) && i < TELU_PACKET; i++)
    pcm[i] += (from + step * i) * next (noise);
}

GstEvent *
gst_telucodec_silence_event (GstClockTime pts, GstClockTime duration)
{
  GstEvent *event = gst_event_new_gap (pts, duration);

  gst_structure_set (gst_event_writable_structure (event), SILENCE, G_TYPE_BOOLEAN, TRUE,
      NULL);
  return event;
}

gboolean
gst_telucodec_is_silence (GstEvent * event)
{
  return GST_EVENT_TYPE (event) == GST_EVENT_GAP
      && gst_structure_has_field (gst_event_get_structure (event), SILENCE);
}
