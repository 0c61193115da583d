/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_file.c - see gst_file.h. */
#include "gst_file.h"

#include <string.h>

static guint8 page_bytes[TLC_MAX_PAGE];
static TlcPage page;

/* --- Files made by tlc.h ---------------------------------------------------- */

void
file_header (GByteArray * file, guint64 samples)
{
  TlcHeader header = {.pre_skip = TELU_DELAY,.samples = samples };
  const gchar *id = telu_model_id (tc_model ());
  guint8 bytes[TLC_HEADER_SIZE];

  for (gint i = 0; i < 32; i++)
    header.model_id[i] = g_ascii_xdigit_value (id[2 * i]) << 4 |
        g_ascii_xdigit_value (id[2 * i + 1]);
  tlc_header_write (&header, bytes);
  g_byte_array_append (file, bytes, sizeof (bytes));
}

void
file_sign (guint8 * header)
{
  const guint32 crc = tlc_crc (header, TLC_HEADER_SIZE - 4);

  for (gint i = 0; i < 4; i++)
    header[TLC_HEADER_SIZE - 4 + i] = crc >> 8 * i;
}

void
file_page (GByteArray * file, GPtrArray * packets, gint n, guint from, guint to)
{
  tlc_page_start (&page, from);
  for (guint k = from; k < to; k++) {
    gsize size;
    const guint8 *data = g_bytes_get_data (g_ptr_array_index (packets, k), &size);

    tlc_page_add (&page, data, size);
  }
  page.last = to == packets->len;
  page.trim = page.last ? to * TELU_PACKET - TELU_DELAY - n : 0;
  g_byte_array_append (file, page_bytes, tlc_page_write (&page, page_bytes));
}

GByteArray *
file_make (GPtrArray * packets, gint n, guint per_page, guint64 samples)
{
  GByteArray *file = g_byte_array_new ();
  guint from = 0;

  file_header (file, samples);
  do {
    guint to = MIN (from + per_page, packets->len);

    file_page (file, packets, n, from, to);
    from = to;
  } while (from < packets->len);
  return file;
}

gsize
file_page_offset (GByteArray * file, gint i)
{
  gsize at = TLC_HEADER_SIZE, used;
  gchar why[TLC_WHY];

  while (i-- > 0) {
    CHECK (tlc_page_read (&page, file->data + at, file->len - at, &used, why) ==
        TLC_OK, "page at %zu: %s", at, why);
    at += used;
  }
  return at;
}

/* --- The parser ------------------------------------------------------------- */

GstHarness *
file_parser (GstBus ** bus)
{
  GstHarness *h = gst_harness_new ("telucodecparse");
  GstSegment segment;

  *bus = gst_bus_new ();
  gst_element_set_bus (h->element, *bus);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_stream_start ("test"));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  return h;
}

void
file_done (GstHarness * h, GstBus * bus)
{
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

void
file_feed (GstHarness * h, const guint8 * data, gsize size, gsize chunk)
{
  for (gsize at = 0; at < size; at += chunk)
    gst_harness_push (h, gst_buffer_new_memdup (data + at, MIN (chunk,
                size - at)));
  gst_harness_push_event (h, gst_event_new_eos ());
}

void
file_expect_packets (GstHarness * h, GPtrArray * packets, gint n, guint from, guint to,
    gint64 origin, const gchar * what)
{
  for (guint k = from; k < to; k++) {
    GstBuffer *buf = gst_harness_try_pull (h), *want;

    if (!CHECK (buf, "%s: no packet %u of %u", what, k, to))
      return;
    want = tc_packet_buffer (packets, k, n);
    CHECK (tc_same_bytes (buf, g_ptr_array_index (packets, k)),
        "%s: packet %u has other bytes", what, k);
    CHECK (GST_BUFFER_PTS (buf) + tc_time (origin) == GST_BUFFER_PTS (want)
        && GST_BUFFER_DURATION (buf) == GST_BUFFER_DURATION (want),
        "%s: packet %u at %" GST_TIME_FORMAT " for %" GST_TIME_FORMAT, what, k,
        GST_TIME_ARGS (GST_BUFFER_PTS (buf)),
        GST_TIME_ARGS (GST_BUFFER_DURATION (buf)));
    CHECK (tc_clip_start (buf) == tc_clip_start (want)
        && tc_clip_end (buf) == tc_clip_end (want), "%s: packet %u, clip %d %d",
        what, k, tc_clip_start (buf), tc_clip_end (buf));
    CHECK (GST_BUFFER_IS_DISCONT (buf) == (k == from), "%s: packet %u, discont",
        what, k);
    gst_buffer_unref (want);
    gst_buffer_unref (buf);
  }
}

void
file_expect_no_more (GstHarness * h, const gchar * what)
{
  CHECK (gst_harness_buffers_in_queue (h) == 0, "%s: %u more buffers", what,
      gst_harness_buffers_in_queue (h));
}

void
file_expect_gap (GstHarness * h, gint64 from, gint64 to, const gchar * what)
{
  GstClockTime time, duration;
  GstEvent *event;
  gint gaps = 0;

  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
      gaps++;
      gst_event_parse_gap (event, &time, &duration);
      CHECK (time == tc_time (from) && time + duration == tc_time (to),
          "%s: gap at %" GST_TIME_FORMAT " for %" GST_TIME_FORMAT, what,
          GST_TIME_ARGS (time), GST_TIME_ARGS (duration));
    }
    gst_event_unref (event);
  }
  CHECK (gaps == (to > 0), "%s: %d gaps", what, gaps);
}

gint
file_warnings (GstBus * bus, const gchar * word, const gchar * what)
{
  GstMessage *message;
  gint count = 0;

  while ((message = tc_message (bus, GST_MESSAGE_WARNING))) {
    GError *error;

    gst_message_parse_warning (message, &error, NULL);
    CHECK (count++ > 0 || strstr (error->message, word), "%s: '%s' names not '%s'",
        what, error->message, word);
    g_error_free (error);
    gst_message_unref (message);
  }
  return count;
}

void
file_expect_no_error (GstBus * bus, const gchar * what)
{
  GstMessage *message = tc_message (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  if (message)
    gst_message_parse_error (message, &error, NULL);
  CHECK (!message, "%s: %s", what, error ? error->message : "");
  g_clear_error (&error);
  gst_clear_message (&message);
}
