/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdepay.h - takes packets out of RTP. */
#ifndef GST_RTP_TELUCODEC_DEPAY_H
#define GST_RTP_TELUCODEC_DEPAY_H

#include <gst/rtp/rtp.h>

#include "gsttelucodecrtp.h"

G_BEGIN_DECLS

#define GST_TYPE_RTP_TELUCODEC_DEPAY (gst_rtp_telucodec_depay_get_type ())
G_DECLARE_FINAL_TYPE (GstRtpTelucodecDepay, gst_rtp_telucodec_depay, GST,
    RTP_TELUCODEC_DEPAY, GstRTPBaseDepayload)

/* Packets of a second: the most that may be missing, or silent, behind one payload. A larger step
 * of the sequence number begins a new stream. Concealment is silent after fewer losses. */
#define GST_TELUCODEC_MAX_MISSING 50

struct _GstRtpTelucodecDepay
{
  GstRTPBaseDepayload depayload;
  GstPadQueryFunction base_query;       /* of the source pad */

  /* Properties, and the packets that a missing one waits for; guarded by the object
   * lock. */
  gboolean use_redundancy;
  guint64 recovered, lost;
  guint wait;

  /* The timer of silences, guarded by it too, but for the thread: gsttelucodectimer.c. */
  GThread *timer;
  GCond timer_cond;
  GstClockID timer_id;          /* while it waits, */
  GstClockTime timer_waits;     /* and until when */
  gboolean timer_stops;
  GstClockTime timer_at;        /* running time at which silence is due, or NONE */
  GstClockTime silent_from;     /* when it begins, */
  guint silent_left;            /* and for how many packets it may last; */
  GstClockTime patience;        /* the first of them is due so much later */

  /* Streaming thread only, and the timer with the sink pad's stream lock. */
  GQueue queue;                 /* of items, the first of which is missing */
  guint farthest, waited;       /* largest distance of the last `waited` payloads */
  guint packets;                /* of the last good payload, and so of a lost one */
  gboolean begun;               /* the fields below are valid */
  gboolean reported;            /* the jitter buffer reported a loss behind the last payload */
  gboolean jump, pushes_jump;   /* the next item does not follow; the one that is pushed */
  gint unnumbered;              /* packets behind it that may be lost, or none of this stream */
  GstClockTime filled;          /* end of the last GAP event of upstream or the timer */
  gboolean behind_silence;      /* a silence ends at the last payload, */
  guint loud;                   /* and so many payloads came since one did */
  gboolean live;                /* as upstream said then, */
  GstClockTime upstream_latency;        /* with its latency */
  gboolean damaged;             /* damage was reported to the application */
  guint16 next;                 /* expected sequence number, */
  guint32 next_at, ssrc;        /* RTP time stamp, and sender; */
  GstClockTime next_pts;        /* and when it begins */
};

G_END_DECLS

#endif
