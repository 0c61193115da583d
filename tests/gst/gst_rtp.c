/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_rtp.c - see gst_rtp.h. */
#include "gst_rtp.h"

#include <string.h>

GstBuffer *
rtp_make (const guint8 * payload, guint n, guint16 seq)
{
  GstBuffer *buf = gst_rtp_buffer_new_allocate (n, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  gst_rtp_buffer_map (buf, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_payload_type (&rtp, 96);
  gst_rtp_buffer_set_seq (&rtp, seq);
  gst_rtp_buffer_set_ssrc (&rtp, 7);
  gst_rtp_buffer_set_timestamp (&rtp, seq * TELU_PACKET);
  if (n > 0)
    memcpy (gst_rtp_buffer_get_payload (&rtp), payload, n);
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_PTS (buf) = seq * 20 * GST_MSECOND;
  return buf;
}

GstEvent *
rtp_lost (guint16 seq, gint k, gint n)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
      gst_structure_new ("GstRTPPacketLost", "seqnum", G_TYPE_UINT, (guint) seq,
          "timestamp", G_TYPE_UINT64,
          (guint64) tc_time (k * TELU_PACKET - TELU_DELAY + 9),
          "duration", G_TYPE_UINT64, (guint64) n * 20 * GST_MSECOND, NULL));
}

guint16
rtp_number (GstBuffer * buf)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  guint16 seq;

  gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
  seq = gst_rtp_buffer_get_seq (&rtp);
  gst_rtp_buffer_unmap (&rtp);
  return seq;
}

gint
rtp_place (GstClockTime pts)
{
  return (gint) ((pts + 15 * GST_MSECOND) / (20 * GST_MSECOND));
}

guint
rtp_payload_size (GstBuffer * buf)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  guint n;

  gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
  n = gst_rtp_buffer_get_payload_len (&rtp);
  gst_rtp_buffer_unmap (&rtp);
  return n;
}

GstHarness *
rtp_depayloader (void)
{
  GstHarness *h = gst_harness_new ("rtptelucodecdepay");

  gst_harness_set_src_caps_str (h, "application/x-rtp,media=audio,clock-rate=16000,"
      "encoding-name=TELUCODEC");
  return h;
}

GstHarness *
rtp_behind (GstHarness * pay)
{
  GstHarness *h = gst_harness_new ("rtptelucodecdepay");

  gst_harness_set_src_caps (h, gst_pad_get_current_caps (pay->sinkpad));
  return h;
}
