/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecrtp.h - RTP payload of payloader and depayloader; see RTP.md.
 *
 *   | step - 1 (2) | more (1) | size (5) | head of an older packet (size) | ... | packet |
 *   | ...                                       | 0x40 | length | packet | length | packet | ... |
 */
#ifndef GST_TELUCODEC_RTP_H
#define GST_TELUCODEC_RTP_H

#include "gsttelucodec.h"

G_BEGIN_DECLS

#define GST_TELUCODEC_RTP_NAME "TELUCODEC"
#define GST_TELUCODEC_RTP_FIELDS \
    "media = (string) audio, clock-rate = (int) 16000, " \
    "encoding-name = (string) " GST_TELUCODEC_RTP_NAME

/* Caps field with the name of the weights, the SDP attribute model-name. A format parameter, as
 * model-id is, would end calls: ends compare those, and each may have its own name for the same
 * weights. */
#define GST_TELUCODEC_RTP_MODEL_NAME "a-" GST_TELUCODEC_MODEL_NAME

#define GST_TELUCODEC_RTP_MAX_NAME 64  /* bytes */

/* Returns the name as it may stand in an SDP and in a message (transfer full): valid UTF-8 of at
 * most so many bytes, without control characters, which could add lines. Returns NULL if nothing
 * is left, or for NULL. */
gchar *gst_telucodec_rtp_clean_name (const gchar * name);

#define GST_TELUCODEC_RTP_MAX_HEAD 31  /* bytes */
#define GST_TELUCODEC_RTP_MAX_HEADS 8  /* in a payload */
#define GST_TELUCODEC_RTP_MAX_STEP 4   /* packets from one head to the next older one */
#define GST_TELUCODEC_RTP_MAX_DISTANCE 12      /* packets from the oldest one to the payload's */

#define GST_TELUCODEC_RTP_MAX_PACKETS 10       /* in a payload */

/* Place of the head of an older packet. */
typedef struct
{
  guint distance;               /* packets before the first one of the payload, 1 .. 12 */
  guint at, size;               /* bytes; size: 1 .. 31 */
} GstTelucodecRtpHead;

/* Contents of a payload. Heads are in order of distance, nearest first. */
typedef struct
{
  guint heads;
  GstTelucodecRtpHead head[GST_TELUCODEC_RTP_MAX_HEADS];
  guint packets;                /* 1 .. 10 */
  struct
  {
    guint at, size;             /* bytes, size 1 .. 1000 */
  } packet[GST_TELUCODEC_RTP_MAX_PACKETS];
} GstTelucodecRtpPayload;

/* Reads any bytes in time proportional to heads and packets, without a copy. Returns NULL, or
 * a constant text that tells what is wrong (p is then undefined). */
const gchar *gst_telucodec_rtp_parse (GstTelucodecRtpPayload * p, const guint8 * in,
    gsize size);

/* Bytes of a head of `size` bytes whose packet is `step` older than that of the head before. */
#define GST_TELUCODEC_RTP_HEAD_BYTES(step, size) \
    (((step) + GST_TELUCODEC_RTP_MAX_STEP - 1) / GST_TELUCODEC_RTP_MAX_STEP + (size))

/* Writes that many bytes, and returns their number. more: another head or several packets
 * follow. */
guint gst_telucodec_rtp_write_head (guint8 * out, guint step, const guint8 * head,
    guint size, gboolean more);

/* The byte in front of several packets, and that in front of one without heads. */
#define GST_TELUCODEC_RTP_SEVERAL 0x40
#define GST_TELUCODEC_RTP_ONE 0

/* Bytes of the length in front of one of several packets of `size` bytes. */
#define GST_TELUCODEC_RTP_LENGTH_BYTES(size) ((size) < 252 ? 1 : 2)

/* Writes that many bytes, and returns their number. size: 1 .. 1275 */
guint gst_telucodec_rtp_write_length (guint8 * out, guint size);

/* Adds an element's own latency to an answered latency query. */
void gst_telucodec_rtp_add_latency (GstQuery * query, GstClockTime own);

GST_ELEMENT_REGISTER_DECLARE (rtptelucodecpay);
GST_ELEMENT_REGISTER_DECLARE (rtptelucodecdepay);

G_END_DECLS

#endif
