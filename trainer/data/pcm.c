/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcm.c - see pcm.h. */
#include "pcm.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <math.h>

#define PATIENCE (20 * G_USEC_PER_SEC)
/* 12 hours at 16 kHz, well below the limit of a GByteArray */
#define MOST_BYTES (3u << 30)

/* Links audio pads only: a video file gives its sound, and its pictures stay undecoded. */
static void
pad_added (GstElement * src, GstPad * pad, gpointer user)
{
  GstElement *convert = user;
  GstPad *sink = gst_element_get_static_pad (convert, "sink");
  GstCaps *caps = gst_pad_query_caps (pad, NULL);
  const char *name = gst_caps_is_empty (caps) || gst_caps_is_any (caps) ? ""
      : gst_structure_get_name (gst_caps_get_structure (caps, 0));

  (void) src;
  if (g_str_has_prefix (name, "audio/x-raw") && !gst_pad_is_linked (sink))
    gst_pad_link (pad, sink);
  gst_caps_unref (caps);
  gst_object_unref (sink);
}

/* Ends a file without audio, which would never reach the sink. */
static void
no_more_pads (GstElement * src, gpointer user)
{
  GstElement *convert = user;
  GstPad *sink = gst_element_get_static_pad (convert, "sink");

  if (!gst_pad_is_linked (sink))
    GST_ELEMENT_ERROR (src, STREAM, WRONG_TYPE, ("no audio in it"), (NULL));
  gst_object_unref (sink);
}

static GstElement *
make_pipeline (const char *path, int rate, GstElement ** sink, GError ** error)
{
  char *text = g_strdup_printf ("uridecodebin name=src expose-all-streams=false "
      "caps=audio/x-raw audioconvert name=convert ! audioresample quality=8 "
      "! audio/x-raw,format=F32LE,channels=1,rate=%d "
      "! appsink name=sink sync=false max-buffers=64", rate);
  GstElement *pipe = gst_parse_launch (text, error);
  char *uri = pipe ? gst_filename_to_uri (path, error) : NULL;

  g_free (text);
  if (!uri) {
    g_clear_object (&pipe);
    return NULL;
  }
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipe), "src");
  GstElement *convert = gst_bin_get_by_name (GST_BIN (pipe), "convert");
  g_object_set (src, "uri", uri, NULL);
  g_signal_connect (src, "pad-added", G_CALLBACK (pad_added), convert);
  g_signal_connect (src, "no-more-pads", G_CALLBACK (no_more_pads), convert);
  *sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
  gst_object_unref (src);
  gst_object_unref (convert);
  g_free (uri);
  return pipe;
}

static void
append (GByteArray * bytes, GstSample * sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstMapInfo map;

  if (buffer && gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    g_byte_array_append (bytes, map.data, map.size);
    gst_buffer_unmap (buffer, &map);
  }
  gst_sample_unref (sample);
}

/* Returns the pipeline's first error message, or NULL. */
static GError *
complaint (GstElement * pipe)
{
  GstBus *bus = gst_element_get_bus (pipe);
  GstMessage *msg = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  if (msg) {
    gst_message_parse_error (msg, &error, NULL);
    gst_message_unref (msg);
  }
  gst_object_unref (bus);
  return error;
}

/* Appends all samples up to the end of stream, or returns the error. A failing element
 * ends its stream as well, so its error message decides. */
static GError *
drain (GstElement * pipe, GstAppSink * sink, GByteArray * bytes)
{
  gint64 last = g_get_monotonic_time ();
  GError *error = NULL;

  if (gst_element_set_state (pipe, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    error = complaint (pipe);
    return error ? error : g_error_new (G_IO_ERROR, G_IO_ERROR_FAILED,
        "cannot be opened");
  }
  while (!error) {
    GstSample *sample = gst_app_sink_try_pull_sample (sink, 50 * GST_MSECOND);

    if (sample) {
      append (bytes, sample);
      last = g_get_monotonic_time ();
      if (bytes->len > MOST_BYTES)
        error = g_error_new (G_IO_ERROR, G_IO_ERROR_FAILED,
            "too long for one file: cut it into pieces");
      continue;
    }
    error = complaint (pipe);
    if (!error && gst_app_sink_is_eos (sink))
      break;
    if (!error && g_get_monotonic_time () - last > PATIENCE)
      error = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
          "no sound came of it for %d seconds", (int) (PATIENCE / G_USEC_PER_SEC));
  }
  return error;
}

static gboolean
all_finite (const float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!isfinite (x[i]))
      return FALSE;
  return TRUE;
}

float *
pcm_read (const char *path, int rate, gsize * n, GError ** error)
{
  GstElement *sink = NULL, *pipe = make_pipeline (path, rate, &sink, error);
  GByteArray *bytes;
  GError *failed;

  *n = 0;
  if (!pipe)
    return NULL;
  bytes = g_byte_array_new ();
  failed = drain (pipe, GST_APP_SINK (sink), bytes);
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipe);

  *n = bytes->len / sizeof (float);
  if (!failed && *n == 0)
    failed = g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "no audio in it");
  if (!failed && !all_finite ((float *) bytes->data, *n))
    failed = g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "a sample is NaN or infinite");
  if (failed) {
    g_propagate_error (error, failed);
    g_byte_array_unref (bytes);
    return NULL;
  }
  return (float *) g_byte_array_free (bytes, FALSE);
}
