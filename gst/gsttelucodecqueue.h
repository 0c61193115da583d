/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecqueue.h - packets of rtptelucodecdepay that wait behind a missing one.
 *
 * All run on the streaming thread, or on the timer's with the sink pad's stream lock. Times are
 * in ns, `at` is an RTP time stamp; NONE is fine for a time that is not known.
 */
#ifndef GST_TELUCODEC_QUEUE_H
#define GST_TELUCODEC_QUEUE_H

#include "gsttelucodecdepay.h"

G_BEGIN_DECLS

/* Adds the packet that is expected next and begins at pts, 20 ms (takes it), or NULL: a missing
 * one of any duration. */
void gst_telucodec_queue_add (GstRtpTelucodecDepay * self, GstClockTime pts,
    GstClockTime duration, GstBuffer * packet);

/* Adds n missing packets, the last of which ends at `end`. */
void gst_telucodec_queue_add_missing (GstRtpTelucodecDepay * self, guint n,
    GstClockTime end);

/* Adds a silence of the sender of n packets that ends at `end`. Its length is that of the RTP
 * time stamps: the jitter of arrival times would add up to samples too many or too few. */
void gst_telucodec_queue_add_silence (GstRtpTelucodecDepay * self, guint n,
    GstClockTime end);

/* Drops missing packets at the end of the queue that the jitter buffer reported and that
 * were none, since the next packet begins `n` packets earlier than they end. */
void gst_telucodec_queue_drop_missing (GstRtpTelucodecDepay * self, gint n);

/* Replaces the packet at an RTP time stamp by its head if it is missing. A known pts
 * overrides the time that the jitter buffer guessed. */
void gst_telucodec_queue_recover (GstRtpTelucodecDepay * self, guint32 at,
    GstClockTime pts, const guint8 * head, guint size);

/* Pushes items up to the first missing one that a head may still replace. wait: packets
 * from a missing one to the first of the last payload that may contain its head; 0 pushes
 * all. */
void gst_telucodec_queue_push_ready (GstRtpTelucodecDepay * self, guint wait);

/* Sets DISCONT on what does not follow the item before, and takes it from all else: the base class
 * sets it behind each hole of the sequence numbers, healed or told as it may be, where it makes
 * resamplers begin anew. A probe of the source pad. */
GstPadProbeReturn gst_telucodec_queue_mark (GstPad * pad, GstPadProbeInfo * info, gpointer depay);

/* Drops all, and forgets which packet is expected. */
void gst_telucodec_queue_drop (GstRtpTelucodecDepay * self);

/* Returns the time n packets before pts, or NONE if there is none. */
GstClockTime gst_telucodec_queue_before (GstClockTime pts, guint n);

/* Returns how many packets `to` is behind `from`, both RTP time stamps, to the nearest. */
gint gst_telucodec_queue_packets (guint32 from, guint32 to);

/* Returns whether a GAP event may be pushed: the base class sends a segment with the first
 * packet and not before. */
gboolean gst_telucodec_queue_has_segment (GstRtpTelucodecDepay * self);

G_END_DECLS

#endif
