/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_transrate.c - telucodectransrate: packets are those of telu_transrate(), with their
 * times, flags and clipping; the rate may change; tags tell it; buffers that are no packets
 * pass. */
#include "gst_common.h"

#include <string.h>

#define PACKETS 100
#define RTP_HEADER 12           /* bytes */
#define SAMPLES (PACKETS * TELU_PACKET - TELU_DELAY)

static GPtrArray *packets;

static GstHarness *
transrate (guint bitrate)
{
  GstHarness *h = gst_harness_new ("telucodectransrate");
  gchar *caps = tc_coded_caps ();

  g_object_set (h->element, "max-bitrate", bitrate, NULL);
  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

/* Returns what telu.h makes of packet k; t NULL: as it is. */
static GBytes *
expected (struct telu_transrater *t, gint k)
{
  guint8 out[TELU_MAX_PACKET];
  gsize size;
  const guint8 *in = g_bytes_get_data (g_ptr_array_index (packets, k), &size);

  if (!t)
    return g_bytes_ref (g_ptr_array_index (packets, k));
  return g_bytes_new (out, telu_transrate (t, in, size, out, sizeof (out)));
}

/* Pushes packets from `first` on, and checks what comes out. Returns its bytes. */
static gsize
pass (GstHarness * h, struct telu_transrater *t, gint first, const gchar * what)
{
  gsize size = 0;

  for (gint k = first; k < PACKETS; k++) {
    GstBuffer *in = tc_packet_buffer (packets, k, SAMPLES), *out;
    GBytes *bytes = expected (t, k);

    gst_buffer_ref (in);
    out = gst_harness_push_and_pull (h, in);
    CHECK (tc_same_bytes (out, bytes), "%s: bytes of packet %d", what, k);
    CHECK (GST_BUFFER_PTS (out) == GST_BUFFER_PTS (in)
        && GST_BUFFER_DURATION (out) == GST_BUFFER_DURATION (in), "%s: time of packet %d", what, k);
    CHECK (GST_BUFFER_IS_DISCONT (out) == GST_BUFFER_IS_DISCONT (in), "%s: DISCONT of packet %d",
        what, k);
    CHECK (tc_clip_start (out) == tc_clip_start (in) && tc_clip_end (out) == tc_clip_end (in),
        "%s: clipping of packet %d", what, k);
    CHECK (tc_same_bytes (in, g_ptr_array_index (packets, k)), "%s: packet %d changed where it "
        "came from", what, k);
    size += gst_buffer_get_size (out);
    gst_buffer_unref (out);
    gst_buffer_unref (in);
    g_bytes_unref (bytes);
  }
  return size;
}

static void
test_packets (void)
{
  struct telu_model *model = tc_model ();
  struct telu_transrater *t = telu_transrater_new (model, NULL);
  GstHarness *h = transrate (4000);
  GstSegment segment;
  gsize bytes;

  telu_transrater_set (t, 4000);
  bytes = pass (h, t, 0, "4000");
  CHECK (bytes * 400 < 4400 * PACKETS, "%" G_GSIZE_FORMAT " bytes", bytes);

  g_object_set (h->element, "max-bitrate", 1000, NULL);
  telu_transrater_set (t, 1000);
  pass (h, t, 1, "1000");
  g_object_set (h->element, "max-bitrate", 0, NULL);
  pass (h, NULL, 1, "0");
  g_object_set (h->element, "max-bitrate", 100, NULL);
  telu_transrater_set (t, TELU_MIN_BITRATE);
  pass (h, t, 1, "less than the least");

  telu_transrater_reset (t);
  pass (h, t, 0, "a new run");
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  telu_transrater_reset (t);
  pass (h, t, 1, "behind a flush");
  gst_harness_teardown (h);
  telu_transrater_free (t);
}

/* Returns the rate of the last tags, 0 for none, and whether they have the title. */
static guint
tagged (GstHarness * h, const gchar * tag, gboolean * title)
{
  GstEvent *event;
  guint bitrate = 0;

  while ((event = gst_harness_try_pull_event (h))) {
    GstTagList *tags;
    gchar *text = NULL;

    if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
      gst_event_parse_tag (event, &tags);
      bitrate = 0;
      gst_tag_list_get_uint (tags, tag, &bitrate);
      *title = gst_tag_list_get_string (tags, GST_TAG_TITLE, &text);
      g_free (text);
    }
    gst_event_unref (event);
  }
  return bitrate;
}

static void
test_tags (void)
{
  GstHarness *h = transrate (4000);
  gboolean title = FALSE;
  guint bitrate;

  gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new (GST_TAG_NOMINAL_BITRATE, 16000,
              GST_TAG_TITLE, "a", NULL)));
  bitrate = tagged (h, GST_TAG_NOMINAL_BITRATE, &title);
  CHECK (bitrate == 4000 && title, "%u bit/s", bitrate);
  g_object_set (h->element, "max-bitrate", 9000, NULL);
  gst_buffer_unref (gst_harness_push_and_pull (h, tc_packet_buffer (packets, 0, SAMPLES)));
  bitrate = tagged (h, GST_TAG_NOMINAL_BITRATE, &title);
  CHECK (bitrate == 9000 && title, "%u bit/s after a change", bitrate);
  g_object_set (h->element, "max-bitrate", 32000, NULL);
  gst_buffer_unref (gst_harness_push_and_pull (h, tc_packet_buffer (packets, 1, SAMPLES)));
  bitrate = tagged (h, GST_TAG_NOMINAL_BITRATE, &title);
  CHECK (bitrate == 16000, "%u bit/s of a stream below the most", bitrate);
  gst_harness_teardown (h);
}

/* With losses told max-bitrate is that of payloads, whatever their number of packets. */
static void
test_losses (void)
{
  static const gint ptimes[] = { 20, 60 };
  const gint n = 150;
  gfloat *pcm = tc_signal (n * TELU_PACKET);

  for (guint i = 0; i < G_N_ELEMENTS (ptimes); i++) {
    gchar *text = g_strdup_printf ("telucodecenc bitrate=16000 packet-loss-percentage=10 ! "
        "telucodectransrate max-bitrate=6600 ! rtptelucodecpay min-ptime=%d000000", ptimes[i]);
    GstHarness *h = gst_harness_new_parse (text);
    GstBuffer *buf;
    gsize bytes = 0, heads = 0;

    gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
    for (gint k = 0; k < n; k++)
      gst_harness_push (h, tc_raw_buffer (pcm, k * TELU_PACKET, TELU_PACKET, FALSE));
    while ((buf = gst_harness_try_pull (h))) {
      guint8 first = 0;

      gst_buffer_extract (buf, RTP_HEADER, &first, 1);
      heads += (first & 0x1f) > 0;
      bytes += gst_buffer_get_size (buf) - RTP_HEADER;
      gst_buffer_unref (buf);
    }
    CHECK (bytes * 400 / n <= 6700 && bytes * 400 / n > 5900, "%d ms: %" G_GSIZE_FORMAT " bit/s",
        ptimes[i], bytes * 400 / n);
    CHECK (heads > 0, "%d ms: no heads", ptimes[i]);
    gst_harness_teardown (h);
    g_free (text);
  }
  g_free (pcm);
}

/* Buffers that are no packets pass, for the decoder to conceal. */
static void
test_no_packets (void)
{
  static const gsize sizes[] = { 0, 1, 7, 1001, 70000 };
  GstHarness *h = transrate (1000);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstBuffer *in = gst_buffer_new_allocate (NULL, sizes[i], NULL), *out;

    gst_buffer_memset (in, 0, 0xff, sizes[i]);
    out = gst_harness_push_and_pull (h, in);
    CHECK (gst_buffer_get_size (out) == sizes[i] && (sizes[i] == 0
            || gst_buffer_memcmp (out, 0, memset (g_alloca (sizes[i]), 0xff, sizes[i]),
                sizes[i]) == 0), "%" G_GSIZE_FORMAT " bytes that are no packet changed", sizes[i]);
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

/* Without a rate no weights are needed. */
static void
test_idle (void)
{
  GstHarness *h = transrate (0);
  GstBus *bus = tc_watch (h);

  g_object_set (h->element, "model-path", "/nowhere", NULL);
  pass (h, NULL, 0, "without weights");
  g_object_set (h->element, "max-bitrate", 4000, NULL);
  CHECK (gst_harness_push (h, tc_packet_buffer (packets, 0, SAMPLES)) == GST_FLOW_ERROR,
      "goes on without weights");
  tc_expect_error (bus, "without weights", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "/nowhere");
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (SAMPLES);
  packets = tc_encode (pcm, SAMPLES, NULL);
  test_packets ();
  test_tags ();
  test_losses ();
  test_no_packets ();
  test_idle ();
  g_ptr_array_unref (packets);
  g_free (pcm);
  return tc_done ("gst_transrate");
}
