/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_dec.c - checks that telucodecdec gives exactly the samples of telu.h, with their
 * time stamps, and its behaviour in pipelines. */
#include "gst_common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define F32 RAW_CAPS ("F32LE")
#define S16 RAW_CAPS ("S16LE")

static void
test_decode_nothing (void)
{
  GstHarness *h = tc_decoder (NULL);
  GstBus *bus = tc_watch (h);
  GstMessage *message;

  gst_harness_push_event (h, gst_event_new_eos ());
  CHECK (!gst_harness_buffers_in_queue (h), "sound of nothing");
  message = tc_message (bus, GST_MESSAGE_ERROR);
  CHECK (!message, "nothing is no error");
  gst_clear_message (&message);
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
}

static void
test_sizes (void)
{
  static const gint sizes[] = { 1, 79, 80, 81, 239, 240, 241, 320, 399, 400, 560,
    561, 640, 4799, 49000
  };
  gfloat *pcm = tc_signal (49000);

  /* loud enough to overflow 16 bits */
  for (gint i = 0; i < 49000; i++)
    pcm[i] *= 4;
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    const gint n = sizes[i];
    GPtrArray *packets = tc_encode (pcm, n, NULL);
    gfloat *expected = tc_decode (packets, n);

    for (gint s16 = 0; s16 < 2; s16++) {
      GstHarness *h = tc_decoder (s16 ? S16 : F32);
      gchar *what = g_strdup_printf ("%d samples %s", n, s16 ? "S16" : "F32");
      GArray *got;

      for (guint k = 0; k < packets->len; k++)
        CHECK (gst_harness_push (h, tc_packet_buffer (packets, k, n)) ==
            GST_FLOW_OK, "%s: packet %u", what, k);
      gst_harness_push_event (h, gst_event_new_eos ());
      got = tc_pull_raw (h, s16, 0);
      for (gint j = 0; s16 && j < n; j++)
        expected[j] = CLAMP (rintf (expected[j] * 32768), -32768, 32767);
      tc_expect_samples (got, expected, n, what);
      g_array_unref (got);
      g_free (what);
      gst_harness_teardown (h);
    }
    g_free (expected);
    g_ptr_array_unref (packets);
  }
  g_free (pcm);
}

/* Runs the signal through both elements. */
static void
test_both (void)
{
  const gint n = 12345;
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *expected = tc_decode (packets, n);
  GstHarness *h = gst_harness_new_parse ("telucodecenc ! telucodecdec");
  GstSegment segment;
  GArray *got;

  gst_harness_set_sink_caps_str (h, F32);
  gst_harness_set_src_caps_str (h, F32);
  for (gint i = 0; i < n; i += 1000)
    gst_harness_push (h, tc_raw_buffer (pcm, i, MIN (1000, n - i), FALSE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  got = tc_pull_raw (h, FALSE, 0);
  tc_expect_samples (got, expected, n, "first run");
  g_array_unref (got);

  /* the second run is independent of the first */
  for (gint i = 0; i < n; i += 77)
    gst_harness_push (h, tc_raw_buffer (pcm, i, MIN (77, n - i), FALSE));
  gst_harness_push_event (h, gst_event_new_eos ());
  got = tc_pull_raw (h, FALSE, 0);
  tc_expect_samples (got, expected, n, "second run");
  g_array_unref (got);
  gst_harness_teardown (h);
  g_free (expected);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

static void
test_flush (void)
{
  const gint n = 3000;
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *expected = tc_decode (packets, n);
  GstHarness *h = tc_decoder (F32);
  GstSegment segment;
  GstBuffer *buf;
  GArray *got;

  for (guint k = 0; k < 5; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, n));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  while ((buf = gst_harness_try_pull (h)))
    gst_buffer_unref (buf);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (guint k = 0; k < packets->len; k++) {
    buf = tc_packet_buffer (packets, k, n);
    GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
    gst_harness_push (h, buf);
  }
  got = tc_pull_raw (h, FALSE, 0);
  tc_expect_samples (got, expected, n, "after the flush");
  g_array_unref (got);
  gst_harness_teardown (h);
  g_free (expected);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

/* Changes the format that downstream accepts while playing. */
static void
test_renegotiation (void)
{
  const gint n = 12 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *expected = tc_decode (packets, n);
  GstHarness *h = tc_decoder (F32);

  for (guint k = 0; k < packets->len; k++) {
    const gboolean s16 = (k / 3) & 1;
    const gint at = k ? k * TELU_PACKET - TELU_DELAY : 0;
    GArray *got;

    if (k % 3 == 0 && k) {
      gst_harness_set_sink_caps_str (h, s16 ? S16 : F32);
      gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
    }
    CHECK (gst_harness_push (h, tc_packet_buffer (packets, k, n)) ==
        GST_FLOW_OK, "packet %u", k);
    got = tc_pull_raw (h, s16, at);
    for (guint i = 0; i < got->len; i++) {
      const gfloat x = expected[at + i];
      const gfloat y = s16 ? CLAMP (rintf (x * 32768), -32768, 32767) : x;

      if (!CHECK (g_array_index (got, gfloat, i) == y,
              "sample %d is %g, expected %g", at + i,
              g_array_index (got, gfloat, i), y))
        break;
    }
    CHECK (got->len > 0, "packet %u: no samples", k);
    g_array_unref (got);
  }
  gst_harness_teardown (h);
  g_free (expected);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

/* Checks that packets of other weights are refused, with both ids and a remedy in the text,
 * and that the element plays once the weights are set. */
static void
test_model_id (void)
{
  gchar *path = tc_path ("other.safetensors"), *caps = tc_coded_caps ();
  GstElement *dec = gst_element_factory_make ("telucodecdec", NULL);
  GstBus *bus = gst_bus_new ();
  GstPad *pad = gst_element_get_static_pad (dec, "sink");
  GstCaps *coded = gst_caps_from_string (caps);
  struct telu_model *other;

  tc_write_other_model (path);
  other = telu_model_open (path);
  CHECK (other, "%s", telu_error ());
  gst_element_set_bus (dec, bus);
  g_object_set (dec, "model-path", path, NULL);

  for (gint round = 0; round < 2; round++) {
    CHECK (gst_element_set_state (dec, GST_STATE_PAUSED) !=
        GST_STATE_CHANGE_FAILURE, "round %d", round);
    gst_pad_send_event (pad, gst_event_new_stream_start ("a"));
    CHECK (gst_pad_send_event (pad, gst_event_new_caps (coded)) == round,
        "caps with another model-id, round %d", round);
    if (round == 0 && other) {
      tc_expect_error (bus, "model-id", GST_STREAM_ERROR,
          GST_STREAM_ERROR_FORMAT, telu_model_id (other));
      gst_element_set_state (dec, GST_STATE_READY);
      gst_element_set_state (dec, GST_STATE_PAUSED);
      gst_pad_send_event (pad, gst_event_new_stream_start ("a"));
      gst_pad_send_event (pad, gst_event_new_caps (coded));
      tc_expect_error (bus, "model-id", GST_STREAM_ERROR,
          GST_STREAM_ERROR_FORMAT, telu_model_id (tc_model ()));
      gst_element_set_state (dec, GST_STATE_READY);
      gst_element_set_state (dec, GST_STATE_PAUSED);
      gst_pad_send_event (pad, gst_event_new_stream_start ("a"));
      gst_pad_send_event (pad, gst_event_new_caps (coded));
      tc_expect_error (bus, "model-id", GST_STREAM_ERROR,
          GST_STREAM_ERROR_FORMAT, "model-path");
      /* GStreamer sends refused caps again before each event. */
      for (gint i = 0; i < 5; i++)
        gst_pad_send_event (pad, gst_event_new_caps (coded));
      CHECK (!tc_message (bus, GST_MESSAGE_ERROR), "refused caps are told again");
    }
    gst_element_set_state (dec, GST_STATE_NULL);
    g_object_set (dec, "model-path", tc_model_path (), NULL);
  }

  gst_element_set_bus (dec, NULL);
  gst_object_unref (bus);
  gst_object_unref (pad);
  gst_caps_unref (coded);
  telu_model_close (other);
  gst_object_unref (dec);
  g_free (caps);
  g_free (path);
}

static void
test_no_caps (void)
{
  GstElement *element = gst_element_factory_make ("telucodecdec", NULL);
  GstBus *bus = gst_bus_new ();
  GstPad *pad = gst_element_get_static_pad (element, "sink");
  GstSegment segment;
  GstFlowReturn ret;

  gst_element_set_bus (element, bus);
  gst_element_set_state (element, GST_STATE_PLAYING);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_send_event (pad, gst_event_new_stream_start ("a"));
  gst_pad_send_event (pad, gst_event_new_segment (&segment));
  ret = gst_pad_chain (pad, gst_buffer_new_allocate (NULL, 1, NULL));
  CHECK (ret == GST_FLOW_NOT_NEGOTIATED, "%s", gst_flow_get_name (ret));
  tc_expect_error (bus, "without caps", GST_CORE_ERROR,
      GST_CORE_ERROR_NEGOTIATION, "");
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (pad);
  gst_object_unref (bus);
  gst_object_unref (element);
}

/* Checks that a player that skips audio gets one GAP for each packet or gap. */
static void
test_trickmode (void)
{
  const gint n = 10 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  GstHarness *h = tc_decoder (F32);
  GstSegment segment;
  GstEvent *event;
  gint gaps = 0;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.flags |= GST_SEGMENT_FLAG_TRICKMODE_NO_AUDIO;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (gint k = 0; k < 5; k++)
    CHECK (gst_harness_push (h, tc_packet_buffer (packets, k, n)) ==
        GST_FLOW_OK, "packet %d", k);
  gst_harness_push_event (h, gst_event_new_gap (tc_time (5 * TELU_PACKET),
          20 * GST_MSECOND));
  while ((event = gst_harness_try_pull_event (h))) {
    gaps += GST_EVENT_TYPE (event) == GST_EVENT_GAP;
    gst_event_unref (event);
  }
  CHECK (gaps == 6 && !gst_harness_buffers_in_queue (h), "%d gaps, %u buffers",
      gaps, gst_harness_buffers_in_queue (h));

  segment.flags = 0;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, tc_packet_buffer (packets, 6, n));
  gst_harness_push_event (h, gst_event_new_gap (tc_time (7 * TELU_PACKET -
              TELU_DELAY), 20 * GST_MSECOND));
  CHECK (gst_harness_buffers_in_queue (h) == 2, "%u buffers",
      gst_harness_buffers_in_queue (h));
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

/* Plays backwards: all samples must come, the last piece first. */
static void
test_reverse (void)
{
  const gint n = 12 * TELU_PACKET - TELU_DELAY;
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  GstHarness *h = tc_decoder (F32);
  GstClockTime before = GST_CLOCK_TIME_NONE;
  GstSegment segment;
  GstBuffer *buf;
  gint sum = 0;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = segment.position = tc_time (n);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (gint piece = 3; piece >= 0; piece--) {
    for (gint k = 3 * piece; k < 3 * piece + 3; k++) {
      buf = tc_packet_buffer (packets, k, n);
      if (k == 3 * piece)
        GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
      gst_harness_push (h, buf);
    }
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((buf = gst_harness_try_pull (h))) {
    sum += gst_buffer_get_size (buf) / 4;
    CHECK (GST_BUFFER_PTS (buf) < before, "%" GST_TIME_FORMAT " after %"
        GST_TIME_FORMAT, GST_TIME_ARGS (GST_BUFFER_PTS (buf)),
        GST_TIME_ARGS (before));
    before = GST_BUFFER_PTS (buf);
    gst_buffer_unref (buf);
  }
  CHECK (sum == n, "%d samples, expected %d", sum, n);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

static void
test_tags_and_stats (void)
{
  gfloat *pcm = tc_signal (10 * TELU_PACKET);
  GPtrArray *packets = tc_encode (pcm, 10 * TELU_PACKET, NULL);
  GstHarness *h = tc_decoder (F32);
  GstStructure *stats;
  GstEvent *event;
  gchar *codec = NULL;
  gdouble speed = 0;
  guint rate = 0, channels = 0;

  for (gint k = 0; k < 10; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, 10 * TELU_PACKET));
  while ((event = gst_harness_try_pull_event (h))) {
    GstTagList *tags;

    if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
      gst_event_parse_tag (event, &tags);
      gst_tag_list_get_string (tags, GST_TAG_AUDIO_CODEC, &codec);
    }
    gst_event_unref (event);
  }
  CHECK (!g_strcmp0 (codec, "TeluCodec"), "codec %s", codec);

  g_object_get (h->element, "stats", &stats, NULL);
  gst_structure_get (stats, "sample-rate", G_TYPE_UINT, &rate, "channels",
      G_TYPE_UINT, &channels, "real-time-factor", G_TYPE_DOUBLE, &speed, NULL);
  CHECK (gst_structure_has_name (stats, "application/x-telucodecdec-stats")
      && rate == 16000 && channels == 1 && speed > 0, "%s %u %u %g",
      gst_structure_get_name (stats), rate, channels, speed);
  CHECK (!g_strcmp0 (gst_structure_get_string (stats, "model-id"),
          telu_model_id (tc_model ()))
      && !g_strcmp0 (gst_structure_get_string (stats, "active-backend"),
          tc_in_batches ()? "cuda" : "cpu"),
      "%s %s", gst_structure_get_string (stats, "model-id"),
      gst_structure_get_string (stats, "active-backend"));
  CHECK (tc_stat (h, "num-pushed") == 10 && tc_stat (h, "num-gap") == 0
      && tc_stat (h, "corrupt") == 0, "num-pushed %u",
      (guint) tc_stat (h, "num-pushed"));
  gst_structure_free (stats);
  g_free (codec);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  const int child = tc_child (argc, argv);

  if (child >= 0)
    return child;
  tc_init (&argc, &argv);
  test_decode_nothing ();
  test_sizes ();
  test_both ();
  test_flush ();
  test_renegotiation ();
  test_model_id ();
  test_no_caps ();
  test_trickmode ();
  test_reverse ();
  test_tags_and_stats ();
  tc_test_states ("telucodecdec");
  tc_test_model_errors ("telucodecdec");
  tc_test_model_cache ("telucodecdec");
  return tc_done ("gst_dec");
}
