/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_hold.c - a decoder that holds packets to decode them together (batch-packets) gives the
 * buffers of one that does not: samples, time stamps and flags, with gaps, damage and new runs. */
#include "gst_common.h"

#define F32 RAW_CAPS ("F32LE")
#define PACKETS 53
#define SAMPLES (PACKETS * TELU_PACKET - TELU_DELAY)

static GstHarness *
decoder (guint together)
{
  GstElement *dec = gst_element_factory_make ("telucodecdec", NULL);
  GstHarness *h;
  gchar *caps = tc_coded_caps ();

  g_object_set (dec, "batch-packets", together, NULL);
  h = gst_harness_new_with_element (dec, "sink", "src");
  gst_object_unref (dec);
  gst_harness_set_sink_caps_str (h, F32);
  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

/* Pushes two runs, with holes, damaged packets and a flush that is none of a seek. */
static void
push_all (GstHarness * h, GPtrArray * packets)
{
  for (guint run = 0; run < 2; run++) {
    for (guint k = 0; k < packets->len; k++) {
      GstBuffer *buf = tc_packet_buffer (packets, k, SAMPLES);

      GST_BUFFER_PTS (buf) += run * tc_time (SAMPLES);
      if (k % 13 == 5 || k % 13 == 6) {
        gst_harness_push_event (h, gst_event_new_gap (GST_BUFFER_PTS (buf),
                GST_BUFFER_DURATION (buf)));
        gst_buffer_unref (buf);
        continue;
      }
      if (k % 17 == 11) {
        buf = gst_buffer_make_writable (buf);
        gst_buffer_memset (buf, 0, 0xff, 2);
      }
      if (k == 20)
        GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
      gst_harness_push (h, buf);
    }
    gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "a run",
                NULL)));
  }
  gst_harness_push_event (h, gst_event_new_eos ());
}

static gboolean
same (GstBuffer * a, GstBuffer * b)
{
  GstMapInfo map;
  gboolean ok;

  gst_buffer_map (a, &map, GST_MAP_READ);
  ok = gst_buffer_get_size (b) == map.size && gst_buffer_memcmp (b, 0, map.data, map.size) == 0
      && GST_BUFFER_PTS (a) == GST_BUFFER_PTS (b)
      && GST_BUFFER_DURATION (a) == GST_BUFFER_DURATION (b)
      && GST_BUFFER_FLAG_IS_SET (a, GST_BUFFER_FLAG_DISCONT) ==
      GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DISCONT);
  gst_buffer_unmap (a, &map);
  return ok;
}

static void
test_same (GPtrArray * packets, guint together)
{
  static const gchar *const stats[] = { "num-pushed", "num-gap", "plc-num-samples", "corrupt" };
  GstHarness *one = decoder (1), *h = decoder (together);
  guint n = 0;

  push_all (one, packets);
  push_all (h, packets);
  for (;; n++) {
    GstBuffer *want = gst_harness_try_pull (one), *got = gst_harness_try_pull (h);

    CHECK (!want == !got, "%u together: %s buffers than one by one, at %u", together,
        want ? "fewer" : "more", n);
    CHECK (!want || !got || same (want, got), "%u together: buffer %u is another", together, n);
    if (!want || !got)
      break;
    gst_buffer_unref (want);
    gst_buffer_unref (got);
  }
  CHECK (n > 2 * PACKETS - 4, "%u buffers", n);
  for (guint i = 0; i < G_N_ELEMENTS (stats); i++)
    CHECK (tc_stat (one, stats[i]) == tc_stat (h, stats[i]), "%s: %" G_GUINT64_FORMAT
        ", expected %" G_GUINT64_FORMAT, stats[i], tc_stat (h, stats[i]), tc_stat (one, stats[i]));
  gst_harness_teardown (one);
  gst_harness_teardown (h);
}

/* Packets are held until they are so many, which adds latency; a flush or stop drops them. */
static void
test_held (GPtrArray * packets, const gfloat * sound)
{
  GstHarness *h = decoder (4);
  gchar *caps = tc_coded_caps ();
  GstSegment segment;
  GArray *got;

  CHECK (gst_harness_query_latency (h) == 60 * GST_MSECOND, "latency %" GST_TIME_FORMAT,
      GST_TIME_ARGS (gst_harness_query_latency (h)));
  for (guint k = 0; k < 3; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, SAMPLES));
  CHECK (gst_harness_buffers_in_queue (h) == 0, "3 of 4 packets are decoded");
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (guint k = 0; k < packets->len; k++) {
    gst_harness_push (h, tc_packet_buffer (packets, k, SAMPLES));
    CHECK (gst_harness_buffers_in_queue (h) == (k + 1) / 4 * 4, "%u buffers of %u packets",
        gst_harness_buffers_in_queue (h), k + 1);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  got = tc_pull_raw (h, FALSE, 0);
  tc_expect_samples (got, sound, SAMPLES, "after a flush of packets that were held");
  g_array_unref (got);
  gst_harness_teardown (h);

  h = decoder (8);
  for (guint k = 0; k < 5; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, SAMPLES));
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (h, caps);
  for (guint k = 0; k < packets->len; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, SAMPLES));
  gst_harness_push_event (h, gst_event_new_eos ());
  got = tc_pull_raw (h, FALSE, 0);
  tc_expect_samples (got, sound, SAMPLES, "after a stop with packets that were held");
  g_array_unref (got);
  gst_harness_teardown (h);
  g_free (caps);
}

/* Backward all samples come, as from a decoder that holds nothing. */
static void
test_reverse (GPtrArray * packets)
{
  GstHarness *h[2] = { decoder (1), decoder (8) };
  GstSegment segment;
  GstBuffer *want, *got;
  guint n = 0;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = segment.position = tc_time (SAMPLES);
  for (guint i = 0; i < 2; i++) {
    gst_harness_push_event (h[i], gst_event_new_segment (&segment));
    for (gint piece = 5; piece >= 0; piece--) {
      for (gint k = 5 * piece; k < 5 * piece + 5; k++) {
        GstBuffer *buf = tc_packet_buffer (packets, k, SAMPLES);

        if (k == 5 * piece)
          GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
        gst_harness_push (h[i], buf);
      }
    }
    gst_harness_push_event (h[i], gst_event_new_eos ());
  }
  while ((want = gst_harness_try_pull (h[0]))) {
    got = gst_harness_try_pull (h[1]);
    CHECK (got && same (want, got), "backward, buffer %u is another", n);
    gst_clear_buffer (&got);
    gst_buffer_unref (want);
    n++;
  }
  CHECK (n == 30 && !gst_harness_try_pull (h[1]), "%u buffers backward", n);
  gst_harness_teardown (h[0]);
  gst_harness_teardown (h[1]);
}

int
main (int argc, char **argv)
{
  GPtrArray *packets;
  gfloat *pcm, *sound;

  tc_init (&argc, &argv);
  pcm = tc_signal (SAMPLES);
  packets = tc_encode (pcm, SAMPLES, NULL);
  sound = tc_decode (packets, SAMPLES);
  for (guint together = 2; together <= 8; together++)
    test_same (packets, together);
  test_held (packets, sound);
  test_reverse (packets);
  g_ptr_array_unref (packets);
  g_free (sound);
  g_free (pcm);
  return tc_done ("test_gst_hold");
}
