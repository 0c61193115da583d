/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_ptime.c - payloads of several packets: rtptelucodecpay tells the encoder how many they
 * are, so that with losses told bitrate is that of payloads, whatever their number of packets. */
#include "gst_rtp.h"

#define PACKETS 120
#define BEGIN 20                /* of these, the payloads before have fewer heads */

static const gint ptimes[] = { 20, 40, 60, 100, 200 };

/* Sends packets of pcm to a pipeline, from number `first` on. */
static void
push (GstHarness * h, const gfloat * pcm, gint first, gint n)
{
  for (gint k = first; k < first + n; k++)
    CHECK (gst_harness_push (h, tc_raw_buffer (pcm, k * TELU_PACKET, TELU_PACKET,
                FALSE)) == GST_FLOW_OK, "packet %d", k);
}

/* Returns the bit rate of the payloads that came, but for those before `from`, in ms. Checks that
 * each of them has `packets` packets. */
static gint
bitrate_of (GstHarness * h, guint from, guint packets)
{
  GstClockTime all = 0;
  guint64 bytes = 0;
  GstBuffer *buf;

  while ((buf = gst_harness_try_pull (h))) {
    if (GST_BUFFER_PTS (buf) >= from * GST_MSECOND) {
      CHECK (GST_BUFFER_DURATION (buf) == packets * 20 * GST_MSECOND, "a payload of %"
          GST_TIME_FORMAT ", expected %u packets", GST_TIME_ARGS (GST_BUFFER_DURATION (buf)),
          packets);
      bytes += rtp_payload_size (buf);
      all += GST_BUFFER_DURATION (buf);
    }
    gst_buffer_unref (buf);
  }
  return all ? (gint) (bytes * 8 * GST_SECOND / all) : 0;
}

static GstHarness *
call (gint bitrate, gint loss, gint run, GstElement ** pay)
{
  gchar *text = g_strdup_printf ("telucodecenc bitrate-type=cbr bitrate=%d "
      "packet-loss-percentage=%d packet-loss-run=%d ! rtptelucodecpay", bitrate, loss, run);
  GstHarness *h = gst_harness_new_parse (text);

  gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
  *pay = gst_harness_find_element (h, "rtptelucodecpay");
  g_free (text);
  return h;
}

/* Checks that a bit rate is the one that was asked for: packets of one size are up to a byte
 * smaller than it allows. */
#define CHECK_BITRATE(got, wanted, ...) do { \
    const gint tc_got = got; \
    gchar *tc_what = g_strdup_printf (__VA_ARGS__); \
    CHECK (tc_got <= (wanted) && tc_got > (wanted) - 402, "%s: %d bit/s for %d", tc_what, \
        tc_got, wanted); \
    g_free (tc_what); \
  } while (0)

/* Checks the bit rate of payloads by rates, losses, their runs, and ptimes. */
static void
test_bitrate (const gfloat * pcm)
{
  static const gint bitrates[] = { 9000, 12000, 16000 }, losses[] = { 0, 5, 20 }, runs[] = { 1, 3 };

  for (guint i = 0; i < G_N_ELEMENTS (bitrates) * G_N_ELEMENTS (losses) *
      G_N_ELEMENTS (runs) * G_N_ELEMENTS (ptimes); i++) {
    const gint bitrate = bitrates[i % 3], loss = losses[i / 3 % 3], run = runs[i / 9 % 2];
    const gint ptime = ptimes[i / 18];
    GstElement *pay;
    GstHarness *h = call (bitrate, loss, run, &pay);

    g_object_set (pay, "min-ptime", ptime * (gint64) GST_MSECOND, NULL);
    push (h, pcm, 0, PACKETS);
    CHECK_BITRATE (bitrate_of (h, BEGIN * 20, ptime / 20), bitrate, "%d %% in runs of %d, %d ms",
        loss, run, ptime);
    gst_object_unref (pay);
    gst_harness_teardown (h);
  }
}

/* Checks the same where caps downstream ask for another ptime in mid-stream. */
static void
test_change (const gfloat * pcm)
{
  GstElement *pay;
  GstHarness *h = call (16000, 20, 1, &pay);

  for (guint i = 0; i < G_N_ELEMENTS (ptimes); i++) {
    gchar *caps = g_strdup_printf ("application/x-rtp,ptime=(uint)%d", ptimes[i]);

    gst_harness_set_sink_caps_str (h, caps);
    push (h, pcm, i * PACKETS, PACKETS);
    CHECK_BITRATE (bitrate_of (h, (i * PACKETS + BEGIN) * 20, ptimes[i] / 20), 16000, "from %s on",
        caps);
    g_free (caps);
  }
  gst_object_unref (pay);
  gst_harness_teardown (h);
}

/* Checks the same for an encoder that starts where a payloader runs, which told another one. */
static void
test_later_encoder (const gfloat * pcm)
{
  GstElement *pay;
  GstHarness *h = call (16000, 20, 1, &pay);
  GstElement *enc = gst_harness_find_element (h, "telucodecenc");
  GstSegment segment;
  GstCaps *caps = gst_caps_from_string (RAW_CAPS ("F32LE"));

  g_object_set (pay, "min-ptime", 60 * GST_MSECOND, NULL);
  push (h, pcm, 0, PACKETS);
  bitrate_of (h, BEGIN * 20, 3);
  gst_element_set_state (enc, GST_STATE_READY);
  gst_element_set_state (enc, GST_STATE_PLAYING);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push (h, pcm, PACKETS, PACKETS);
  CHECK_BITRATE (bitrate_of (h, (PACKETS + BEGIN) * 20, 3), 16000, "behind a later encoder");
  gst_caps_unref (caps);
  gst_object_unref (enc);
  gst_object_unref (pay);
  gst_harness_teardown (h);
}

/* Sends an event upstream to an encoder. Returns the size of its packets after it; *passed:
 * whether the element in front of it gets the event. Checks that it does not tell the payloader
 * its losses again: two payloaders behind a tee would answer, and so on. Takes s. */
static gsize
size_behind (const gfloat * pcm, GstStructure * s, gboolean * passed)
{
  GstHarness *h = gst_harness_new_parse ("telucodecenc bitrate-type=cbr packet-loss-percentage=5");
  gchar *name = g_strdup (gst_structure_get_name (s));
  GstEvent *event;
  GstBuffer *buf;
  gsize size = 0;
  guint choices = 0;

  gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
  push (h, pcm, 0, 3);
  gst_harness_push_upstream_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, s));
  push (h, pcm, 3, 3);
  while ((buf = gst_harness_try_pull (h))) {
    size = gst_buffer_get_size (buf);
    gst_buffer_unref (buf);
  }
  *passed = FALSE;
  while ((event = gst_harness_try_pull_upstream_event (h))) {
    *passed |= gst_event_has_name (event, name);
    gst_event_unref (event);
  }
  while ((event = gst_harness_try_pull_event (h))) {
    choices += gst_event_has_name (event, "GstTelucodecRedundancy");
    gst_event_unref (event);
  }
  CHECK (choices == 1, "%s: the losses are told %u times", name, choices);
  g_free (name);
  gst_harness_teardown (h);
  return size;
}

/* Checks that the encoder bounds what it is told, and passes on what it does not understand. */
static void
test_event (const gfloat * pcm)
{
  static const struct
  {
    const gchar *event;
    gsize size;                 /* of a packet: 40 bytes but for one head of 8 or several */
    gboolean passed;
  } cases[] = {
    {"telucodec-payload,packets=(uint)1", 31, FALSE},
    {"telucodec-payload,packets=(uint)2", 29, FALSE},
    {"telucodec-payload,packets=(uint)10", 31, FALSE},
    {"telucodec-payload,packets=(uint)0", 31, FALSE},
    {"telucodec-payload,packets=(uint)4294967295", 31, FALSE},
    {"telucodec-payload,packets=(string)two", 31, TRUE},
    {"telucodec-payload", 31, TRUE},
    {"some-other,packets=(uint)2", 31, TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gboolean passed;
    const gsize size = size_behind (pcm, gst_structure_from_string (cases[i].event, NULL), &passed);

    CHECK (size == cases[i].size && passed == cases[i].passed,
        "%s: packets of %d bytes, %spassed on", cases[i].event, (gint) size,
        passed ? "" : "not ");
  }
}

int
main (int argc, char **argv)
{
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (G_N_ELEMENTS (ptimes) * PACKETS * TELU_PACKET);
  test_bitrate (pcm);
  test_change (pcm);
  test_later_encoder (pcm);
  test_event (pcm);
  g_free (pcm);
  return tc_done ("ptime");
}
