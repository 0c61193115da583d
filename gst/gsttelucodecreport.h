/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecreport.h - the jitter buffer's reports of lost packets, for rtptelucodecdepay. */
#ifndef GST_TELUCODEC_REPORT_H
#define GST_TELUCODEC_REPORT_H

#include "gsttelucodecdepay.h"

G_BEGIN_DECLS

/* Handles a report that the packets of a duration are lost. It may stand for several numbers, of
 * which it has the first. Returns FALSE for one that has no place in the stream, and leaves it to
 * the base class. On the streaming thread. */
gboolean gst_telucodec_report_take (GstRtpTelucodecDepay * self, GstEvent * event);

G_END_DECLS

#endif
