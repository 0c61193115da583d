/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpay.h - puts packets into RTP. */
#ifndef GST_TELUCODEC_PAY_H
#define GST_TELUCODEC_PAY_H

#include <gst/rtp/rtp.h>

#include "gsttelucodecheads.h"

G_BEGIN_DECLS

#define GST_TYPE_RTP_TELUCODEC_PAY (gst_rtp_telucodec_pay_get_type ())
G_DECLARE_FINAL_TYPE (GstRtpTelucodecPay, gst_rtp_telucodec_pay, GST, RTP_TELUCODEC_PAY,
    GstRTPBasePayload)

struct _GstRtpTelucodecPay
{
  GstRTPBasePayload payload;
  GstPadQueryFunction base_query;       /* of the source pad */
  gint wanted;                  /* packets for which a payload waits; atomic */

  /* Properties, guarded by the object lock: bytes, packets. */
  guint redundancy, distance;

  /* The choice that the encoder left bytes for. Streaming thread only, as all below. */
  gboolean told;                /* chosen holds, and not the properties */
  GstTelucodecRedundancy chosen;

  GstTelucodecHeads heads;
  GstBuffer *pending[GST_TELUCODEC_RTP_MAX_PACKETS];
  guint held;                   /* packets that wait for the rest of their payload */
  gboolean marker;              /* of that payload */
  guint last;                   /* packets in the payload before */
  GstClockTime due;             /* at which the next packet begins */
  gboolean cut;                 /* a packet was longer than the MTU */
};

G_END_DECLS

#endif
