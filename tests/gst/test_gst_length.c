/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_length.c - the length that telucodecparse answers before it has read a file to its
 * end, as over HTTP: the header's where it tells one; else what the bytes let expect, and the last
 * page's in the end; nothing where the source does not know its size. */
#include "gst_file.h"

#include <gst/app/gstappsrc.h>

#define PER_PAGE 160
#define PACKETS (12 * PER_PAGE)
#define N (PACKETS * TELU_PACKET - TELU_DELAY - 7)

struct source
{
  GByteArray *file;
  gsize at;
};

static void
feed (GstAppSrc * src, guint length, gpointer user)
{
  struct source *source = user;
  const gsize n = MIN (4096, source->file->len - source->at);

  (void) length;
  if (n == 0) {
    gst_app_src_end_of_stream (src);
    return;
  }
  gst_app_src_push_buffer (src, gst_buffer_new_memdup (source->file->data + source->at, n));
  source->at += n;
}

static gboolean
seek (GstAppSrc * src, guint64 offset, gpointer user)
{
  (void) src;
  ((struct source *) user)->at = offset;
  return TRUE;
}

static gint64
length (GstElement * pipe)
{
  gint64 duration = -1;

  return gst_element_query_duration (pipe, GST_FORMAT_TIME, &duration) ? duration : -1;
}

/* Lengths that are answered while packets come. */
struct span
{
  GstElement *pipe;
  gint64 least, most;
};

static void
note_length (GstElement * sink, GstBuffer * buf, GstPad * pad, gpointer user)
{
  struct span *span = user;
  const gint64 got = length (span->pipe);

  (void) sink, (void) buf, (void) pad;
  span->least = MIN (span->least, got);
  span->most = MAX (span->most, got);
}

/* Plays from a source of that kind, which knows its size or not. Checks the length when the
 * first packet is there and from then on, within `near` of the true one (-1: it is unknown), and
 * at the end. */
static void
test_length (const gchar * what, GByteArray * file, GstAppStreamType type, gboolean sized,
    gdouble near)
{
  struct source source = { file, 0 };
  GstAppSrcCallbacks callbacks = {.need_data = feed,.seek_data = seek };
  GstElement *pipe = gst_parse_launch ("appsrc name=src format=bytes ! telucodecparse ! "
      "fakesink name=sink sync=false signal-handoffs=true", NULL);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipe), "src");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
  GstBus *bus = gst_element_get_bus (pipe);
  struct span span = { pipe, G_MAXINT64, -1 };
  const gdouble want = (gdouble) tc_time (N);
  GstMessage *message;
  gint64 got;

  gst_app_src_set_stream_type (GST_APP_SRC (src), type);
  gst_app_src_set_size (GST_APP_SRC (src), sized ? (gint64) file->len : -1);
  gst_app_src_set_callbacks (GST_APP_SRC (src), &callbacks, &source, NULL);

  gst_element_set_state (pipe, GST_STATE_PAUSED);
  gst_element_get_state (pipe, NULL, NULL, 20 * GST_SECOND);
  got = length (pipe);
  CHECK (near < 0.0 ? got == -1 : ABS (got - want) <= near * want,
      "%s, type %d: %.3f s at first, expected %.3f", what, type, got / 1e9, want / 1e9);
  g_signal_connect (sink, "handoff", G_CALLBACK (note_length), &span);
  gst_element_set_state (pipe, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS |
      GST_MESSAGE_ERROR);
  CHECK (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s: no end", what);
  gst_clear_message (&message);
  CHECK (near < 0.0 || (span.least >= (1 - near) * want && span.most <= (1 + near) * want),
      "%s, type %d: %.3f to %.3f s while it plays, expected %.3f", what, type, span.least / 1e9,
      span.most / 1e9, want / 1e9);
  got = length (pipe);
  CHECK (got == (gint64) tc_time (N), "%s, type %d: %.3f s at the end, expected %.3f", what, type,
      got / 1e9, want / 1e9);
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_object_unref (bus);
  gst_object_unref (pipe);
}

int
main (int argc, char **argv)
{
  static const GstAppStreamType types[] = {
    GST_APP_STREAM_TYPE_STREAM, GST_APP_STREAM_TYPE_SEEKABLE
  };
  GByteArray *known, *unknown;
  GPtrArray *packets;
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (N);
  packets = tc_encode (pcm, N, NULL);
  known = file_make (packets, N, PER_PAGE, N);
  unknown = file_make (packets, N, PER_PAGE, TLC_UNKNOWN);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    test_length ("the header tells", known, types[i], TRUE, 0.0);
    test_length ("the header tells, no size", known, types[i], FALSE, 0.0);
    test_length ("the header does not", unknown, types[i], TRUE, 0.1);
    test_length ("neither does", unknown, types[i], FALSE, -1.0);
  }
  g_byte_array_unref (known);
  g_byte_array_unref (unknown);
  g_ptr_array_unref (packets);
  g_free (pcm);
  return tc_done ("test_gst_length");
}
