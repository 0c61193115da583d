/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scan.c - the content of a .tlc file, as telucodecparse reads it. */
#include "program.h"

#include "telu.h"
#include "tlc.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <stdio.h>
#include <string.h>

/* Reads the number of stages from a packet's bits (FORMAT.md, "Packet"). */
static int
stages_of (const guint8 * packet, gsize size, gboolean * refined)
{
  const int coded = packet[0] >> 7, shape = packet[0] & 3;

  *refined = coded && shape != 3;
  return coded ? packet[0] >> 2 & 31 : (int) MIN ((size * 8 - 1) / 10, TELU_MAX_STAGES);
}

static void
take_packet (Scan * scan, GstSample * sample, GstClockTime * next)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  const GstStructure *s = gst_caps_get_structure (gst_sample_get_caps (sample), 0);
  const char *id = gst_structure_get_string (s, "model-id");
  const GstClockTime time = GST_BUFFER_PTS (buffer), length = GST_BUFFER_DURATION (buffer);
  gboolean refined;
  GstMapInfo map;
  int stages;

  if (id && !scan->model_id)
    scan->model_id = g_strdup (id);
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  if (map.size > 0) {
    stages = stages_of (map.data, map.size, &refined);
    scan->packets++;
    scan->packet_bytes += map.size;
    scan->refined += refined;
    scan->stages += stages;
    scan->most_stages = MAX (scan->most_stages, stages);
  }
  gst_buffer_unmap (buffer, &map);
  if (!GST_CLOCK_TIME_IS_VALID (time) || !GST_CLOCK_TIME_IS_VALID (length))
    return;
  /* A hole is heard as concealed packets. Rounding of time stamps is no hole. */
  if (time > *next + 10 * GST_MSECOND)
    scan->missing += (time - *next + 10 * GST_MSECOND) / (20 * GST_MSECOND);
  *next = time + length;
  scan->samples = gst_util_uint64_scale_round (*next, RATE, GST_SECOND);
}

static GstPadProbeReturn
take_tags (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  Scan *scan = user;
  GstTagList *tags;

  (void) pad;
  if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
    gst_event_parse_tag (event, &tags);
    tags = gst_tag_list_merge (scan->tags, tags, GST_TAG_MERGE_KEEP);
    gst_clear_tag_list (&scan->tags);
    scan->tags = tags;
  }
  return GST_PAD_PROBE_OK;
}

static GError *
take_messages (GstElement * pipe, Scan * scan)
{
  GstBus *bus = gst_element_get_bus (pipe);
  GError *error = NULL, *warning = NULL;
  GstMessage *msg;

  while (!error && (msg = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING))) {
    if (GST_MESSAGE_TYPE (msg) == GST_MESSAGE_ERROR) {
      gst_message_parse_error (msg, &error, NULL);
    } else {
      gst_message_parse_warning (msg, &warning, NULL);
      g_ptr_array_add (scan->damage, g_strdup (warning->message));
      g_clear_error (&warning);
    }
    gst_message_unref (msg);
  }
  gst_object_unref (bus);
  return error;
}

static GError *
drain (GstElement * pipe, Scan * scan)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
  GstElement *parse = gst_bin_get_by_name (GST_BIN (pipe), "parse");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  GstClockTime next = 0;
  GError *error = NULL;
  GstSample *sample;
  gint64 size;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, take_tags, scan, NULL);
  gst_element_set_state (pipe, GST_STATE_PLAYING);
  for (;;) {
    if (setup_stopped ()) {
      error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
      break;
    }
    sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), 100 * GST_MSECOND);
    if (sample) {
      take_packet (scan, sample, &next);
      gst_sample_unref (sample);
    } else if ((error = take_messages (pipe, scan)) || gst_app_sink_is_eos (GST_APP_SINK (sink))) {
      break;
    }
  }
  if (!error)
    error = take_messages (pipe, scan);
  if (gst_element_query_duration (parse, GST_FORMAT_BYTES, &size))
    scan->bytes = size;
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (pad);
  gst_object_unref (parse);
  gst_object_unref (sink);
  return error;
}

/* Returns whether a last page ends the file. */
static gboolean
has_end (const char *path)
{
  TlcPage *page = g_new (TlcPage, 1);
  guint8 *tail = g_malloc (TLC_MAX_PAGE);
  FILE *file = fopen (path, "rb");
  char why[TLC_WHY];
  gboolean end = FALSE;
  gsize n = 0, used;

  if (file) {
    if (fseek (file, -(long) TLC_MAX_PAGE, SEEK_END) < 0)
      rewind (file);
    n = fread (tail, 1, TLC_MAX_PAGE, file);
    fclose (file);
  }
  for (gsize at = tlc_find (tail, n, 0); at < n && !end; at = tlc_find (tail, n, at + 1))
    end = tlc_page_read (page, tail + at, n - at, &used, why) == TLC_OK && page->last
        && used == n - at;
  g_free (tail);
  g_free (page);
  return end;
}

gboolean
scan_file (const char *path, Scan * scan, GError ** error)
{
  GstElement *pipe;
  GError *failed;

  memset (scan, 0, sizeof (*scan));
  scan->damage = g_ptr_array_new_with_free_func (g_free);
  pipe = pipeline_from_bytes (path, "telucodecparse name=parse ! appsink name=sink sync=false "
      "max-buffers=1000", error);
  if (!pipe)
    return FALSE;
  failed = drain (pipe, scan);
  gst_object_unref (pipe);
  if (!failed && strcmp (path, "-") && !has_end (path))
    g_ptr_array_add (scan->damage, g_strdup ("Its last page is missing: the file was cut, or is "
            "still being written"));
  if (failed)
    g_propagate_error (error, scan_explain (path, failed));
  return !failed;
}

GError *
scan_explain (const char *path, GError * error)
{
  char head[4] = "";
  FILE *file = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || !strcmp (path, "-")
      ? NULL : fopen (path, "rb");
  const gsize n = file ? fread (head, 1, sizeof (head), file) : 0;

  if (file)
    fclose (file);
  if (file && memcmp (head, TLC_MAGIC, 4) && memcmp (head, "TLP", 3)) {
    g_free (error->message);
    error->message = g_strdup (n ? "not a .tlc file: encode makes one of any sound" :
        "an empty file, not a .tlc file");
  }
  return error;
}

void
scan_clear (Scan * scan)
{
  g_clear_pointer (&scan->damage, g_ptr_array_unref);
  g_clear_pointer (&scan->model_id, g_free);
  gst_clear_tag_list (&scan->tags);
}

gboolean
scan_is_whole (const char *path)
{
  Scan scan;
  const gboolean whole = scan_file (path, &scan, NULL) && scan.damage->len == 0;

  scan_clear (&scan);
  return whole;
}
