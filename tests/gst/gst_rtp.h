/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_rtp.h - RTP packets for the tests of payloader, depayloader and calls. */
#ifndef TEST_GST_RTP_H
#define TEST_GST_RTP_H

#include "gst_common.h"

#include <gst/rtp/rtp.h>

G_BEGIN_DECLS

/* Makes a packet with that number and time, 20 ms for each number. */
GstBuffer *rtp_make (const guint8 * payload, guint n, guint16 seq);
/* Makes the event of a jitter buffer that n packets are lost; it guesses their time. */
GstEvent *rtp_lost (guint16 seq, gint k, gint n);

guint16 rtp_number (GstBuffer * buf);
guint rtp_payload_size (GstBuffer * buf);
/* Returns the number of the packet that begins nearest to that time. */
gint rtp_place (GstClockTime pts);

/* Makes a rtptelucodecdepay that takes any packets, or those of a payloader. */
GstHarness *rtp_depayloader (void);
GstHarness *rtp_behind (GstHarness * pay);

G_END_DECLS

#endif
