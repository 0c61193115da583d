/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecheads.c - see gsttelucodecheads.h. */
#include "gsttelucodecheads.h"

#include "packet.h"

void
gst_telucodec_heads_forget (GstTelucodecHeads * h)
{
  h->packets = 0;
}

void
gst_telucodec_heads_keep (GstTelucodecHeads * h, GstBuffer * packet)
{
  const guint at = h->packets++ % GST_TELUCODEC_RTP_MAX_DISTANCE;

  h->head[at].size = gst_buffer_extract (packet, 0, h->head[at].bytes,
      GST_TELUCODEC_RTP_MAX_HEAD);
}

/* Returns whether the beginning of a packet holds codes, and so decodes alone. */
static gboolean
has_codes (const guint8 * packet, gsize size)
{
  struct telu_packet_header h;

  return telu_packet_peek (&h, packet, size, TELU_MAX_STAGES, 1) || h.base;
}

/* Finds the heads to send that fit into `room` bytes. Returns their number. */
static guint
find_heads (const GstTelucodecHeads * h, const GstTelucodecRedundancy * r,
    GstTelucodecRtpHead * heads, guint room, guint packets)
{
  GstTelucodecCopy copies[GST_TELUCODEC_RTP_MAX_DISTANCE];
  const guint most = gst_telucodec_redundancy_copies (r, packets, copies);
  guint n = 0, before = 0, bytes = 0;

  for (guint i = 0; i < most && copies[i].distance <= h->packets
      && n < GST_TELUCODEC_RTP_MAX_HEADS; i++) {
    const guint d = copies[i].distance;
    const guint at = (h->packets - d) % GST_TELUCODEC_RTP_MAX_DISTANCE;
    const guint size = MIN (copies[i].size, h->head[at].size);

    if (!has_codes (h->head[at].bytes, size))
      continue;
    bytes += GST_TELUCODEC_RTP_HEAD_BYTES (d - before, size);
    if (bytes > room)
      return n;
    heads[n++] = (GstTelucodecRtpHead) { d, at, size };
    before = d;
  }
  return n;
}

guint
gst_telucodec_heads_write (const GstTelucodecHeads * h, const GstTelucodecRedundancy * r,
    guint8 * out, guint room, guint packets, gboolean several)
{
  GstTelucodecRtpHead heads[GST_TELUCODEC_RTP_MAX_HEADS];
  const guint n = find_heads (h, r, heads, room, packets);
  guint size = 0, before = 0;

  for (guint i = 0; i < n; i++) {
    size += gst_telucodec_rtp_write_head (out + size, heads[i].distance - before,
        h->head[heads[i].at].bytes, heads[i].size, i + 1 < n || several);
    before = heads[i].distance;
  }
  if (several)
    out[size++] = GST_TELUCODEC_RTP_SEVERAL;
  else if (n == 0)
    out[size++] = GST_TELUCODEC_RTP_ONE;
  return size;
}
