/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecrtp.h - RTP payload of payloader and depayloader; see FORMAT.md, 4.
 *
 *   | distance - 1 (2) | size (6) | head of an older packet (size) | packet |
 */
#ifndef GST_TELUCODEC_RTP_H
#define GST_TELUCODEC_RTP_H

#include "gsttelucodec.h"

G_BEGIN_DECLS

#define GST_TELUCODEC_RTP_NAME "TELUCODEC"
#define GST_TELUCODEC_RTP_FIELDS \
    "media = (string) audio, clock-rate = (int) 16000, " \
    "encoding-name = (string) " GST_TELUCODEC_RTP_NAME

#define GST_TELUCODEC_RTP_MAX_HEAD 63  /* bytes */
#define GST_TELUCODEC_RTP_MAX_DISTANCE 4       /* packets */
#define GST_TELUCODEC_RTP_DISTANCE_SHIFT 6     /* bits of size below the distance */

GST_ELEMENT_REGISTER_DECLARE (rtptelucodecpay);
GST_ELEMENT_REGISTER_DECLARE (rtptelucodecdepay);

G_END_DECLS

#endif
