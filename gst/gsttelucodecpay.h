/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpay.h - packets -> RTP. */
#ifndef GST_TELUCODEC_PAY_H
#define GST_TELUCODEC_PAY_H

#include <gst/rtp/rtp.h>

#include "gsttelucodecrtp.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_PAY (gst_telucodec_pay_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecPay, gst_telucodec_pay, GST, TELUCODEC_PAY,
    GstRTPBasePayload)

struct _GstTelucodecPay
{
  GstRTPBasePayload payload;

  /* Properties, under the object's lock. */
  guint redundancy, distance;

  /* Streaming thread only: the beginnings of the last packets of a run without holes,
   * that of packet n at n % MAX_DISTANCE. */
  struct
  {
    guint8 bytes[GST_TELUCODEC_RTP_MAX_HEAD];
    guint size;
  } past[GST_TELUCODEC_RTP_MAX_DISTANCE];
  guint packets;
};

G_END_DECLS

#endif
