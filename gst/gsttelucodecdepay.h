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

struct _GstRtpTelucodecDepay
{
  GstRTPBaseDepayload depayload;
  GstPadQueryFunction base_query;       /* of the source pad */

  /* Properties, and the packets that a missing one waits for; guarded by the object
   * lock. */
  gboolean use_redundancy;
  guint64 recovered, lost;
  guint wait;

  /* Streaming thread only. */
  GQueue queue;                 /* of items, the first of which is missing */
  guint farthest, waited;       /* largest distance of the last `waited` payloads */
  guint packets;                /* of the last good payload, and so of a lost one */
  gboolean begun;               /* the fields below are valid */
  gboolean reported;            /* the jitter buffer reported a loss behind the last payload */
  gboolean jump, pushes_jump;   /* the next item does not follow; the one that is pushed */
  gint unnumbered;              /* packets behind it that may be lost, or none of this stream */
  GstClockTime filled;          /* end of the last GAP event from upstream */
  gboolean damaged;             /* damage was reported to the application */
  guint16 next;                 /* expected sequence number, */
  guint32 next_at, ssrc;        /* RTP time stamp, and sender; */
  GstClockTime next_pts;        /* and when it begins */
};

G_END_DECLS

#endif
