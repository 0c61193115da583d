/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_call.c - a call, from the encoder's input to the decoder's output: checks the
 * bit rate with redundancy, and discontinuous transmission. */
#include "gst_common.h"

#include <gst/rtp/rtp.h>
#include <math.h>
#include <string.h>

#define CALLER "telucodecenc name=enc ! rtptelucodecpay name=pay"

static void
push_samples (GstHarness * h, const gfloat * pcm, gint n)
{
  for (gint i = 0; i < n; i += TELU_PACKET)
    CHECK (gst_harness_push (h, tc_raw_buffer (pcm + i, i, MIN (TELU_PACKET, n - i),
                FALSE)) == GST_FLOW_OK, "sample %d", i);
  gst_harness_push_event (h, gst_event_new_eos ());
}

static GstHarness *
harness (const gchar * pipeline, const gchar * properties)
{
  gchar *text = g_strdup_printf (pipeline, properties);
  GstHarness *h = gst_harness_new_parse (text);

  gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
  g_free (text);
  return h;
}

static gint
payload_size (GstBuffer * buf)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gint n;

  gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
  n = gst_rtp_buffer_get_payload_len (&rtp);
  gst_rtp_buffer_unmap (&rtp);
  return n;
}

/* Checks that bitrate is that of the payload once the losses are told, whatever is repeated, and
 * that it is that of the packets if they are not. */
static void
test_bitrate (void)
{
  static const gint bitrates[] = { 6000, 9000, 12000, 16000, 24000 };
  static const gint losses[] = { -1, 0, 5, 10, 20, 30, 100 };
  static const gint runs[] = { 1, 3, 6 };
  const gint n = 150 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);

  for (guint i = 0; i < G_N_ELEMENTS (bitrates) * G_N_ELEMENTS (losses) * 3; i++) {
    const gint bitrate = bitrates[i % G_N_ELEMENTS (bitrates)];
    const gint loss = losses[i / G_N_ELEMENTS (bitrates) % G_N_ELEMENTS (losses)];
    const gint run = runs[i / G_N_ELEMENTS (bitrates) / G_N_ELEMENTS (losses)];
    gchar *properties = g_strdup_printf ("telucodecenc bitrate-type=cbr bitrate=%d "
        "packet-loss-percentage=%d packet-loss-run=%d ! rtptelucodecpay", bitrate, loss, run);
    GstHarness *h = harness ("%s", properties);
    gint bytes = 0, packets = 0, most = bitrate / 400 + (loss < 0 ? 7 : 0);
    GstBuffer *buf;

    push_samples (h, pcm, n);
    while ((buf = gst_harness_try_pull (h))) {
      if (packets++ >= 20)
        bytes += payload_size (buf);
      gst_buffer_unref (buf);
    }
    CHECK (packets == 151 && bytes > (most - 1) * 131 && bytes <= most * 131,
        "%s: %.2f bytes a packet, expected %d", properties, bytes / 131.0, most);
    gst_harness_teardown (h);
    g_free (properties);
  }
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_bitrate ();
  return tc_done ("call");
}
