/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_restart.c - a sender that begins anew in mid-call, with another SSRC, other numbers and
 * other times, in front of one rtptelucodecdepay: every packet of both comes with its bytes, once,
 * and nothing of the first sender fills a place of the second. */
#include "gst_rtp.h"

#define EACH    12              /* packets of a sender */
#define SAMPLES (EACH * TELU_PACKET)

/* Makes the RTP packets of a sender. place: of the first one in the receiver's time, in packets. */
static void
send (GstBuffer ** rtp, GPtrArray * packets, guint ssrc, gint number, guint timestamp, gint place)
{
  GstElement *element = gst_element_factory_make_full ("rtptelucodecpay", "ssrc", ssrc,
      "seqnum-offset", number, "timestamp-offset", timestamp, "redundancy", 20,
      "redundancy-distance", 2, NULL);
  GstHarness *pay = gst_harness_new_with_element (element, "sink", "src");
  gchar *caps = tc_coded_caps ();

  gst_object_unref (element);
  gst_harness_set_src_caps_str (pay, caps);
  for (gint k = 0; k < EACH; k++) {
    rtp[k] = gst_harness_push_and_pull (pay, tc_packet_buffer (packets, k, SAMPLES));
    rtp[k] = gst_buffer_make_writable (rtp[k]);
    GST_BUFFER_FLAG_UNSET (rtp[k], GST_BUFFER_FLAG_DISCONT);    /* a network has no flags */
    GST_BUFFER_PTS (rtp[k]) = (place + k) * 20 * GST_MSECOND;
  }
  gst_harness_teardown (pay);
  g_free (caps);
}

/* Checks that the next n packets are those of the sender, the first one marked. */
static void
expect_sender (GstHarness * h, GPtrArray * packets, gint n, const gchar * what)
{
  for (gint k = 0; k < n; k++) {
    GstBuffer *buf = gst_harness_try_pull (h);

    CHECK (buf && tc_same_bytes (buf, g_ptr_array_index (packets, k)), "%s: packet %d", what, k);
    CHECK (buf && GST_BUFFER_IS_DISCONT (buf) == (k == 0), "%s: mark of packet %d", what, k);
    gst_clear_buffer (&buf);
  }
}

static gint
gaps (GstHarness * h)
{
  GstEvent *event;
  gint n = 0;

  while ((event = gst_harness_try_pull_event (h))) {
    n += GST_EVENT_TYPE (event) == GST_EVENT_GAP;
    gst_event_unref (event);
  }
  return n;
}

/* number, timestamp: of the second sender's first packet. lost: the first sender's last one does
 * not arrive, which only a packet of the second could have told. */
static void
test_restart (gint number, guint timestamp, gboolean lost)
{
  gfloat *pcm = tc_signal (2 * SAMPLES);
  GPtrArray *one = tc_encode (pcm, SAMPLES, NULL), *two = tc_encode (pcm + SAMPLES, SAMPLES, NULL);
  GstBuffer *rtp[2 * EACH];
  GstHarness *h = rtp_depayloader ();
  guint64 counted;

  send (rtp, one, 1, 65530, 7, 0);
  send (rtp + EACH, two, 2, number, timestamp, EACH + 25);
  for (gint k = 0; k < 2 * EACH; k++)
    if (lost && k == EACH - 1)
      gst_buffer_unref (rtp[k]);
    else
      gst_harness_push (h, rtp[k]);
  expect_sender (h, one, EACH - lost, "the first sender");
  expect_sender (h, two, EACH, "the second sender");
  CHECK (gst_harness_buffers_in_queue (h) == 0, "%u packets more",
      gst_harness_buffers_in_queue (h));
  CHECK (gaps (h) == 0, "a gap between two senders");
  g_object_get (h->element, "lost", &counted, NULL);
  CHECK (counted == 0, "%d packets lost between two senders", (gint) counted);
  gst_harness_teardown (h);
  g_ptr_array_unref (one);
  g_ptr_array_unref (two);
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  for (gint lost = 0; lost < 2; lost++) {
    test_restart (1234, 99, lost);
    test_restart (65530, 7, lost);      /* a program that begins with the same ones each time */
    test_restart (65530 + EACH - 65536, 7 + SAMPLES, lost);     /* those that follow */
    test_restart (65530 + EACH - 65535, 7 + SAMPLES + TELU_PACKET, lost);
  }
  return tc_done ("test_gst_restart");
}
