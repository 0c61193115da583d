/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodectimer.c - tells the silence of a live sender in time, for rtptelucodecdepay.
 *
 * A sender with dtx=true says nothing for 400 ms. Only its next packet tells that all before was
 * silence, and a speaker would have needed the noise of these 400 ms before. So a thread waits for
 * the time at which a packet would be too late, and pushes GAP events of 20 ms from then on.
 *
 * It does so only behind packets that may be followed by silence: soon behind one that a silence
 * precedes, since most of these describe the background; later behind others of a sender that was
 * silent before, where it may also be the network that is late.
 */
#include "gsttelucodectimer.h"

#include "gsttelucodecnoise.h"
#include "gsttelucodecqueue.h"

#define SOON (5 * GST_MSECOND)
#define LATER (60 * GST_MSECOND)
#define FORGET 1500             /* payloads without a silence: no dtx */

/* Pushes the silence that is due, with the stream lock held. */
static void
push_silence (GstRtpTelucodecDepay * self)
{
  GstClockTime from;

  GST_OBJECT_LOCK (self);
  from = self->silent_from;
  self->silent_from += GST_TELUCODEC_PACKET_DURATION;
  self->timer_at = --self->silent_left > 0 ? self->timer_at + GST_TELUCODEC_PACKET_DURATION -
      self->patience : GST_CLOCK_TIME_NONE;
  self->patience = 0;
  GST_OBJECT_UNLOCK (self);

  gst_telucodec_queue_push_ready (self, 0);
  if (!gst_telucodec_queue_has_segment (self))
    return;
  self->filled = from + GST_TELUCODEC_PACKET_DURATION;
  gst_pad_push_event (GST_RTP_BASE_DEPAYLOAD_SRCPAD (self),
      gst_telucodec_silence_event (from, GST_TELUCODEC_PACKET_DURATION));
}

/* Waits until `due`, with the object lock held but while it waits. Returns whether that is still
 * when silence is due. */
static gboolean
wait_for (GstRtpTelucodecDepay * self, GstClockTime due)
{
  GstClock *clock = GST_ELEMENT_CLOCK (self);

  if (!clock) {
    self->timer_at = GST_CLOCK_TIME_NONE;
    return FALSE;
  }
  self->timer_id = gst_clock_new_single_shot_id (clock,
      GST_ELEMENT_CAST (self)->base_time + due);
  self->timer_waits = due;
  GST_OBJECT_UNLOCK (self);
  gst_clock_id_wait (self->timer_id, NULL);
  GST_OBJECT_LOCK (self);
  gst_clock_id_unref (self->timer_id);
  self->timer_id = NULL;
  return !self->timer_stops && self->timer_at == due;
}

static gpointer
run (gpointer data)
{
  GstRtpTelucodecDepay *self = data;
  GstPad *pad = GST_RTP_BASE_DEPAYLOAD_SINKPAD (self);

  GST_OBJECT_LOCK (self);
  while (!self->timer_stops) {
    const GstClockTime due = self->timer_at;
    gboolean silent;

    if (!GST_CLOCK_TIME_IS_VALID (due)) {
      g_cond_wait (&self->timer_cond, GST_OBJECT_GET_LOCK (self));
      continue;
    }
    if (!wait_for (self, due))
      continue;
    GST_OBJECT_UNLOCK (self);
    GST_PAD_STREAM_LOCK (pad);
    /* A packet may have come meanwhile. */
    GST_OBJECT_LOCK (self);
    silent = !self->timer_stops && self->timer_at == due;
    GST_OBJECT_UNLOCK (self);
    if (silent)
      push_silence (self);
    GST_PAD_STREAM_UNLOCK (pad);
    GST_OBJECT_LOCK (self);
  }
  GST_OBJECT_UNLOCK (self);
  return NULL;
}

/* Sets the running time at which silence from `from` on is due, or NONE; with the object lock. The
 * thread sees a later time when it wakes. */
static void
set (GstRtpTelucodecDepay * self, GstClockTime from, GstClockTime at)
{
  self->silent_from = from;
  self->silent_left = GST_TELUCODEC_MAX_MISSING;
  self->timer_at = at;
  if (self->timer_id && (self->timer_stops || at < self->timer_waits))
    gst_clock_id_unschedule (self->timer_id);
  g_cond_signal (&self->timer_cond);
}

/* Sets *latency to that of upstream. Returns whether it is live: a file needs no timer. */
static gboolean
query_latency (GstRtpTelucodecDepay * self, GstClockTime * latency)
{
  GstQuery *query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (GST_RTP_BASE_DEPAYLOAD_SINKPAD (self), query))
    gst_query_parse_latency (query, &live, latency, NULL);
  gst_query_unref (query);
  return live && GST_CLOCK_TIME_IS_VALID (*latency);
}

/* Returns the running time now, 0 without a clock; with the object lock. */
static GstClockTime
running_time (GstRtpTelucodecDepay * self)
{
  GstElement *element = GST_ELEMENT_CAST (self);
  const GstClockTime base = element->base_time;
  const GstClockTime now = element->clock ? gst_clock_get_time (element->clock) : 0;

  return now > base ? now - base : 0;
}

void
gst_telucodec_timer_follow (GstRtpTelucodecDepay * self)
{
  const GstClockTime from = self->next_pts;
  const GstClockTime patience = self->behind_silence ? 0 : LATER - SOON;
  GstClockTime at;

  self->loud = self->behind_silence ? 0 : MIN (self->loud + 1, FORGET);
  if (self->behind_silence)
    self->live = query_latency (self, &self->upstream_latency);
  at = gst_segment_to_running_time (&GST_RTP_BASE_DEPAYLOAD (self)->segment, GST_FORMAT_TIME,
      from);
  if (!self->live || self->loud == FORGET || !GST_CLOCK_TIME_IS_VALID (from)
      || !GST_CLOCK_TIME_IS_VALID (at)) {
    gst_telucodec_timer_rest (self);
    return;
  }
  at += self->upstream_latency + SOON + patience;
  GST_OBJECT_LOCK (self);
  at += self->wait * GST_TELUCODEC_PACKET_DURATION;
  /* Late packets come one behind the other. */
  at = MAX (at, running_time (self) + GST_TELUCODEC_PACKET_DURATION + SOON + patience);
  set (self, from, at);
  self->patience = patience;
  if (!self->timer && !self->timer_stops)
    self->timer = g_thread_new ("telucodec-timer", run, self);
  GST_OBJECT_UNLOCK (self);
}

void
gst_telucodec_timer_prolong (GstRtpTelucodecDepay * self)
{
  GST_OBJECT_LOCK (self);
  self->silent_left = GST_TELUCODEC_MAX_MISSING;
  GST_OBJECT_UNLOCK (self);
}

void
gst_telucodec_timer_rest (GstRtpTelucodecDepay * self)
{
  GST_OBJECT_LOCK (self);
  set (self, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE);
  GST_OBJECT_UNLOCK (self);
}

void
gst_telucodec_timer_stop (GstRtpTelucodecDepay * self)
{
  GST_OBJECT_LOCK (self);
  self->timer_stops = TRUE;
  set (self, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE);
  GST_OBJECT_UNLOCK (self);
}

void
gst_telucodec_timer_join (GstRtpTelucodecDepay * self)
{
  if (self->timer)
    g_thread_join (self->timer);
  self->timer = NULL;
  self->timer_stops = FALSE;
}
