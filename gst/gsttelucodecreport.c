/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecreport.c - see gsttelucodecreport.h. */
#include "gsttelucodecreport.h"

#include "gsttelucodecqueue.h"
#include "gsttelucodectimer.h"

/* So many packets between the last one and a report of a loss were not lost. The jitter buffer
 * guesses the time of what is lost by the time between packets, which a silence makes long: the
 * lost one may be of the silence, or of the talk behind it. The next packet's time tells. */
#define REPORTED_SILENCE 3

/* Adds the packets that a report with number seq, which begins at `time`, has skipped. Returns
 * whether it can be told where they are. */
static gboolean
advance_to_report (GstRtpTelucodecDepay * self, guint16 seq, GstClockTime time)
{
  const guint16 skipped = seq - self->next;
  guint64 numbers = MIN (skipped * self->packets, GST_TELUCODEC_MAX_MISSING), past = numbers;

  if (skipped > GST_TELUCODEC_MAX_MISSING) {
    gst_telucodec_queue_push_ready (self, 0);
    self->jump = TRUE;
    return TRUE;
  }
  if (GST_CLOCK_TIME_IS_VALID (self->next_pts))
    past = time <= self->next_pts ? 0 : gst_util_uint64_scale_round (time - self->next_pts,
        1, GST_TELUCODEC_PACKET_DURATION);
  if (self->reported)
    numbers = MIN (numbers, past);
  else if (past >= numbers + REPORTED_SILENCE)
    return FALSE;
  gst_telucodec_queue_add_missing (self, numbers, time);
  return TRUE;
}

/* Counts the packets of a report that has no number, since it may be one of FEC. Returns whether
 * it is such a report, from behind a decoder of FEC: the numbers of the packets then have no hole
 * there, and the time of the next packet tells whether this stream has. */
static gboolean
count_unnumbered (GstRtpTelucodecDepay * self, const GstStructure * s)
{
  const GstClockTime packet = self->packets * GST_TELUCODEC_PACKET_DURATION;
  GstClockTime duration = 0;
  gboolean fec = FALSE;

  if (gst_structure_has_field (s, "seqnum")
      || !gst_structure_get_boolean (s, "might-have-been-fec", &fec) || !fec)
    return FALSE;
  gst_structure_get_clock_time (s, "duration", &duration);
  /* In a silence it is the time between its packets. */
  if (!GST_CLOCK_TIME_IS_VALID (duration) || duration < packet || self->behind_silence)
    duration = packet;
  self->unnumbered += MIN (gst_util_uint64_scale_round (duration, 1,
          GST_TELUCODEC_PACKET_DURATION), GST_TELUCODEC_MAX_MISSING);
  self->unnumbered = MIN (self->unnumbered, GST_TELUCODEC_MAX_MISSING);
  return TRUE;
}

gboolean
gst_telucodec_report_take (GstRtpTelucodecDepay * self, GstEvent * event)
{
  const GstStructure *s = gst_event_get_structure (event);
  GstClockTime time, duration;
  gboolean fec = FALSE;
  guint64 all;
  guint seq, n;

  if (count_unnumbered (self, s))
    return TRUE;
  if (!self->begun || !gst_structure_get_uint (s, "seqnum", &seq)
      || !gst_structure_get_clock_time (s, "timestamp", &time)
      || !gst_structure_get_clock_time (s, "duration", &duration)
      || !GST_CLOCK_TIME_IS_VALID (time) || !GST_CLOCK_TIME_IS_VALID (duration)
      || (gint16) (seq - self->next) < 0) {
    gst_telucodec_queue_push_ready (self, 0);
    return FALSE;
  }
  if (!advance_to_report (self, seq, time)) {
    gst_telucodec_timer_prolong (self);
    return TRUE;
  }
  self->next = seq + 1;
  gst_structure_get_boolean (s, "might-have-been-fec", &fec);
  if (fec)                      /* perhaps not a packet of this stream */
    return TRUE;
  self->reported = TRUE;
  if (duration == 0)
    duration = self->packets * GST_TELUCODEC_PACKET_DURATION;

  all = MAX (1, gst_util_uint64_scale_round (duration, 1, GST_TELUCODEC_PACKET_DURATION));
  n = all > GST_TELUCODEC_MAX_MISSING ? 1 : all;        /* a long pause is one gap */
  for (guint i = 0; i < n; i++) {
    const GstClockTime from = gst_util_uint64_scale (duration, i, n);

    gst_telucodec_queue_add (self, time + from,
        gst_util_uint64_scale (duration, i + 1, n) - from, NULL);
  }
  self->next_at += (guint32) (all - n) * TELU_PACKET;
  gst_telucodec_queue_push_ready (self, self->wait);
  self->behind_silence = FALSE;
  gst_telucodec_timer_follow (self);
  return TRUE;
}
