/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecqueue.c - see gsttelucodecqueue.h. */
#include "gsttelucodecqueue.h"

#include "gsttelucodecnoise.h"

GST_DEBUG_CATEGORY_EXTERN (gst_rtp_telucodec_depay_debug);
#define GST_CAT_DEFAULT gst_rtp_telucodec_depay_debug

/* One packet of the stream, or a silence of the sender. */
typedef struct
{
  guint32 at;                   /* RTP time stamp */
  gboolean silence;
  gboolean jump;                /* it does not follow the one before */
  GstClockTime pts, duration;
  GstBuffer *packet;            /* or NULL: missing, or silence */
} Item;

void
gst_telucodec_queue_add (GstRtpTelucodecDepay * self, GstClockTime pts, GstClockTime duration,
    GstBuffer * packet)
{
  Item *item = g_new (Item, 1);

  *item = (Item) { self->next_at, FALSE, self->jump, pts, duration, packet };
  self->jump = FALSE;
  g_queue_push_tail (&self->queue, item);
  self->next_at += TELU_PACKET;
  self->next_pts = GST_CLOCK_TIME_IS_VALID (pts) ? pts + duration : GST_CLOCK_TIME_NONE;
}

GstClockTime
gst_telucodec_queue_before (GstClockTime pts, guint n)
{
  const GstClockTime duration = n * GST_TELUCODEC_PACKET_DURATION;

  return GST_CLOCK_TIME_IS_VALID (pts) && pts >= duration ? pts - duration :
      GST_CLOCK_TIME_NONE;
}

void
gst_telucodec_queue_add_missing (GstRtpTelucodecDepay * self, guint n, GstClockTime end)
{
  for (guint i = 0; i < n; i++)
    gst_telucodec_queue_add (self, gst_telucodec_queue_before (end, n - i),
        GST_TELUCODEC_PACKET_DURATION, NULL);
}

void
gst_telucodec_queue_add_silence (GstRtpTelucodecDepay * self, guint n, GstClockTime end)
{
  GstClockTime from = gst_telucodec_queue_before (end, n);
  Item *item;

  self->behind_silence = TRUE;
  self->jump |= !GST_CLOCK_TIME_IS_VALID (from);
  if (!GST_CLOCK_TIME_IS_VALID (from))
    return;
  if (self->filled > from + GST_TELUCODEC_PACKET_DURATION / 2)
    from = self->filled;
  if (end < from + GST_TELUCODEC_PACKET_DURATION / 2)
    return;
  gst_telucodec_queue_add (self, from, end - from, NULL);
  item = g_queue_peek_tail (&self->queue);
  item->silence = TRUE;
  self->next_at += (n - 1) * TELU_PACKET;
}

gint
gst_telucodec_queue_packets (guint32 from, guint32 to)
{
  const gint samples = (gint32) (to - from);

  return samples >= 0 ? (samples + TELU_PACKET / 2) / TELU_PACKET :
      -((TELU_PACKET / 2 - samples) / TELU_PACKET);
}

gboolean
gst_telucodec_queue_has_segment (GstRtpTelucodecDepay * self)
{
  GstEvent *segment = gst_pad_get_sticky_event (GST_RTP_BASE_DEPAYLOAD_SRCPAD (self),
      GST_EVENT_SEGMENT, 0);
  const gboolean found = segment != NULL;

  gst_clear_event (&segment);
  return found;
}

/* Tells what of the gap no other one told. Returns whether it can be told. */
static gboolean
push_gap (GstRtpTelucodecDepay * self, const Item * item)
{
  const GstClockTime from = MAX (item->pts, self->filled);
  const GstClockTime end = item->pts + item->duration;
  GstEvent *gap;

  if (!gst_telucodec_queue_has_segment (self) || !GST_CLOCK_TIME_IS_VALID (item->pts))
    return FALSE;
  if (end <= from)
    return TRUE;
  if (item->silence) {
    gap = gst_telucodec_silence_event (from, end - from);
  } else {
    gap = gst_event_new_gap (from, end - from);
    gst_event_set_gap_flags (gap, GST_GAP_FLAG_MISSING_DATA);
  }
  gst_pad_push_event (GST_RTP_BASE_DEPAYLOAD_SRCPAD (self), gap);
  return TRUE;
}

static void
push_item (GstRtpTelucodecDepay * self, Item * item)
{
  /* A sink that is to play it in place of a silence that was told would append it. */
  const gboolean late = GST_CLOCK_TIME_IS_VALID (item->pts)
      && item->pts + GST_TELUCODEC_PACKET_DURATION / 2 < self->filled;

  self->pushes_jump |= item->jump || (item->packet && late);
  if (item->packet) {
    if (late)
      self->filled = 0;
    GST_BUFFER_PTS (item->packet) = GST_BUFFER_DTS (item->packet) = item->pts;
    GST_BUFFER_DURATION (item->packet) = GST_TELUCODEC_PACKET_DURATION;
    gst_rtp_base_depayload_push (GST_RTP_BASE_DEPAYLOAD (self), item->packet);
    self->pushes_jump = FALSE;
  } else {
    GST_DEBUG_OBJECT (self, "the packet at %u is %s", item->at,
        item->silence ? "silence" : "lost");
    GST_OBJECT_LOCK (self);
    self->lost += !item->silence;
    GST_OBJECT_UNLOCK (self);
    self->pushes_jump |= !push_gap (self, item);
  }
  g_free (item);
}

GstPadProbeReturn
gst_telucodec_queue_mark (GstPad * pad, GstPadProbeInfo * info, gpointer depay)
{
  GstRtpTelucodecDepay *self = depay;
  GstBuffer *buf = GST_PAD_PROBE_INFO_BUFFER (info);

  (void) pad;
  if (!GST_BUFFER_IS_DISCONT (buf) == !self->pushes_jump)
    return GST_PAD_PROBE_OK;
  info->data = buf = gst_buffer_make_writable (buf);
  if (self->pushes_jump)
    GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
  return GST_PAD_PROBE_OK;
}

void
gst_telucodec_queue_push_ready (GstRtpTelucodecDepay * self, guint wait)
{
  Item *item;

  while ((item = g_queue_peek_head (&self->queue))) {
    const gint age = gst_telucodec_queue_packets (item->at, self->next_at);

    if (!item->packet && !item->silence && age > 0 && age <= (gint) wait)
      break;
    push_item (self, g_queue_pop_head (&self->queue));
  }
}

void
gst_telucodec_queue_drop (GstRtpTelucodecDepay * self)
{
  Item *item;

  while ((item = g_queue_pop_head (&self->queue))) {
    gst_clear_buffer (&item->packet);
    g_free (item);
  }
  self->begun = FALSE;
  self->jump = TRUE;
  self->packets = 1;
  self->unnumbered = 0;
  self->filled = 0;
  self->live = FALSE;
}

void
gst_telucodec_queue_recover (GstRtpTelucodecDepay * self, guint32 at, GstClockTime pts,
    const guint8 * head, guint size)
{
  for (GList * l = self->queue.head; l; l = l->next) {
    Item *item = l->data;

    if (gst_telucodec_queue_packets (item->at, at) != 0 || item->packet || item->silence)
      continue;
    GST_DEBUG_OBJECT (self, "the packet at %u is recovered from %u bytes", at, size);
    item->packet = gst_buffer_new_memdup (head, size);
    if (GST_CLOCK_TIME_IS_VALID (pts))
      item->pts = pts;
    GST_OBJECT_LOCK (self);
    self->recovered++;
    GST_OBJECT_UNLOCK (self);
    return;
  }
}

void
gst_telucodec_queue_drop_missing (GstRtpTelucodecDepay * self, gint n)
{
  Item *item;

  while (n-- > 0 && (item = g_queue_peek_tail (&self->queue)) && !item->packet
      && !item->silence) {
    self->jump |= item->jump;
    g_free (g_queue_pop_tail (&self->queue));
  }
}
