/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_background.c - noise of telucodecdec in place of many lost packets: it is the background
 * of the call, and comes as the concealed sound of telu.h fades. The weights are the shipped ones,
 * since those of the other tests make noise of a pause. */
#include "gst_common.h"

#include <math.h>

/* Returns the level of x [n] in dB of full scale. */
static gdouble
level (const gfloat * x, gint n)
{
  gdouble sum = 1e-12;

  for (gint i = 0; i < n; i++)
    sum += (gdouble) x[i] * x[i];
  return 10 * log10 (sum / n);
}

#define BEFORE 120              /* packets in front of the gap, and its own */
#define LOST 250

/* Loses LOST packets behind `before` ones of a voice that pauses in a background of this level.
 * Returns the samples of the gap and of the next packet, less those that telu.h gives, which are
 * the element's own. */
static gfloat *
added_noise (gdouble background, guint before)
{
  const gint n = (BEFORE + 20) * TELU_PACKET, lost = LOST * TELU_PACKET;
  struct telu_rate rate = telu_rate_init ();
  gfloat *pcm = tc_signal (n), *added = g_new (gfloat, lost + TELU_PACKET);
  struct telu_decoder *dec = telu_decoder_new (tc_model (), NULL);
  GstHarness *h = tc_decoder (RAW_CAPS ("F32LE"));
  GRand *rand = g_rand_new_with_seed (1);
  GPtrArray *packets;
  GArray *got;
  GstBuffer *buf;

  for (gint i = 0; i < n; i++)
    pcm[i] = pcm[i] * (i / TELU_PACKET % 40 < 25 ? 0.5f : 0) +
        g_rand_double_range (rand, -1, 1) * sqrt (3) * pow (10, background / 20);
  rate.bitrate = 64000;
  rate.tune = TELU_SNR;
  packets = tc_encode (pcm, n, &rate);
  for (guint k = 0; k <= before; k++) {
    GBytes *bytes = g_ptr_array_index (packets, k);
    gfloat *x = added + (k < before ? 0 : lost);

    if (k == before)
      for (gint i = 0; i < lost; i += TELU_PACKET)
        telu_conceal (dec, added + i);
    telu_decode (dec, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), x);
    buf = tc_packet_buffer (packets, k, n);
    if (k == before) {
      gst_harness_push_event (h, gst_event_new_gap (GST_BUFFER_PTS (buf), tc_time (lost)));
      GST_BUFFER_PTS (buf) += tc_time (lost);
    }
    gst_harness_push (h, buf);
    if (k + 1 == before)
      g_array_unref (tc_pull_raw (h, FALSE, 0));
  }
  got = tc_pull_raw (h, FALSE, before * TELU_PACKET - TELU_DELAY);
  CHECK ((gint) got->len == lost + TELU_PACKET, "%u samples", got->len);
  for (guint i = 0; i < got->len; i++)
    added[i] = g_array_index (got, gfloat, i) - added[i];
  g_array_unref (got);
  gst_harness_teardown (h);
  telu_decoder_free (dec);
  g_ptr_array_unref (packets);
  g_rand_free (rand);
  g_free (pcm);
  return added;
}

/* Checks that a lost packet is followed, as its sound fades, by the background and no more: not for
 * ever, not of a voice alone, and not within the packet that ends the loss. */
static void
test_background (void)
{
  for (gdouble background = -70; background <= -30; background += 20) {
    gfloat *x = added_noise (background, BEFORE);
    const gdouble wanted = MIN (background, -40);

    for (gint i = 0; i < 3 * TELU_PACKET; i++)
      CHECK (x[i] == 0, "noise in packet %d of a loss", i / TELU_PACKET);
    for (gint ms = 200; ms < 2000; ms += 100)
      CHECK (fabs (level (x + 16 * ms, 1600) - wanted) < 2.5,
          "background of %.0f dB: %.1f dB %d ms behind the loss", background,
          level (x + 16 * ms, 1600), ms);
    CHECK (level (x + LOST * TELU_PACKET - 1600, 1600) < -110, "noise without end");
    for (gint i = TELU_DELAY; i < TELU_PACKET; i++)
      CHECK (x[LOST * TELU_PACKET + i] == 0, "sample %d behind the loss", i);
    g_free (x);
    x = added_noise (background, 20);
    CHECK (level (x, LOST * TELU_PACKET) < -110, "noise of 20 packets");
    g_free (x);
  }
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_background ();
  return tc_done ("gst_background");
}
