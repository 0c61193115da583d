/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_gapless.c - files one after the other through one decoder, as players without gaps do
 * it: all samples of each, as of a decoder of its own, and not one between them. */
#include "gst_file.h"

#include <gst/app/gstappsink.h>
#include <string.h>

#define FILES 3

static const gint lengths[FILES] = { 16007, 239, 50000 };

/* Makes file i, and appends to want the samples that it decodes to. Returns its path. */
static gchar *
make_file (gint i, const gfloat * pcm, GArray * want)
{
  const gint n = lengths[i];
  gchar *name = g_strdup_printf ("%d.tlc", i), *path = tc_path (name);
  GPtrArray *packets = tc_encode (pcm + 1000 * i, n, NULL);
  GByteArray *file = file_make (packets, n, 50, n);
  gfloat *samples = tc_decode (packets, n);

  g_file_set_contents (path, (gchar *) file->data, file->len, NULL);
  g_array_append_vals (want, samples, n);
  g_free (samples);
  g_byte_array_unref (file);
  g_ptr_array_unref (packets);
  g_free (name);
  return path;
}

/* Compares one buffer with the samples that follow, also in running time. */
static void
expect_next (GstSample * sample, GArray * want, guint * at)
{
  GstBuffer *buf = gst_sample_get_buffer (sample);
  const GstClockTime time = gst_segment_to_running_time (gst_sample_get_segment (sample),
      GST_FORMAT_TIME, GST_BUFFER_PTS (buf)), due = tc_time (*at);
  GstMapInfo map;

  /* The files' own times are rounded to nanoseconds. */
  CHECK (time + FILES >= due && time <= due + FILES, "sample %u at %" GST_TIME_FORMAT, *at,
      GST_TIME_ARGS (time));
  gst_buffer_map (buf, &map, GST_MAP_READ);
  CHECK (*at + map.size / sizeof (gfloat) <= want->len
      && memcmp (map.data, &g_array_index (want, gfloat, *at), map.size) == 0,
      "samples %u .. of %u are others", *at, want->len);
  *at += map.size / sizeof (gfloat);
  gst_buffer_unmap (buf, &map);
}

int
main (int argc, char **argv)
{
  GString *line = g_string_new ("concat name=all ! telucodecdec ! " RAW_CAPS ("F32LE")
      " ! appsink name=sink sync=false");
  GArray *want = g_array_new (FALSE, FALSE, sizeof (gfloat));
  GstElement *pipeline, *sink;
  GstSample *sample;
  guint at = 0;
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (60000);
  for (gint i = 0; i < FILES; i++) {
    gchar *path = make_file (i, pcm, want);

    g_string_append_printf (line, " filesrc location=%s ! telucodecparse ! all.", path);
    g_free (path);
  }
  pipeline = gst_parse_launch (line->str, NULL);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), 60 * GST_SECOND))) {
    expect_next (sample, want, &at);
    gst_sample_unref (sample);
  }
  CHECK (gst_app_sink_is_eos (GST_APP_SINK (sink)) && at == want->len, "%u samples of %u", at,
      want->len);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_array_unref (want);
  g_string_free (line, TRUE);
  g_free (pcm);
  return tc_done ("test_gst_gapless");
}
