/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_batch.c - many elements share an engine, or passes on the CPU: each gives the results of
 * telu.h, while other elements start, stop, flush and fail. */
#include "gst_fake.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#define PACKETS 130
#define SAMPLES (PACKETS * TELU_PACKET - TELU_DELAY)

static struct fake_control *fake;

/* A rate whose packets do not depend on old ones, so that packets after a failure can be
 * compared bit by bit. */
static const struct telu_rate cbr = { 16000, TELU_CBR, TELU_PERCEPTUAL, 1, 1 };

/* --- Many ------------------------------------------------------------------------- */

typedef struct
{
  GThread *thread;
  GstHarness *h;
  GstBus *bus;
  const gfloat *pcm;
  GPtrArray *packets;           /* of a decoder */
  GMutex lock;                  /* of a push */
  gint stop;
} Stream;

static gpointer
feed (gpointer user)
{
  Stream *s = user;

  if (s->packets)
    for (guint k = 0; k < s->packets->len; k++)
      gst_harness_push (s->h, tc_packet_buffer (s->packets, k, SAMPLES));
  else
    tf_push_pcm (s->h, s->pcm, SAMPLES);
  gst_harness_push_event (s->h, gst_event_new_eos ());
  return NULL;
}

/* Runs 64 streams in 64 threads; the device fails at `at` unless that is negative. */
static void
test_many (const gfloat * pcm, const gchar * backend, gint window, gint at)
{
  const gboolean cpu = g_str_equal (backend, "cpu");
  GPtrArray *want = tc_encode (pcm, SAMPLES, &cbr);
  gfloat *sound = tc_decode (want, SAMPLES);
  Stream s[64];

  fake->delay = 300;
  fake->runs_left = at;
  for (gint i = 0; i < 64; i++) {
    gchar *properties = g_strdup_printf ("backend=%s batch-window=%d%s", backend,
        window, i & 1 ? "" : " bitrate-type=cbr");

    s[i] = (Stream) { .pcm = pcm, .packets = i & 1 ? want : NULL };
    s[i].h = tf_harness (i & 1 ? "telucodecdec" : "telucodecenc", properties,
        &s[i].bus);
    g_free (properties);
  }
  CHECK (fake->opened == !cpu, "%d engines for 64 streams", fake->opened);
  for (gint i = 0; i < 64; i++)
    s[i].thread = g_thread_new ("feed", feed, &s[i]);
  for (gint i = 0; i < 64; i++)
    g_thread_join (s[i].thread);
  for (gint i = 0; i < 64; i++) {
    if (i & 1) {
      GArray *output = tc_pull_raw (s[i].h, FALSE, 0);

      tc_expect_samples (output, sound, SAMPLES, "one of 64");
      g_array_unref (output);
    } else {
      GPtrArray *got = tf_pull_packets (s[i].h, "one of 64");

      tf_expect_packets (got, want, "one of 64");
      g_ptr_array_unref (got);
    }
    /* Without a window a packet waits for no other while a core is free. */
    CHECK (at >= 0 || (cpu && window == 0)
        || (tf_number (s[i].h->element, "batch-mean") > 1.5
            && tf_number (s[i].h->element, "batch-most") > 2), "batches of %g, "
        "of %g at most", tf_number (s[i].h->element, "batch-mean"),
        tf_number (s[i].h->element, "batch-most"));
    CHECK (tf_number (s[i].h->element, "batch-streams") == 32, "%g streams side by side",
        tf_number (s[i].h->element, "batch-streams"));
    tf_expect_active (s[i].h->element, at < 0 && !cpu ? "cuda" : "cpu", "one of 64");
  }
  for (gint i = 0; i < 64; i++)
    tf_done (s[i].h, s[i].bus);
  tf_check_closed ("64 streams");
  fake_reset (fake);
  g_free (sound);
  g_ptr_array_unref (want);
}

/* Checks that a paused element delays the others by one window at most. */
static void
test_stalled (const gfloat * pcm, const gchar * backend)
{
  gchar *properties = g_strdup_printf ("backend=%s batch-window=10000", backend);
  GstBus *bus[2];
  GstHarness *stalled = tf_harness ("telucodecenc", properties, &bus[0]);
  GstHarness *other = tf_harness ("telucodecenc", properties, &bus[1]);
  gint64 begin;

  tf_push_pcm (stalled, pcm, 5 * TELU_PACKET);
  begin = g_get_monotonic_time ();
  tf_push_pcm (other, pcm, 100 * TELU_PACKET);
  begin = g_get_monotonic_time () - begin;
  CHECK (begin < 700000, "100 packets beside a stalled stream took %d ms",
      (gint) (begin / 1000));
  tf_done (stalled, bus[0]);
  tf_done (other, bus[1]);
  tf_check_closed ("stalled");
  fake_reset (fake);
  g_free (properties);
}

/* --- Interruptions ------------------------------------------------------------------ */

static gpointer
feed_on (gpointer user)
{
  Stream *s = user;
  gint k = 0;

  while (!g_atomic_int_get (&s->stop)) {
    GstBuffer *buf = s->packets ? tc_packet_buffer (s->packets, k, SAMPLES) :
        tc_raw_buffer (s->pcm, k * TELU_PACKET, TELU_PACKET, FALSE);

    g_mutex_lock (&s->lock);
    gst_harness_push (s->h, buf);
    g_mutex_unlock (&s->lock);
    while ((buf = gst_harness_try_pull (s->h)))
      gst_buffer_unref (buf);
    k = (k + 1) % (PACKETS - 1);
  }
  return NULL;
}

/* Flushes elements and changes their state while packets are running. */
static void
test_interrupted (const gfloat * pcm, const gchar * backend)
{
  GPtrArray *packets = tc_encode (pcm, SAMPLES, NULL);
  GstSegment segment;
  Stream s[8];

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fake->delay = 3000;
  for (gint i = 0; i < 8; i++) {
    gchar *properties = g_strdup_printf ("backend=%s batch-window=%d", backend, i & 2 ? 0 : 5000);

    s[i] = (Stream) { .pcm = pcm, .packets = i & 1 ? packets : NULL };
    s[i].h = tf_harness (i & 1 ? "telucodecdec" : "telucodecenc", properties, &s[i].bus);
    g_free (properties);
    s[i].thread = g_thread_new ("feed", feed_on, &s[i]);
  }
  for (gint round = 0; round < 60; round++) {
    Stream *one = &s[round % 6];

    if (round % 3 == 0) {
      gst_element_set_state (one->h->element, GST_STATE_READY);
      gst_element_set_state (one->h->element, GST_STATE_PLAYING);
    } else {
      gst_harness_push_event (one->h, gst_event_new_flush_start ());
      g_mutex_lock (&one->lock);
      gst_harness_push_event (one->h, gst_event_new_flush_stop (TRUE));
      gst_harness_push_event (one->h, gst_event_new_segment (&segment));
      g_mutex_unlock (&one->lock);
    }
    g_usleep (round % 5 * 1000);
  }
  for (gint i = 0; i < 8; i++)
    g_atomic_int_set (&s[i].stop, 1);
  for (gint i = 0; i < 8; i++)
    g_thread_join (s[i].thread);
  CHECK (tf_number (s[7].h->element, "fallbacks") == 0
      && fake->engines == g_str_equal (backend, "cuda"), "who was not interrupted suffered");
  for (gint i = 0; i < 8; i++)
    tf_done (s[i].h, s[i].bus);
  tf_check_closed ("interrupted");
  fake_reset (fake);
  g_ptr_array_unref (packets);
}

/* --- A whole pipeline ----------------------------------------------------------------- */

static GstElement *
launch (const gchar * description, const gchar * path)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error), *file;

  CHECK (pipeline && !error, "%s: %s", description, error ? error->message : "");
  file = gst_bin_get_by_name (GST_BIN (pipeline), "file");
  g_object_set (file, "location", path, NULL);
  gst_object_unref (file);
  return pipeline;
}

/* Encodes into a file on the device, and decodes it on the device and on the CPU. */
static void
test_file (const gfloat * pcm)
{
  static const gchar *const decoders[] = { "cuda", "cpu", "auto" };
  gchar *path = tc_path ("batch.tlc");
  GPtrArray *packets = tc_encode (pcm, SAMPLES, NULL);
  gfloat *want = tc_decode (packets, SAMPLES);
  GstElement *pipeline = launch ("appsrc name=src format=time caps=" F32
      " ! telucodecenc backend=cuda ! telucodecmux ! filesink name=file", path);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (src), tc_raw_buffer (pcm, 0, SAMPLES,
          FALSE));
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  CHECK (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "encoding into a file");
  gst_clear_message (&message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (src);
  gst_object_unref (pipeline);

  for (guint i = 0; i < G_N_ELEMENTS (decoders); i++) {
    gchar *description = g_strdup_printf ("filesrc name=file ! telucodecparse ! "
        "telucodecdec backend=%s ! " F32 " ! appsink name=sink sync=false",
        decoders[i]);
    GArray *got = g_array_new (FALSE, FALSE, sizeof (gfloat));
    GstElement *sink;
    GstSample *sample;

    pipeline = launch (description, path);
    sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink),
                60 * GST_SECOND))) {
      GstMapInfo map;

      gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ);
      g_array_append_vals (got, map.data, map.size / sizeof (gfloat));
      gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
      gst_sample_unref (sample);
    }
    tc_expect_samples (got, want, SAMPLES, decoders[i]);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (sink);
    gst_object_unref (pipeline);
    g_array_unref (got);
    g_free (description);
  }
  tf_check_closed ("file");
  fake_reset (fake);
  g_free (want);
  g_ptr_array_unref (packets);
  g_free (path);
}

int
main (int argc, char **argv)
{
  gfloat *pcm;

  tc_init (&argc, &argv);
  fake = tf_control ();
  pcm = tc_signal (SAMPLES);
  test_many (pcm, "cuda", 0, -1);
  test_many (pcm, "cuda", 2000, -1);
  test_many (pcm, "auto", 0, 37);
  test_many (pcm, "cpu", 0, -1);
  test_many (pcm, "cpu", 2000, -1);
  test_stalled (pcm, "cuda");
  test_stalled (pcm, "cpu");
  test_interrupted (pcm, "cuda");
  test_interrupted (pcm, "cpu");
  test_file (pcm);
  g_free (pcm);
  return tc_done ("test_gst_batch");
}
