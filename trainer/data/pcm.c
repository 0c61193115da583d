/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcm.c - see pcm.h. */
#include "pcm.h"

#include "source.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <math.h>

#define PATIENCE (20 * G_USEC_PER_SEC)
/* 12 hours at 16 kHz, well below the limit of a GByteArray */
#define MOST_BYTES (3u << 30)

static GstElement *
make_pipeline (const char *path, int rate, GstElement ** sink, GError ** error)
{
  char *text = g_strdup_printf ("audioresample name=first quality=8 "
      "! audio/x-raw,format=F32LE,channels=1,rate=%d "
      "! appsink name=sink sync=false max-buffers=64", rate);
  GstElement *source = source_new (path, error);
  GstElement *pipe = source ? gst_parse_launch (text, error) : NULL;

  g_free (text);
  if (!pipe) {
    if (source)
      gst_object_unref (gst_object_ref_sink (source));
    return NULL;
  }
  GstElement *first = gst_bin_get_by_name (GST_BIN (pipe), "first");
  gst_bin_add (GST_BIN (pipe), source);
  gst_element_link (source, first);
  gst_object_unref (first);
  *sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
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

/* Returns the pipeline's first error message, or NULL. A missing plug-in, told before, explains
 * it. */
static GError *
complaint (GstElement * pipe, char **missing)
{
  GstBus *bus = gst_element_get_bus (pipe);
  GstMessage *msg;
  GError *error = NULL;

  while (!error && (msg = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT))) {
    if (GST_MESSAGE_TYPE (msg) == GST_MESSAGE_ERROR)
      gst_message_parse_error (msg, &error, NULL);
    else if (!*missing)
      *missing = source_missing (msg);
    gst_message_unref (msg);
  }
  if (error && *missing) {
    g_free (error->message);
    error->message = g_steal_pointer (missing);
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
  char *missing = NULL;

  if (gst_element_set_state (pipe, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    error = complaint (pipe, &missing);
    g_free (missing);
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
    error = complaint (pipe, &missing);
    if (!error && gst_app_sink_is_eos (sink))
      break;
    if (!error && g_get_monotonic_time () - last > PATIENCE)
      error = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
          "no sound came of it for %d seconds", (int) (PATIENCE / G_USEC_PER_SEC));
  }
  g_free (missing);
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
