/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* png.c - makes a PNG file of a picture, by GStreamer's element for it. */
#include "picture.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

/* Returns the bytes that the sink holds. */
static GBytes *
take_bytes (GstAppSink * sink)
{
  GstSample *sample = gst_app_sink_pull_sample (sink);
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  const gsize size = gst_buffer_get_size (buffer);
  guint8 *bytes = g_malloc (size);

  gst_buffer_extract (buffer, 0, bytes, size);
  gst_sample_unref (sample);
  return g_bytes_new_take (bytes, size);
}

GBytes *
png_encode (guint8 * rgb, int width, int height, GError ** error)
{
  GstElement *pipe = gst_parse_launch_full ("appsrc name=src ! videoconvert "
      "! pngenc snapshot=true ! appsink name=sink sync=false wait-on-eos=false", NULL,
      GST_PARSE_FLAG_FATAL_ERRORS, error);
  GstElement *src, *sink;
  GstBuffer *buffer;
  GstMessage *msg;
  GstCaps *caps;
  GBytes *png = NULL;
  GstBus *bus;

  if (!pipe) {
    g_prefix_error (error, "a picture needs the Debian package gstreamer1.0-plugins-good: ");
    g_free (rgb);
    return NULL;
  }
  src = gst_bin_get_by_name (GST_BIN (pipe), "src");
  sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
  caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "RGB", "width",
      G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 1, 1, NULL);
  buffer = gst_buffer_new_wrapped (rgb, (gsize) width * height * 3);
  g_object_set (src, "caps", caps, "format", GST_FORMAT_TIME, NULL);
  GST_BUFFER_PTS (buffer) = 0;
  gst_element_set_state (pipe, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (src), buffer);
  gst_app_src_end_of_stream (GST_APP_SRC (src));

  bus = gst_element_get_bus (pipe);
  msg = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (!msg)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "the picture was not made in 20 s");
  else if (GST_MESSAGE_TYPE (msg) == GST_MESSAGE_ERROR)
    gst_message_parse_error (msg, error, NULL);
  else
    png = take_bytes (GST_APP_SINK (sink));
  if (msg)
    gst_message_unref (msg);
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_caps_unref (caps);
  gst_object_unref (bus);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_object_unref (pipe);
  return png;
}
