/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_pay.c - checks the bytes that rtptelucodecpay sends. */
#include "gst_common.h"

#include <gst/rtp/rtp.h>
#include <string.h>

#define SAMPLES (8 * TELU_PACKET)

static void
test_payload (void)
{
  gfloat *pcm = tc_signal (SAMPLES);
  GPtrArray *packets = tc_encode (pcm, SAMPLES, NULL);
  GstHarness *h = tc_payloader (5, 2);
  GstCaps *caps;
  const GstStructure *s;

  for (gint k = 0; k < 8; k++) {
    GstBuffer *buf = tc_packet_buffer (packets, k, SAMPLES), *out;
    GBytes *packet = g_ptr_array_index (packets, k);
    GBytes *older = g_ptr_array_index (packets, k >= 2 ? k - 2 : 0);
    /* a hole before packet 4: packets before it are not repeated */
    const guint n = k >= 6 || k == 2 || k == 3 ? 5 : 0;
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    guint8 *payload;

    GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
    if (k == 0 || k == 4)
      GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
    out = gst_harness_push_and_pull (h, buf);
    CHECK (gst_rtp_buffer_map (out, GST_MAP_READ, &rtp), "packet %d is no RTP", k);
    payload = gst_rtp_buffer_get_payload (&rtp);
    CHECK (gst_rtp_buffer_get_payload_len (&rtp) == 1 + n + g_bytes_get_size (packet),
        "payload %d of %u bytes", k, gst_rtp_buffer_get_payload_len (&rtp));
    CHECK (payload[0] == (n ? 1 << 6 | n : 0), "packet %d begins with %02x", k,
        payload[0]);
    CHECK (!memcmp (payload + 1, g_bytes_get_data (older, NULL), n), "head %d", k);
    CHECK (!memcmp (payload + 1 + n, g_bytes_get_data (packet, NULL),
            g_bytes_get_size (packet)), "packet %d", k);
    CHECK (gst_rtp_buffer_get_marker (&rtp) == (k == 0 || k == 4), "marker %d", k);
    gst_rtp_buffer_unmap (&rtp);
    gst_buffer_unref (out);
  }
  /* an empty packet is not sent */
  CHECK (gst_harness_push (h, gst_buffer_new ()) == GST_FLOW_OK
      && !gst_harness_try_pull (h), "an empty packet was sent");

  caps = gst_pad_get_current_caps (h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  CHECK (!g_strcmp0 (gst_structure_get_string (s, "model-id"),
          telu_model_id (tc_model ()))
      && !g_strcmp0 (gst_structure_get_string (s, "encoding-name"), "TELUCODEC"),
      "caps %s", gst_structure_get_name (s));
  gst_caps_unref (caps);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

/* Checks that packets without codes are not repeated. */
static void
test_no_codes (void)
{
  static const guint8 alone[] = { 0x83, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
  static const guint8 with[] = { 0x87, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
  static const gsize expected[] = { 23, 23, 29, 23 };
  GstHarness *h = tc_payloader (6, 1);

  for (guint k = 0; k < G_N_ELEMENTS (expected); k++) {
    GstBuffer *out = gst_harness_push_and_pull (h,
        gst_buffer_new_memdup (k == 1 ? with : alone, sizeof (alone)));

    CHECK (gst_buffer_get_size (out) == expected[k], "packet %u: %d bytes", k,
        (gint) gst_buffer_get_size (out));
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_payload ();
  test_no_codes ();
  return tc_done ("pay");
}
