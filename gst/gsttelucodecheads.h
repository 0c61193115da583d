/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecheads.h - heads of the last packets, and which of them a payload repeats. */
#ifndef GST_TELUCODEC_HEADS_H
#define GST_TELUCODEC_HEADS_H

#include "gsttelucodecredundancy.h"

G_BEGIN_DECLS

/* Bytes of all heads before a packet, and of the byte behind them. */
#define GST_TELUCODEC_HEADS_BYTES (1 + GST_TELUCODEC_RTP_MAX_HEADS * \
    GST_TELUCODEC_RTP_HEAD_BYTES (GST_TELUCODEC_RTP_MAX_DISTANCE, GST_TELUCODEC_RTP_MAX_HEAD))

/* Packet n's head is at n % MAX_DISTANCE. All 0 at the start. */
typedef struct
{
  struct
  {
    guint8 bytes[GST_TELUCODEC_RTP_MAX_HEAD];
    guint size;
  } head[GST_TELUCODEC_RTP_MAX_DISTANCE];
  guint packets;                /* since the last hole */
} GstTelucodecHeads;

/* Forgets all heads, as behind a hole: they are counted from packet to packet. */
void gst_telucodec_heads_forget (GstTelucodecHeads * h);
void gst_telucodec_heads_keep (GstTelucodecHeads * h, GstBuffer * packet);

/* Writes the bytes in front of the packets of a payload to out: heads of `room` bytes at most,
 * nearest first, and the byte that tells what follows. packets: those of a payload, since as
 * many are lost together; several: more than one follow. Returns the number of bytes. */
guint gst_telucodec_heads_write (const GstTelucodecHeads * h,
    const GstTelucodecRedundancy * r, guint8 * out, guint room, guint packets,
    gboolean several);

G_END_DECLS

#endif
