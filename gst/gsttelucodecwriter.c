/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecwriter.c - the stream of bytes that telucodecmux pushes: its start and caps, header,
 * tags, pages, and the header once more at the end. */
#include "gsttelucodecmux.h"

#define GST_CAT_DEFAULT gst_telucodec_mux_debug

static gboolean
push_segment (GstTelucodecMux * self, guint64 offset)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_BYTES);
  segment.start = segment.time = segment.position = offset;
  return gst_pad_push_event (self->srcpad, gst_event_new_segment (&segment));
}

static GstBuffer *
header_buffer (GstTelucodecMux * self)
{
  GstBuffer *buf = gst_buffer_new_allocate (NULL, TLC_HEADER_SIZE, NULL);
  guint8 bytes[TLC_HEADER_SIZE];

  tlc_header_write (&self->header, bytes);
  gst_buffer_fill (buf, 0, bytes, sizeof (bytes));
  GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_HEADER);
  return buf;
}

static GstFlowReturn
push (GstTelucodecMux * self, GstBuffer * buf)
{
  if (!self->segment_sent)
    self->segment_sent = push_segment (self, self->offset);
  GST_BUFFER_OFFSET (buf) = self->offset;
  self->offset += gst_buffer_get_size (buf);
  GST_BUFFER_OFFSET_END (buf) = self->offset;
  return gst_pad_push (self->srcpad, buf);
}

/* Names the stream that this element makes, which is another than the one that it takes. */
static void
push_stream_start (GstTelucodecMux * self)
{
  gchar *id = g_strdup_printf ("telucodecmux-%08x", g_random_int ());
  GstEvent *event = gst_event_new_stream_start (id);

  if (self->group != GST_GROUP_ID_INVALID)
    gst_event_set_group_id (event, self->group);
  gst_pad_push_event (self->srcpad, event);
  self->started = TRUE;
  g_free (id);
}

/* The caps hold a copy of header and tags, which servers send to clients that join later. */
GstFlowReturn
gst_telucodec_mux_begin (GstTelucodecMux * self, guint pre_skip)
{
  GstCaps *caps = gst_pad_get_pad_template_caps (self->srcpad);
  GValue array = G_VALUE_INIT, value = G_VALUE_INIT;
  GstBuffer *tags = gst_telucodec_mux_make_tags (self);
  GstFlowReturn ret;

  if (!self->started)
    push_stream_start (self);
  self->begun = TRUE;
  self->header.pre_skip = pre_skip;

  g_value_init (&array, GST_TYPE_ARRAY);
  g_value_init (&value, GST_TYPE_BUFFER);
  gst_value_take_buffer (&value, header_buffer (self));
  gst_value_array_append_and_take_value (&array, &value);
  if (tags) {
    g_value_init (&value, GST_TYPE_BUFFER);
    gst_value_take_buffer (&value, gst_buffer_copy (tags));
    gst_value_array_append_and_take_value (&array, &value);
  }
  caps = gst_caps_make_writable (caps);
  gst_structure_take_value (gst_caps_get_structure (caps, 0), "streamheader",
      &array);
  gst_pad_set_caps (self->srcpad, caps);
  gst_caps_unref (caps);

  ret = push (self, header_buffer (self));
  if (tags && ret == GST_FLOW_OK)
    return push (self, tags);
  gst_clear_buffer (&tags);
  return ret;
}

GstFlowReturn
gst_telucodec_mux_push_page (GstTelucodecMux * self)
{
  gsize size = tlc_page_write (self->page, self->bytes);
  GstBuffer *buf = gst_buffer_new_memdup (self->bytes, size);

  GST_LOG_OBJECT (self, "page of packets %u + %u, %" G_GSIZE_FORMAT " bytes at %"
      G_GUINT64_FORMAT, self->page->index, self->page->count, size, self->offset);
  GST_BUFFER_PTS (buf) = self->page_time;
  GST_BUFFER_DURATION (buf) = self->page->count * GST_TELUCODEC_PACKET_DURATION;
  tlc_page_start (self->page, self->next);
  return push (self, buf);
}

static void
rewrite_header (GstTelucodecMux * self)
{
  GstQuery *query = gst_query_new_seeking (GST_FORMAT_BYTES);
  gboolean seekable = FALSE;
  GstBuffer *buf;

  if (gst_pad_peer_query (self->srcpad, query))
    gst_query_parse_seeking (query, NULL, &seekable, NULL, NULL);
  gst_query_unref (query);
  GST_DEBUG_OBJECT (self, "%" G_GUINT64_FORMAT " samples, sink %s seek",
      self->header.samples, seekable ? "can" : "cannot");
  if (!seekable || !push_segment (self, self->header_offset))
    return;
  buf = header_buffer (self);
  GST_BUFFER_OFFSET (buf) = self->header_offset;
  GST_BUFFER_OFFSET_END (buf) = self->header_offset + TLC_HEADER_SIZE;
  gst_pad_push (self->srcpad, buf);
}

void
gst_telucodec_mux_finish (GstTelucodecMux * self)
{
  const guint64 decoded = self->next * TLC_SAMPLES;
  guint64 clipped;

  if (!self->begun && gst_telucodec_mux_begin (self, 0) != GST_FLOW_OK)
    return;
  clipped = self->header.pre_skip + self->trim;
  self->header.samples = decoded > clipped ? decoded - clipped : 0;
  self->page->last = TRUE;
  self->page->trim = self->trim;
  if (gst_telucodec_mux_push_page (self) == GST_FLOW_OK)
    rewrite_header (self);
}
