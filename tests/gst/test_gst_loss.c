/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_loss.c - telucodecdec with lost or damaged packets: the samples match the duration,
 * each at its time, and other packets stay unchanged. */
#include "gst_common.h"

#include <string.h>

#define F32 RAW_CAPS ("F32LE")
#define S16 RAW_CAPS ("S16LE")

/* Pushes packets 0 to 9, a gap of this length, and packet 10. The gap must hold the samples
 * that telu.h conceals, and the next packet must keep its time. */
static void
check_gap (GstClockTime duration, gint n, gint parts)
{
  gfloat *pcm = tc_signal (20 * TELU_PACKET), x[TELU_PACKET];
  GPtrArray *packets = tc_encode (pcm, 20 * TELU_PACKET, NULL);
  struct telu_decoder *dec = telu_decoder_new (tc_model (), NULL);
  gfloat *expected = g_new0 (gfloat, n + TELU_PACKET);
  GstHarness *h = tc_decoder (F32);
  const gint begin = 10 * TELU_PACKET - TELU_DELAY;
  GstBuffer *buf;
  GBytes *next = g_ptr_array_index (packets, 10);
  GArray *got;
  gint filled = 0;

  for (guint k = 0; k < 10; k++) {
    GBytes *bytes = g_ptr_array_index (packets, k);

    gst_harness_push (h, tc_packet_buffer (packets, k, 20 * TELU_PACKET));
    telu_decode (dec, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
        x);
  }
  while ((buf = gst_harness_try_pull (h)))
    gst_buffer_unref (buf);

  for (; filled < n && filled < 10 * TELU_RATE; filled += TELU_PACKET) {
    telu_conceal (dec, x);
    memcpy (expected + filled, x, MIN (TELU_PACKET, n - filled) *
        sizeof (gfloat));
  }
  telu_decode (dec, g_bytes_get_data (next, NULL), g_bytes_get_size (next),
      expected + n);

  for (gint i = 0; i < parts; i++) {
    const GstClockTime from = tc_time (begin) + duration * i / parts;
    const GstClockTime to = tc_time (begin) + duration * (i + 1) / parts;

    gst_harness_push_event (h, gst_event_new_gap (from,
            GST_CLOCK_TIME_IS_VALID (duration) ? to - from : duration));
  }
  buf = tc_packet_buffer (packets, 10, 20 * TELU_PACKET);
  GST_BUFFER_PTS (buf) = tc_time (begin + n);
  GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
  gst_harness_push (h, buf);

  if (parts == 1) {
    got = tc_pull_raw (h, FALSE, begin);
    tc_expect_samples (got, expected, n + TELU_PACKET, "gap");
    g_array_unref (got);
    CHECK (tc_stat (h, "num-gap") == 1 &&
        tc_stat (h, "plc-num-samples") == (guint64) n &&
        tc_stat (h, "plc-duration") == tc_time (n), "stats of %d samples", n);
  } else {
    gint sum = 0;

    while ((buf = gst_harness_try_pull (h))) {
      sum += gst_buffer_get_size (buf) / 4;
      gst_buffer_unref (buf);
    }
    CHECK (sum == n + TELU_PACKET, "%d parts: %d samples, expected %d", parts,
        sum, n + TELU_PACKET);
  }
  gst_harness_teardown (h);
  g_free (expected);
  telu_decoder_free (dec);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

static void
test_gaps (void)
{
  check_gap (20 * GST_MSECOND, 320, 1);
  check_gap (60 * GST_MSECOND, 960, 1);
  check_gap (7 * GST_MSECOND, 112, 1);
  check_gap (30 * GST_MSECOND, 480, 1);
  check_gap (500 * GST_MSECOND, 8000, 1);
  check_gap (GST_CLOCK_TIME_NONE, 320, 1);
  check_gap (33333333, 533, 1);
  check_gap (12 * GST_SECOND + 5 * GST_MSECOND, 12 * 16000 + 80, 1);
  check_gap (100 * GST_MSECOND, 1600, 3);
  check_gap (100 * GST_MSECOND, 1600, 7);
}

/* Checks a stream that is only a gap, before any caps. */
static void
test_first_is_gap (void)
{
  gfloat *pcm = tc_signal (1000);
  GPtrArray *packets = tc_encode (pcm, 1000, NULL);

  for (gint with_caps = 0; with_caps < 2; with_caps++) {
    GstHarness *h = with_caps ? tc_decoder (S16) :
        gst_harness_new ("telucodecdec");
    GstCaps *expected = gst_caps_from_string (S16), *out;
    GstSegment segment;
    GArray *got;

    if (!with_caps) {
      gst_harness_set_sink_caps_str (h, S16);
      gst_harness_push_event (h, gst_event_new_stream_start ("a"));
      gst_segment_init (&segment, GST_FORMAT_TIME);
      gst_harness_push_event (h, gst_event_new_segment (&segment));
    }
    gst_harness_push_event (h, gst_event_new_gap (0, 15 * GST_MSECOND));
    out = gst_pad_get_current_caps (h->sinkpad);
    CHECK (out && gst_caps_is_subset (out, expected), "caps of the gap");
    got = tc_pull_raw (h, TRUE, 0);
    CHECK (got->len == 240, "%u samples, expected 240", got->len);
    g_array_unref (got);

    if (with_caps) {
      CHECK (gst_harness_push (h, tc_packet_buffer (packets, 1, 1000)) ==
          GST_FLOW_OK, "a packet after the gap");
      got = tc_pull_raw (h, TRUE, 240);
      CHECK (got->len == 320, "%u samples", got->len);
      g_array_unref (got);
    }
    gst_clear_caps (&out);
    gst_caps_unref (expected);
    gst_harness_teardown (h);
  }
  g_ptr_array_unref (packets);
  g_free (pcm);
}

static GstBuffer *
damaged (gint k)
{
  static const guint8 bytes[] = { 0xff, 0xff, 0xff, 0xff };
  GstBuffer *buf = gst_buffer_new_memdup (bytes, sizeof (bytes));

  GST_BUFFER_PTS (buf) = tc_time (k * TELU_PACKET - TELU_DELAY);
  GST_BUFFER_DURATION (buf) = 20 * GST_MSECOND;
  return buf;
}

/* Checks that a damaged packet affects its own samples alone, and no time stamp. */
static void
test_corrupt (void)
{
  const gint n = 20 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  GstHarness *h = tc_decoder (F32);
  GstBus *bus = tc_watch (h);
  GstMessage *message;
  GArray *got;
  gint warnings = 0;

  for (guint k = 0; k < packets->len; k++)
    CHECK (gst_harness_push (h, k == 5 || k == 6 || k == 11 ? damaged (k) :
            tc_packet_buffer (packets, k, n)) == GST_FLOW_OK, "packet %u", k);
  gst_harness_push_event (h, gst_event_new_eos ());
  got = tc_pull_raw (h, FALSE, 0);
  CHECK ((gint) got->len == n, "%u samples, expected %d", got->len, n);
  g_array_unref (got);
  CHECK (tc_stat (h, "corrupt") == 3, "%u", (guint) tc_stat (h, "corrupt"));
  while ((message = tc_message (bus, GST_MESSAGE_WARNING))) {
    GError *error = NULL;

    gst_message_parse_warning (message, &error, NULL);
    CHECK (g_error_matches (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE),
        "%s", error->message);
    g_error_free (error);
    gst_message_unref (message);
    warnings++;
  }
  CHECK (warnings == 1, "%d warnings, expected 1", warnings);
  message = tc_message (bus, GST_MESSAGE_ERROR);
  CHECK (!message, "an error for damaged packets");
  gst_clear_message (&message);
  tc_unwatch (h, bus);
  gst_harness_teardown (h);

  /* max-errors counts consecutive ones */
  h = tc_decoder (F32);
  bus = tc_watch (h);
  g_object_set (h->element, "max-errors", 2, NULL);
  gst_harness_push (h, tc_packet_buffer (packets, 0, n));
  for (gint k = 1; k <= 3; k++) {
    const GstFlowReturn ret = gst_harness_push (h, damaged (k));

    CHECK ((ret == GST_FLOW_OK) == (k < 3), "max-errors=2: %s at error %d",
        gst_flow_get_name (ret), k);
  }
  tc_expect_error (bus, "max-errors", GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
      "3 damaged");
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

/* Checks that a hole without a GAP event stays a hole, and later samples keep their time. */
static void
test_hole (void)
{
  const gint n = 20 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  GstHarness *h = tc_decoder (F32);
  GArray *got;

  gst_harness_push (h, tc_packet_buffer (packets, 0, n));
  got = tc_pull_raw (h, FALSE, 0);
  g_array_unref (got);
  for (gint k = 4; k < 6; k++) {
    GstBuffer *buf = tc_packet_buffer (packets, k, n);

    if (k == 4)
      GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
    gst_harness_push (h, buf);
  }
  got = tc_pull_raw (h, FALSE, 4 * TELU_PACKET - TELU_DELAY);
  CHECK (got->len == 640, "%u samples", got->len);
  g_array_unref (got);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_gaps ();
  test_first_is_gap ();
  test_corrupt ();
  test_hole ();
  return tc_done ("gst_loss");
}
