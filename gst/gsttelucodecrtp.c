/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecrtp.c - see gsttelucodecrtp.h. */
#include "gsttelucodecrtp.h"

#include <string.h>

#define STEP_SHIFT 6
#define MORE 0x20
#define SIZE 0x1f

const gchar *
gst_telucodec_rtp_parse (GstTelucodecRtpPayload * p, const guint8 * in, gsize size)
{
  guint distance = 0;
  gsize at = 0;
  guint8 what;

  p->heads = 0;
  do {
    guint head;

    if (at >= size)
      return "it ends before its packet";
    what = in[at++];
    if (what == 0)
      break;
    head = what & SIZE;
    if (head == 0 && !(what & MORE))
      return "it has a form that is not known";
    distance += (what >> STEP_SHIFT) + 1;
    if (distance > GST_TELUCODEC_RTP_MAX_DISTANCE)
      return "it has a head of a packet more than 12 before";
    if (head == 0)
      continue;
    if (p->heads == GST_TELUCODEC_RTP_MAX_HEADS)
      return "it has more than 8 heads";
    if (head > size - at)
      return "it ends within a head";
    p->head[p->heads++] = (GstTelucodecRtpHead) { distance, at, head };
    at += head;
  } while (what & MORE);
  if (at >= size)
    return "it ends before its packet";
  p->at = at;
  p->size = size - at;
  return NULL;
}

guint
gst_telucodec_rtp_write_head (guint8 * out, guint step, const guint8 * head, guint size,
    gboolean more)
{
  guint n = 0;

  for (; step > GST_TELUCODEC_RTP_MAX_STEP; step -= GST_TELUCODEC_RTP_MAX_STEP)
    out[n++] = (GST_TELUCODEC_RTP_MAX_STEP - 1) << STEP_SHIFT | MORE;
  out[n++] = (step - 1) << STEP_SHIFT | (more ? MORE : 0) | size;
  memcpy (out + n, head, size);
  return n + size;
}
