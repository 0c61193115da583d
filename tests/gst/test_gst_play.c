/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_play.c - .tlc files in whole pipelines: input and output have the same samples,
 * seeks are exact, players and transcoders find the elements. */
#include "gst_common.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/pbutils/pbutils.h>

#include <stdio.h>
#include <string.h>

#define F32 RAW_CAPS ("F32LE")

/* Reads the file in pull mode and, behind the queue, in push mode; with packets that are decoded
 * together. The others are for seeks. */
static const gchar *const readers[] = {
  "filesrc name=file ! telucodecparse name=parse ! telucodecdec",
  "filesrc name=file ! queue ! telucodecparse name=parse ! telucodecdec",
  "filesrc name=file ! queue ! telucodecparse name=parse ! telucodecdec batch-packets=8",
  ("filesrc name=file ! queue2 ring-buffer-max-size=1000000 ! "
      "telucodecparse name=parse ! telucodecdec"),
  "filesrc name=file ! queue2 ! telucodecparse name=parse ! telucodecdec",
};

#define READERS 3

static GstElement *
launch (const gchar * description)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  CHECK (pipeline && !error, "%s: %s", description, error ? error->message : "");
  g_clear_error (&error);
  return pipeline;
}

static void
set (GstElement * pipeline, const gchar * name, const gchar * property,
    gconstpointer value)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);

  g_object_set (element, property, value, NULL);
  gst_object_unref (element);
}

/* Waits for EOS. Returns FALSE and prints the text on an error. */
static gboolean
wait (GstElement * pipeline, const gchar * what)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gboolean ok = message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
  GError *error = NULL;

  if (message && !ok)
    gst_message_parse_error (message, &error, NULL);
  CHECK (ok, "%s: %s", what, error ? error->message : "no EOS");
  g_clear_error (&error);
  gst_clear_message (&message);
  gst_object_unref (bus);
  return ok;
}

static void
stop (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* Runs pcm through the elements of `description`, which has an appsrc. */
static void
run_source (const gchar * description, const gfloat * pcm, gint n,
    const gchar * location)
{
  GstElement *pipeline = launch (description), *src;
  GstCaps *caps = gst_caps_from_string (F32);

  src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  gst_app_src_set_caps (GST_APP_SRC (src), caps);
  g_object_set (src, "format", GST_FORMAT_TIME, NULL);
  set (pipeline, "sink", "location", location);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (gint at = 0; at < n; at += 1000)
    gst_app_src_push_buffer (GST_APP_SRC (src), tc_raw_buffer (pcm, at, MIN (1000,
                n - at), FALSE));
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  wait (pipeline, description);
  gst_object_unref (src);
  gst_caps_unref (caps);
  stop (pipeline);
}

static GstElement *
reader (gint i, const gchar * path)
{
  gchar *description = g_strdup_printf ("%s ! " F32
      " ! appsink name=sink sync=false max-buffers=0", readers[i]);
  GstElement *pipeline = launch (description);

  set (pipeline, "file", "location", path);
  g_free (description);
  return pipeline;
}

/* Returns all samples up to EOS; *first: the number of the first one. */
static GArray *
pull_all (GstElement * pipeline, gint64 * first, const gchar * what)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GArray *out = g_array_new (FALSE, FALSE, sizeof (gfloat));
  GstSample *sample;

  *first = 0;
  while ((sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink),
              60 * GST_SECOND))) {
    GstBuffer *buf = gst_sample_get_buffer (sample);
    gint64 at = gst_util_uint64_scale_round (GST_BUFFER_PTS (buf), TELU_RATE,
        GST_SECOND);
    GstMapInfo map;

    if (out->len == 0)
      *first = at;
    CHECK (at == *first + out->len, "%s: a buffer at sample %" G_GINT64_FORMAT
        ", expected %" G_GINT64_FORMAT, what, at, *first + out->len);
    gst_buffer_map (buf, &map, GST_MAP_READ);
    g_array_append_vals (out, map.data, map.size / sizeof (gfloat));
    gst_buffer_unmap (buf, &map);
    gst_sample_unref (sample);
  }
  CHECK (gst_app_sink_is_eos (GST_APP_SINK (sink)), "%s: no EOS", what);
  gst_object_unref (sink);
  return out;
}

/* Checks that the samples are those of want [from, to). */
static void
expect_range (GArray * got, gint64 first, const gfloat * want, gint64 from,
    gint64 to, const gchar * what)
{
  CHECK (got->len == to - from && (first == from || got->len == 0),
      "%s: %u samples from %" G_GINT64_FORMAT ", expected %" G_GINT64_FORMAT
      " from %" G_GINT64_FORMAT, what, got->len, first, to - from, from);
  for (gint64 i = 0; i < MIN (got->len, to - from); i++) {
    if (!CHECK (g_array_index (got, gfloat, i) == want[from + i],
            "%s: sample %" G_GINT64_FORMAT " is %g, expected %g", what, from + i,
            g_array_index (got, gfloat, i), want[from + i]))
      break;
  }
  g_array_unref (got);
}

/* Writes n samples to a file, through a sink that can seek, and reads them. */
static void
test_round_trip (const gfloat * pcm, gint n)
{
  gchar *path = tc_path ("round.tlc");
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *want = tc_decode (packets, n);

  run_source ("appsrc name=src ! telucodecenc ! telucodecmux ! "
      "filesink name=sink", pcm, n, path);
  for (guint i = 0; i < READERS; i++) {
    GstElement *pipeline = reader (i, path);
    gchar *what = g_strdup_printf ("%d samples, reader %u", n, i);
    gint64 first, duration = -1;
    GArray *got;

    gst_element_set_state (pipeline, GST_STATE_PAUSED);
    gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
    gst_element_query_duration (pipeline, GST_FORMAT_TIME, &duration);
    CHECK (n == 0 || duration == (gint64) tc_time (n), "%s: duration %"
        GST_TIME_FORMAT, what, GST_TIME_ARGS (duration));
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    got = pull_all (pipeline, &first, what);
    expect_range (got, first, want, 0, n, what);
    wait (pipeline, what);
    stop (pipeline);
    g_free (what);
  }
  g_free (want);
  g_ptr_array_unref (packets);
  g_free (path);
}

static void
seek_and_compare (GstElement * pipeline, const gfloat * want, gint64 from,
    gint64 to, gint64 n, GstSeekFlags flags, const gchar * reader_name)
{
  gchar *what = g_strdup_printf ("%s, seek to %" G_GINT64_FORMAT " .. %"
      G_GINT64_FORMAT ", flags %d", reader_name, from, to, flags);
  gint64 first;
  GArray *got;

  CHECK (gst_element_seek (pipeline, 1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH |
          flags, GST_SEEK_TYPE_SET, tc_time (from), GST_SEEK_TYPE_SET,
          to ? (gint64) tc_time (to) : -1), "%s: refused", what);
  got = pull_all (pipeline, &first, what);
  expect_range (got, first, want, from, to ? to : n, what);
  g_free (what);
}

static void
test_seek (const gfloat * pcm, gint n)
{
  gchar *path = tc_path ("seek.tlc");
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *want = tc_decode (packets, n);

  run_source ("appsrc name=src ! telucodecenc ! telucodecmux ! "
      "filesink name=sink", pcm, n, path);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++) {
    GstElement *pipeline = reader (i, path);
    GstQuery *query = gst_query_new_seeking (GST_FORMAT_TIME);
    gboolean seekable = FALSE;

    /* the first target has not been read yet */
    gst_element_set_state (pipeline, GST_STATE_PAUSED);
    gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
    gst_element_query (pipeline, query);
    gst_query_parse_seeking (query, NULL, &seekable, NULL, NULL);
    CHECK (seekable, "%s: not seekable", readers[i]);
    gst_query_unref (query);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);

    seek_and_compare (pipeline, want, n - 5000, 0, n, 0, readers[i]);
    seek_and_compare (pipeline, want, 12345, 0, n, GST_SEEK_FLAG_ACCURATE,
        readers[i]);
    seek_and_compare (pipeline, want, 20 * TELU_PACKET - TELU_DELAY, 0, n,
        GST_SEEK_FLAG_KEY_UNIT, readers[i]);
    seek_and_compare (pipeline, want, 1, 2, n, 0, readers[i]);
    seek_and_compare (pipeline, want, 0, 0, n, 0, readers[i]);
    seek_and_compare (pipeline, want, n / 2, n / 2 + 777, n, 0, readers[i]);
    seek_and_compare (pipeline, want, n / 2 + 40 * TELU_PACKET, 0, n, 0,
        readers[i]);
    stop (pipeline);
  }
  g_free (want);
  g_ptr_array_unref (packets);
  g_free (path);
}

/* Seeks several times without a pause. The last place must be played, also where others led to
 * the same page, and also after a seek to the same place. */
static void
test_quick_seeks (const gfloat * pcm, gint n)
{
  gchar *path = tc_path ("quick.tlc");
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *want = tc_decode (packets, n);
  GRand *chance = g_rand_new_with_seed (3);

  run_source ("appsrc name=src ! telucodecenc ! telucodecmux ! "
      "filesink name=sink", pcm, n, path);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++) {
    GstElement *pipeline = reader (i, path);

    gst_element_set_state (pipeline, GST_STATE_PAUSED);
    gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    for (gint round = 0; round < 8; round++) {
      const gint page = g_rand_int_range (chance, 0, 3) * 160 * TELU_PACKET;

      for (gint k = g_rand_int_range (chance, 1, 4); k > 0; k--)
        gst_element_seek (pipeline, 1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
            GST_SEEK_TYPE_SET, tc_time (page + g_rand_int_range (chance, 0,
                    160 * TELU_PACKET)), GST_SEEK_TYPE_NONE, -1);
      seek_and_compare (pipeline, want, page + g_rand_int_range (chance, 0,
              160 * TELU_PACKET), 0, n, 0, readers[i]);
    }
    stop (pipeline);
  }
  g_rand_free (chance);
  g_free (want);
  g_ptr_array_unref (packets);
  g_free (path);
}

/* Puts two files behind each other. Both are played, and once the second was met, seeks lead into
 * either. */
static void
test_two_streams (const gfloat * pcm, gint n)
{
  gchar *path = tc_path ("one.tlc"), *both = tc_path ("two.tlc"), *data;
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *one = tc_decode (packets, n), *want = g_new (gfloat, 2 * n);
  gsize size;

  memcpy (want, one, n * sizeof (gfloat));
  memcpy (want + n, one, n * sizeof (gfloat));
  run_source ("appsrc name=src ! telucodecenc ! telucodecmux ! "
      "filesink name=sink", pcm, n, path);
  g_file_get_contents (path, &data, &size, NULL);
  data = g_realloc (data, 2 * size);
  memcpy (data + size, data, size);
  g_file_set_contents (both, data, 2 * size, NULL);
  for (guint i = 0; i < READERS; i++) {
    GstElement *pipeline = reader (i, both);
    gint64 first, duration = -1;
    GArray *got;

    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    got = pull_all (pipeline, &first, readers[i]);
    expect_range (got, first, want, 0, 2 * n, readers[i]);
    gst_element_query_duration (pipeline, GST_FORMAT_TIME, &duration);
    CHECK (duration == (gint64) tc_time (2 * n), "%s: duration %" GST_TIME_FORMAT,
        readers[i], GST_TIME_ARGS (duration));
    seek_and_compare (pipeline, want, n + n / 2, 0, 2 * n, 0, readers[i]);
    seek_and_compare (pipeline, want, 1234, 0, 2 * n, 0, readers[i]);
    seek_and_compare (pipeline, want, n - 5000, n + 5000, 2 * n, 0, readers[i]);
    seek_and_compare (pipeline, want, n + 100, 0, 2 * n, 0, readers[i]);
    stop (pipeline);
  }
  g_free (data);
  g_free (one);
  g_free (want);
  g_ptr_array_unref (packets);
  g_free (both);
  g_free (path);
}

/* Damages a page. The number of samples must stay, and only samples of the page and of the
 * decoder's warm-up after it may change. */
static void
test_damage (const gfloat * pcm, gint n)
{
  gchar *path = tc_path ("damage.tlc"), *file;
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *want = tc_decode (packets, n);
  const gint64 whole = 160 * TELU_PACKET - TELU_DELAY;
  const gint64 again = (320 + TELU_WARMUP) * TELU_PACKET - TELU_DELAY;
  gsize size, at = 0;

  run_source ("appsrc name=src ! telucodecenc ! telucodecmux ! "
      "filesink name=sink", pcm, n, path);
  g_file_get_contents (path, &file, &size, NULL);
  for (gint pages = 0; pages < 2; pages++)
    for (at++; memcmp (file + at, "TLP", 3); at++);
  file[at + 100] ^= 1;
  g_file_set_contents (path, file, size, NULL);
  for (guint i = 0; i < READERS; i++) {
    GstElement *pipeline = reader (i, path);
    gint64 first;
    GArray *got;

    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    got = pull_all (pipeline, &first, readers[i]);
    CHECK (got->len == (guint) n, "%s: %u samples", readers[i], got->len);
    CHECK (memcmp (got->data, want, whole * sizeof (gfloat)) == 0,
        "%s: other samples before the damage", readers[i]);
    CHECK (memcmp (&g_array_index (got, gfloat, again), want + again,
            (n - again) * sizeof (gfloat)) == 0, "%s: other samples behind the damage",
        readers[i]);
    g_array_unref (got);
    stop (pipeline);
  }
  g_free (file);
  g_free (want);
  g_ptr_array_unref (packets);
  g_free (path);
}

/* Plays and transcodes like applications; both ways must give the same file. */
static void
test_found (const gfloat * pcm, gint n)
{
  gchar *path = tc_path ("found.tlc"), *bin = tc_path ("bin.tlc"), *a, *b;
  gchar *uri = gst_filename_to_uri (path, NULL);
  /* decodebin3 runs behind filesrc, since uridecodebin3 of GStreamer 1.22 sometimes loses a
   * race with its own change of state, with any format. */
  gchar *players[] = {
    g_strdup_printf ("uridecodebin uri=%s", uri),
    g_strdup_printf ("filesrc location=%s ! decodebin3", path)
  };
  GstDiscoverer *discoverer = gst_discoverer_new (20 * GST_SECOND, NULL);
  GPtrArray *packets = tc_encode (pcm, n, NULL);
  gfloat *want = tc_decode (packets, n);
  GstDiscovererInfo *info;
  GError *error = NULL;
  gsize size_a, size_b;

  run_source ("appsrc name=src ! telucodecenc ! telucodecmux ! "
      "filesink name=sink", pcm, n, path);
  run_source ("encodebin name=bin profile=\"audio/x-telucodec,framed=false:"
      "audio/x-telucodec\" ! filesink name=sink appsrc name=src ! bin.audio_0",
      pcm, n, bin);
  g_file_get_contents (path, &a, &size_a, NULL);
  CHECK (g_file_get_contents (bin, &b, &size_b, NULL) && size_a == size_b
      && memcmp (a, b, size_a) == 0, "encodebin makes another file");
  g_free (a);
  g_free (b);

  info = gst_discoverer_discover_uri (discoverer, uri, &error);
  CHECK (info && !error, "discoverer: %s", error ? error->message : "");
  if (info) {
    GList *streams = gst_discoverer_info_get_audio_streams (info);

    CHECK (gst_discoverer_info_get_duration (info) == tc_time (n),
        "discoverer: duration %" GST_TIME_FORMAT,
        GST_TIME_ARGS (gst_discoverer_info_get_duration (info)));
    CHECK (gst_discoverer_info_get_seekable (info), "discoverer: not seekable");
    CHECK (streams && gst_discoverer_audio_info_get_bitrate (streams->data) > 0,
        "discoverer: no bitrate");
    gst_discoverer_stream_info_list_free (streams);
    gst_discoverer_info_unref (info);
  }
  g_clear_error (&error);
  g_object_unref (discoverer);

  for (guint i = 0; i < G_N_ELEMENTS (players); i++) {
    gchar *description = g_strdup_printf ("%s ! " F32
        " ! appsink name=sink sync=false", players[i]);
    GstElement *pipeline = launch (description);
    gint64 first;
    GArray *got;

    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    got = pull_all (pipeline, &first, players[i]);
    expect_range (got, first, want, 0, n, players[i]);
    stop (pipeline);
    g_free (description);
    g_free (players[i]);
  }
  g_free (want);
  g_ptr_array_unref (packets);
  g_free (bin);
  g_free (uri);
  g_free (path);
}

int
main (int argc, char **argv)
{
  static const gint lengths[] = { 0, 1, 239, 240, 241, 320, 559, 560, 561, 16000,
    160 * TELU_PACKET - TELU_DELAY, 70001
  };
  const gint n = 20 * TELU_RATE + 4321;
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (n);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    test_round_trip (pcm, lengths[i]);
  test_seek (pcm, n);
  test_quick_seeks (pcm, 11 * TELU_RATE);
  test_two_streams (pcm, 5 * TELU_RATE + 99);
  test_damage (pcm, n);
  test_found (pcm, 5 * TELU_RATE + 17);
  g_free (pcm);
  return tc_done ("test_gst_play");
}
