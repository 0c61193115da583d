/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodectimer.h - the silence of a sender, while it lasts: see gsttelucodectimer.c. */
#ifndef GST_TELUCODEC_TIMER_H
#define GST_TELUCODEC_TIMER_H

#include "gsttelucodecdepay.h"

G_BEGIN_DECLS

/* Tells silence from the end of the last payload on, unless another one comes in time. On the
 * streaming thread. */
void gst_telucodec_timer_follow (GstRtpTelucodecDepay * self);

/* Lets the silence last on, since one of its packets was lost. */
void gst_telucodec_timer_prolong (GstRtpTelucodecDepay * self);

/* Stops until the next payload. From any thread. */
void gst_telucodec_timer_rest (GstRtpTelucodecDepay * self);

/* Ends the timer's thread in two steps, for the pads are to be inactive in between. */
void gst_telucodec_timer_stop (GstRtpTelucodecDepay * self);
void gst_telucodec_timer_join (GstRtpTelucodecDepay * self);

G_END_DECLS

#endif
