/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdepay.h - RTP -> packets. */
#ifndef GST_TELUCODEC_DEPAY_H
#define GST_TELUCODEC_DEPAY_H

#include <gst/rtp/rtp.h>

#include "gsttelucodecrtp.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_DEPAY (gst_telucodec_depay_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecDepay, gst_telucodec_depay, GST,
    TELUCODEC_DEPAY, GstRTPBaseDepayload)

struct _GstTelucodecDepay
{
  GstRTPBaseDepayload depayload;

  /* Properties, under the object's lock; and for how many packets it waits. */
  gboolean use_redundancy;
  guint64 recovered, lost;
  guint wait;

  /* Streaming thread only. */
  GQueue queue;                 /* of items: from a packet on that is missing */
  gboolean begun, damaged;      /* damaged: the application was told */
  guint16 next;                 /* sequence number of the next packet, */
  guint32 ssrc;                 /* and its sender */
};

G_END_DECLS

#endif
