/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecrtp.c - see gsttelucodecrtp.h. */
#include "gsttelucodecrtp.h"

#include <string.h>

#define STEP_SHIFT 6
#define MORE 0x20
#define SIZE 0x1f

/* Notes a packet. Returns NULL or what is wrong. */
static const gchar *
add_packet (GstTelucodecRtpPayload * p, gsize at, gsize size)
{
  if (size > TELU_MAX_PACKET)
    return "it has a packet of more than 1000 bytes";
  p->packet[p->packets].at = at;
  p->packet[p->packets++].size = size;
  return NULL;
}

/* Reads the packets from `at` on, each behind its length. Returns NULL or what is wrong. */
static const gchar *
parse_several (GstTelucodecRtpPayload * p, const guint8 * in, gsize size, gsize at)
{
  const gchar *wrong = NULL;

  while (at < size && !wrong) {
    guint length = in[at++];

    if (length >= 252) {
      if (at >= size)
        return "it ends within a length";
      length += 4 * in[at++];
    }
    if (length == 0 || length > size - at)
      return "a length is 0 or beyond its end";
    if (p->packets == GST_TELUCODEC_RTP_MAX_PACKETS)
      return "it has more than 10 packets";
    wrong = add_packet (p, at, length);
    at += length;
  }
  return wrong || p->packets > 0 ? wrong : "it ends before its packet";
}

const gchar *
gst_telucodec_rtp_parse (GstTelucodecRtpPayload * p, const guint8 * in, gsize size)
{
  guint distance = 0;
  gsize at = 0;
  guint8 what;

  p->heads = p->packets = 0;
  do {
    guint head;

    if (at >= size)
      return "it ends before its packet";
    what = in[at++];
    if (what == GST_TELUCODEC_RTP_ONE)
      break;
    if (what == GST_TELUCODEC_RTP_SEVERAL)
      return parse_several (p, in, size, at);
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
  return add_packet (p, at, size - at);
}

guint
gst_telucodec_rtp_write_length (guint8 * out, guint size)
{
  if (size < 252) {
    out[0] = size;
    return 1;
  }
  out[0] = 252 + size % 4;
  out[1] = (size - out[0]) / 4;
  return 2;
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

void
gst_telucodec_rtp_add_latency (GstQuery * query, GstClockTime own)
{
  GstClockTime min, max;
  gboolean live;

  gst_query_parse_latency (query, &live, &min, &max);
  gst_query_set_latency (query, live, min + own,
      GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
}

gchar *
gst_telucodec_rtp_clean_name (const gchar * name)
{
  gchar *valid = name ? g_utf8_make_valid (name, -1) : NULL;
  GString *clean = g_string_new (NULL);

  for (const gchar * c = valid; c && *c; c = g_utf8_next_char (c)) {
    const gsize n = g_utf8_next_char (c) - c;

    if (clean->len + n > GST_TELUCODEC_RTP_MAX_NAME)
      break;
    if (!g_unichar_iscntrl (g_utf8_get_char (c)))
      g_string_append_len (clean, c, n);
  }
  g_free (valid);
  return g_string_free (clean, clean->len == 0);
}
