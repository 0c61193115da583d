/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_gaps.c - telucodecdec with many gaps, and long ones: those of a call become sound, and
 * a small file cannot claim hours of it. */
#include "gst_common.h"

#define F32 RAW_CAPS ("F32LE")

/* Pushes packets with a gap before each. Returns the samples that come; samples and GAP events
 * must cover all the time. */
static gint64
fill (gint packets, gdouble seconds)
{
  gfloat *pcm = tc_signal (TELU_PACKET);
  GPtrArray *one = tc_encode (pcm, TELU_PACKET, NULL);
  GstHarness *h = tc_decoder (F32);
  gint64 samples = 0, at = 0;
  GstClockTime gaps = 0;
  GstBuffer *buf;
  GstEvent *event;

  for (gint k = 0; k < packets; k++) {
    const gint64 next = at + seconds * TELU_RATE;

    gst_harness_push_event (h, gst_event_new_gap (tc_time (at), tc_time (next) - tc_time (at)));
    buf = tc_packet_buffer (one, 1, 2 * TELU_PACKET);
    GST_BUFFER_PTS (buf) = tc_time (next);
    GST_BUFFER_DURATION (buf) = 20 * GST_MSECOND;
    gst_harness_push (h, buf);
    at = next + TELU_PACKET;
    while ((buf = gst_harness_try_pull (h))) {
      samples += gst_buffer_get_size (buf) / 4;
      gst_buffer_unref (buf);
    }
  }
  while ((event = gst_harness_try_pull_event (h))) {
    GstClockTime time, duration;

    if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
      gst_event_parse_gap (event, &time, &duration);
      gaps += duration;
    }
    gst_event_unref (event);
  }
  CHECK (ABS (GST_CLOCK_DIFF (gaps, tc_time (at - samples))) < GST_MSECOND,
      "%d gaps of %.1f s: %.3f s as samples, %.3f as events of %.3f s", packets, seconds,
      samples / 16000.0, gaps / 1e9, at / 16000.0);
  gst_harness_teardown (h);
  g_ptr_array_unref (one);
  g_free (pcm);
  return samples;
}

/* Checks that gaps as those of a call become sound, however many; and that a small file cannot
 * claim hours of it. */
static void
test_many_gaps (void)
{
  gint64 samples = fill (100, 1.0);

  CHECK (samples == 100 * (TELU_RATE + TELU_PACKET), "gaps of 1 s: %.2f s", samples / 16000.0);
  samples = fill (3, 15.0);
  CHECK (samples == 3 * (15 * TELU_RATE + TELU_PACKET), "gaps of 15 s: %.2f s",
      samples / 16000.0);
  samples = fill (100, 50.0);
  CHECK (samples <= (60 + 100) * TELU_RATE + 100 * TELU_PACKET && samples >= 60 * TELU_RATE,
      "gaps of 50 s: %.2f s", samples / 16000.0);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_many_gaps ();
  return tc_done ("gst_gaps");
}
