/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_pipes.c - see gst_pipes.h. */
#include "gst_pipes.h"

#define SOUND "audiotestsrc wave=ticks samplesperbuffer=777 num-buffers=%d ! " \
    "audio/x-raw,format=F32LE,rate=16000,channels=1 ! telucodecenc name=enc"

static const gchar *const pipelines[PIPES] = {
  SOUND " ! queue ! telucodecdec name=dec ! fakesink name=sink",
  SOUND " ! telucodecmux name=mux ! queue ! telucodecparse name=parse ! telucodecdec name=dec ! "
      "fakesink name=sink",
  SOUND " ! rtptelucodecpay name=pay ! queue ! rtptelucodecdepay name=depay ! "
      "telucodecdec name=dec ! fakesink name=sink",
};

GstElement *
pipes_open (guint kind, gint buffers)
{
  gchar *text = g_strdup_printf (pipelines[kind % PIPES], buffers);
  GstElement *pipe = gst_parse_launch (text, NULL);

  CHECK (pipe, "%s", text);
  g_free (text);
  return pipe;
}

gboolean
pipes_ended (GstElement * pipe, const gchar * what)
{
  GstBus *bus = gst_element_get_bus (pipe);
  GstMessage *message;
  gboolean end = FALSE;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_EOS | GST_MESSAGE_ERROR))) {
    GError *error = NULL;

    end |= GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      gst_message_parse_error (message, &error, NULL);
    CHECK (!error, "%s: %s", what, error ? error->message : "");
    g_clear_error (&error);
    gst_message_unref (message);
  }
  gst_object_unref (bus);
  return end;
}
