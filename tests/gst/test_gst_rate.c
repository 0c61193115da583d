/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_rate.c - a bit rate that changes each second, as congestion control changes it: makes
 * no click, loses no sample, and each second has the bytes of its rate. With the shipped weights,
 * beside constant rates. */
#include "gst_common.h"

#include <math.h>

#define SECONDS 12
#define SAMPLES (SECONDS * TELU_RATE)
#define BEGIN 3                 /* seconds in which a stream may spend more, at any rate */
#define NEAR (20 * TELU_RATE / 1000)    /* samples on both sides of a change */

static const gint rates[] = { 9000, 24000, 16000, 8000, 12000 };

/* Returns the bit rate of a second: constant, or with 0 one after the other. */
static gint
rate_of (gint constant, gint second)
{
  return constant ? constant : rates[second % (gint) G_N_ELEMENTS (rates)];
}

/* Returns what is heard of pcm [SAMPLES], and adds to bytes [SECONDS] what each second sends. */
static GArray *
through (const gfloat * pcm, gint constant, gint * bytes)
{
  GstHarness *enc = gst_harness_new ("telucodecenc"), *dec = tc_decoder (RAW_CAPS ("F32LE"));
  GArray *heard;
  GstBuffer *buf;

  gst_harness_set_src_caps_str (enc, RAW_CAPS ("F32LE"));
  for (gint i = 0; i < SAMPLES; i += TELU_PACKET) {
    g_object_set (enc->element, "bitrate", rate_of (constant, i / TELU_RATE), NULL);
    gst_harness_push (enc, tc_raw_buffer (pcm, i, TELU_PACKET, FALSE));
    while ((buf = gst_harness_try_pull (enc))) {
      bytes[i / TELU_RATE] += gst_buffer_get_size (buf);
      gst_harness_push (dec, buf);
    }
  }
  gst_harness_push_event (enc, gst_event_new_eos ());
  while ((buf = gst_harness_try_pull (enc)))
    gst_harness_push (dec, buf);
  heard = tc_pull_raw (dec, FALSE, 0);
  CHECK (heard->len == SAMPLES, "%d bit/s: %u samples for %d", constant, heard->len, SAMPLES);
  gst_harness_teardown (enc);
  gst_harness_teardown (dec);
  return heard;
}

/* Returns the greatest step of what the codec adds, from sample `from` to `to`: a click is one. */
static gdouble
step (const gfloat * pcm, GArray * heard, gint from, gint to)
{
  const gfloat *x = (const gfloat *) heard->data;
  gdouble most = 0;

  for (gint i = MAX (from, 1); i < MIN (to, SAMPLES); i++)
    most = MAX (most, fabs ((x[i] - pcm[i]) - (x[i - 1] - pcm[i - 1])));
  return most;
}

int
main (int argc, char **argv)
{
  const guint n = G_N_ELEMENTS (rates);
  GArray *changing, *constant[G_N_ELEMENTS (rates)];
  gint bytes[SECONDS] = { 0 }, sent = 0, wanted = 0;
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (SAMPLES);
  changing = through (pcm, 0, bytes);
  for (guint k = 0; k < n; k++) {
    gint same[SECONDS] = { 0 };

    constant[k] = through (pcm, rates[k], same);
  }
  for (gint s = 1; s < SECONDS; s++) {
    const gint at = s * TELU_RATE;
    const gdouble here = step (pcm, changing, at - NEAR, at + NEAR);
    const gdouble before = step (pcm, constant[(s - 1) % n], at - NEAR, at + NEAR);
    const gdouble behind = step (pcm, constant[s % n], at - NEAR, at + NEAR);

    CHECK (here < 1.5 * MAX (before, behind), "second %d: a step of %g where the rate changes, "
        "%g and %g at constant ones", s, here, before, behind);
  }
  for (gint s = BEGIN; s < SECONDS; s++) {
    const gint rate = rate_of (0, s);

    CHECK (ABS (bytes[s] * 8 - rate) < rate / 5, "second %d: %d bit/s, expected %d", s,
        bytes[s] * 8, rate);
    sent += bytes[s] * 8;
    wanted += rate;
  }
  CHECK (ABS (sent - wanted) < wanted / 20, "%d bits, expected %d", sent, wanted);
  for (guint k = 0; k < n; k++)
    g_array_unref (constant[k]);
  g_array_unref (changing);
  g_free (pcm);
  return tc_done ("rate");
}
