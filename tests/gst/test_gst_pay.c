/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_pay.c - checks the bytes and marks that rtptelucodecpay sends. */
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

static GstBuffer *
packet_of (guint k)
{
  guint8 bytes[40];

  memset (bytes, k, sizeof (bytes));
  bytes[0] = 0x87;
  return gst_buffer_new_memdup (bytes, sizeof (bytes));
}

/* Checks that an encoder's word about losses takes the place of the properties, and what it
 * makes of them: a head at least of what was told, of the packets that it says, in the bytes that
 * the encoder leaves, and none for no loss or no word. */
static void
test_choice (void)
{
  static const struct
  {
    gint bitrate, loss;
    gdouble run;
    gint bytes;                 /* before the packet; -1: of any number above 6 */
    gint farthest;              /* packets, at least */
  } cases[] = {
    {16000, -1, 1, 7, 1}, {16000, 0, 1, 1, 0}, {16000, 10, 1, -1, 1}, {16000, 10, 3, -1, 3},
    {12000, 20, 6, -1, 6}, {9000, 30, 1, -1, 1}, {16000, 30, 6, -1, 6}, {6000, 10, 1, 5, 1},
    {4000, 30, 3, 1, 0}, {24000, 100, 1, -1, 3},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstHarness *h = tc_payloader (6, 1);
    gint before = 0, farthest = 0;

    gst_harness_push_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
            gst_structure_new ("GstTelucodecRedundancy", "bitrate", G_TYPE_INT,
                cases[i].bitrate, "loss", G_TYPE_INT, cases[i].loss, "run", G_TYPE_DOUBLE,
                cases[i].run, NULL)));
    for (guint k = 1; k <= 20; k++) {
      GstBuffer *out = gst_harness_push_and_pull (h, packet_of (k));
      GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
      guint at = 0, distance = 0;
      guint8 *payload, what;

      gst_rtp_buffer_map (out, GST_MAP_READ, &rtp);
      payload = gst_rtp_buffer_get_payload (&rtp);
      before = gst_rtp_buffer_get_payload_len (&rtp) - 40;
      do {
        what = payload[at++];
        distance += what ? (what >> 6) + 1 : 0;
        CHECK (distance < k && ((what & 0x1f) < 2 || payload[at + 1] == k - distance),
            "case %u: packet %u has a wrong head", i, k);
        at += what & 0x1f;
      } while (what & 0x20);
      CHECK (at == (guint) before, "case %u: %u bytes before packet %u", i, at, k);
      farthest = distance;
      gst_rtp_buffer_unmap (&rtp);
      gst_buffer_unref (out);
    }
    CHECK (cases[i].bytes < 0 ? before > 4 : before == cases[i].bytes,
        "case %u: %d bytes before the packet", i, before);
    CHECK (farthest >= cases[i].farthest && (farthest == 0) == (cases[i].farthest == 0),
        "case %u: a head of %d before", i, farthest);
    gst_harness_teardown (h);
  }
}

/* Parses a payload by hand: heads of the packets before, each with its packet's number in the
 * second byte, then packets from `first` on, of `size` bytes. There is a head of each packet of the
 * payload before, which had `last`, if `room` bytes hold it. Returns the number of packets. */
static guint
check_several (GstBuffer * buf, guint first, guint size, guint last, guint room)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  guint at = 0, distance = 0, found = 0, n = 0, heads, all;
  guint8 *in;

  gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
  in = gst_rtp_buffer_get_payload (&rtp);
  all = gst_rtp_buffer_get_payload_len (&rtp);
  while (in[at] != 0x40 && in[at] != 0 && found < 20) {
    const guint8 what = in[at++];

    distance += (what >> 6) + 1;
    found += (what & 0x1f) > 0;
    CHECK ((what & 0x1f) == 0 || in[at + 1] == (guint8) (first - distance), "head %u of %u",
        found, first);
    at += what & 0x1f;
    if (!(what & 0x20))
      break;
  }
  if (in[at] == 0x40 && at < all - size) {
    for (at++; at < all; n++) {
      guint length = in[at++];

      if (length >= 252)
        length += 4 * in[at++];
      CHECK (length == size && in[at + 1] == (guint8) (first + n), "packet %u of %u bytes",
          first + n, length);
      at += length;
    }
  } else {
    at += found == 0;
    CHECK (in[at + 1] == (guint8) first && all - at == size, "packet %u of %u bytes", first,
        all - at);
    at += size;
    n = 1;
  }
  CHECK (at == all, "%u bytes of %u are read", at, all);
  room -= n * size + (n > 1 ? 1 + n * (size < 252 ? 1 : 2) : 0);
  heads = MIN (MIN (MAX (n, last), room / 7), MIN (first - 1, 8));
  CHECK (found == heads, "%u heads before packet %u, expected %u", found, first, heads);
  gst_rtp_buffer_unmap (&rtp);
  return n;
}

/* Checks how many packets a payload has for these times in ms, that no payload is above the MTU,
 * that heads tell of all packets of the payload before, and the latency. */
static void
test_ptime (void)
{
  static const struct
  {
    gint min, max;              /* -1: not set */
    guint mtu, size, packets;
  } cases[] = {
    {-1, -1, 1400, 40, 1}, {40, -1, 1400, 40, 2}, {60, -1, 1400, 40, 3}, {50, -1, 1400, 40, 3},
    {60, 40, 1400, 40, 2}, {200, -1, 1400, 40, 10}, {400, -1, 1400, 40, 10}, {40, 10, 1400, 40, 1},
    {200, -1, 12 + 1 + 2 * 41, 40, 2}, {200, -1, 12 + 41, 40, 1}, {60, -1, 1400, 300, 3},
    {60, -1, 1400, 251, 3}, {60, -1, 1400, 252, 3}, {60, -1, 2400, 700, 3}, {60, -1, 1400, 700, 1},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const guint n = cases[i].packets, room = cases[i].mtu - 12;
    GstHarness *h = tc_payloader (6, 1);
    guint first = 1, sent = 0;
    GstBuffer *out;

    g_object_set (h->element, "mtu", cases[i].mtu, NULL);
    if (cases[i].min >= 0)
      g_object_set (h->element, "min-ptime", cases[i].min * (gint64) GST_MSECOND, NULL);
    if (cases[i].max >= 0)
      g_object_set (h->element, "max-ptime", cases[i].max * (gint64) GST_MSECOND, NULL);
    for (guint k = 1; k <= 61; k++) {
      guint8 *bytes = g_malloc (cases[i].size);

      memset (bytes, k, cases[i].size);
      bytes[0] = 0x87;
      out = gst_buffer_new_wrapped (bytes, cases[i].size);
      GST_BUFFER_PTS (out) = k * 20 * GST_MSECOND;
      GST_BUFFER_DURATION (out) = 20 * GST_MSECOND;
      gst_harness_push (h, out);
      if (k == 61)
        gst_harness_push_event (h, gst_event_new_eos ());
      while ((out = gst_harness_try_pull (h))) {
        CHECK (gst_buffer_get_size (out) <= cases[i].mtu, "case %u: %d bytes", i,
            (gint) gst_buffer_get_size (out));
        CHECK (GST_BUFFER_PTS (out) == first * 20 * GST_MSECOND, "case %u: packet %u at %"
            GST_TIME_FORMAT, i, first, GST_TIME_ARGS (GST_BUFFER_PTS (out)));
        sent = check_several (out, first, cases[i].size, sent, room);
        first += sent;
        CHECK (sent == n || first == 62, "case %u: %u packets, expected %u", i, sent, n);
        gst_buffer_unref (out);
      }
    }
    CHECK (first == 62, "case %u: packets up to %u were sent", i, first - 1);
    gst_harness_teardown (h);
  }
}

/* Checks that a payload has as many packets as caps downstream ask for, from an answer of SDP say,
 * also where these change in mid-stream, and that no packet gets lost then. */
static void
test_asked (void)
{
  static const guint asked[] = { 60, 20, 100, 40 };     /* ms */
  GstHarness *h = tc_payloader (6, 1);
  guint sent = 0;

  for (guint i = 0; i < G_N_ELEMENTS (asked); i++) {
    gchar *caps = g_strdup_printf ("application/x-rtp,ptime=(uint)%u", asked[i]);
    const guint most = asked[i] / 20;
    guint whole = 0;
    GstBuffer *buf;

    gst_harness_set_sink_caps_str (h, caps);
    for (guint k = 0; k < 30; k++) {
      buf = gst_buffer_new_memdup ("\x87\1\2\3", 4);
      GST_BUFFER_PTS (buf) = (30 * i + k) * 20 * GST_MSECOND;
      GST_BUFFER_DURATION (buf) = 20 * GST_MSECOND;
      gst_harness_push (h, buf);
    }
    while ((buf = gst_harness_try_pull (h))) {
      const guint packets = GST_BUFFER_DURATION (buf) / (20 * GST_MSECOND);

      whole += packets == most;
      sent += packets;
      gst_buffer_unref (buf);
    }
    CHECK (whole >= 30 / most - 2, "%u payloads of %u ms", whole, asked[i]);
    g_free (caps);
  }
  CHECK (sent + 2 > 120 && sent <= 120, "%u packets were sent", sent);
  gst_harness_teardown (h);
}

/* Checks that what is held is sent before a jump, a silence and the end, and not after a flush. */
static void
test_held (void)
{
  static const gchar *const scripts[][2] = {
    {"bb", "2"}, {"b", ""}, {"bg", "1"}, {"be", "1"}, {"bs", "1"}, {"bfbb", "2"}, {"bjb", "12"},
    {"bbbgb", "21"}, {"bbbb", "22"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++) {
    GstHarness *h = tc_payloader (0, 1);
    GString *sent = g_string_new (NULL);
    GstClockTime at = 0;
    GstSegment segment;
    GstBuffer *buf;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    g_object_set (h->element, "min-ptime", 40 * GST_MSECOND, NULL);
    for (const gchar * c = scripts[i][0]; *c; c++) {
      switch (*c) {
        case 'g':
          gst_harness_push_event (h, gst_event_new_gap (at, GST_SECOND));
          break;
        case 'e':
          gst_harness_push_event (h, gst_event_new_eos ());
          break;
        case 's':
          gst_harness_push_event (h, gst_event_new_segment (&segment));
          break;
        case 'f':
          gst_harness_push_event (h, gst_event_new_flush_start ());
          gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
          gst_harness_push_event (h, gst_event_new_segment (&segment));
          break;
        case 'j':
          at += GST_SECOND;
          buf = packet_of (1);
          GST_BUFFER_PTS (buf) = at;
          gst_harness_push (h, buf);
          at += 20 * GST_MSECOND;
          break;
        default:
          buf = packet_of (1);
          GST_BUFFER_PTS (buf) = at;
          gst_harness_push (h, buf);
          at += 20 * GST_MSECOND;
      }
    }
    while ((buf = gst_harness_try_pull (h))) {
      g_string_append_c (sent, gst_buffer_get_size (buf) > 12 + 42 ? '2' : '1');
      gst_buffer_unref (buf);
    }
    CHECK (g_str_equal (sent->str, scripts[i][1]), "\"%s\": payloads of %s, expected %s",
        scripts[i][0], sent->str, scripts[i][1]);
    g_string_free (sent, TRUE);
    gst_harness_teardown (h);
  }
}

/* Checks that a packet which no codec makes is an error: its length would be sent wrong. */
static void
test_longest (void)
{
  for (guint more = 0; more < 2; more++) {
    GstHarness *h = tc_payloader (0, 1);
    GstBus *bus = tc_watch (h);
    const gsize size = TELU_MAX_PACKET + more;
    guint8 *bytes = g_malloc0 (size);
    GstFlowReturn ret;

    g_object_set (h->element, "mtu", 9000, "min-ptime", 40 * GST_MSECOND, NULL);
    ret = gst_harness_push (h, gst_buffer_new_wrapped (bytes, size));
    CHECK (ret == (more ? GST_FLOW_ERROR : GST_FLOW_OK), "packet of %d bytes: %s", (gint) size,
        gst_flow_get_name (ret));
    if (more)
      tc_expect_error (bus, "packet", GST_STREAM_ERROR, GST_STREAM_ERROR_ENCODE, "1001 bytes");
    tc_unwatch (h, bus);
    gst_harness_teardown (h);
  }
}

/* Checks that packets fit the MTU: without a head if need be, and cut with a warning. */
static void
test_mtu (void)
{
  static const guint mtus[] = { 1400, 12 + 1 + 6 + 100, 12 + 1 + 5 + 100, 12 + 1 + 100, 12 + 1 + 99,
    12 + 1 + 30, 28
  };
  static guint8 packet[100] = { 0x87, };

  for (guint i = 0; i < G_N_ELEMENTS (mtus); i++) {
    GstHarness *h = tc_payloader (6, 1);
    GstBus *bus = tc_watch (h);
    GstMessage *message;
    gint warnings = 0;

    g_object_set (h->element, "mtu", mtus[i], NULL);
    for (gint k = 0; k < 5; k++) {
      GstBuffer *out = gst_harness_push_and_pull (h, gst_buffer_new_memdup (packet,
              sizeof (packet)));
      const guint whole = 12 + 1 + 100 + (k > 0 && mtus[i] >= 119 ? 6 : 0);

      CHECK (gst_buffer_get_size (out) == MIN (whole, mtus[i]),
          "MTU %u, packet %d: %d bytes", mtus[i], k, (gint) gst_buffer_get_size (out));
      gst_buffer_unref (out);
    }
    while ((message = tc_message (bus, GST_MESSAGE_WARNING))) {
      gst_message_unref (message);
      warnings++;
    }
    CHECK (warnings == (mtus[i] < 113), "MTU %u: %d warnings", mtus[i], warnings);
    tc_unwatch (h, bus);
    gst_harness_teardown (h);
  }
}

/* Checks that a jump of the time stamps, also without DISCONT, sets the marker, and that no
 * packet before it is repeated; jitter does neither. */
static void
test_jumps (void)
{
  static const gint times[] = { 0, 20, 40, 60, 1060, 1080, 1089, 1117, 1137, 137, 157 };
  static guint8 packet[100] = { 0x87, };
  GstHarness *h = tc_payloader (6, 1);

  for (guint k = 0; k < G_N_ELEMENTS (times); k++) {
    const gboolean jump = k > 0 && ABS (times[k] - times[k - 1] - 20) > 15;
    GstBuffer *buf = gst_buffer_new_memdup (packet, sizeof (packet));
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

    GST_BUFFER_PTS (buf) = times[k] * GST_MSECOND;
    GST_BUFFER_DURATION (buf) = 20 * GST_MSECOND;
    buf = gst_harness_push_and_pull (h, buf);
    gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
    CHECK (gst_rtp_buffer_get_marker (&rtp) == jump, "%d ms: marker %d", times[k],
        gst_rtp_buffer_get_marker (&rtp));
    CHECK (gst_rtp_buffer_get_payload_len (&rtp) == (k > 0 && !jump ? 107 : 101),
        "%d ms: %u bytes", times[k], gst_rtp_buffer_get_payload_len (&rtp));
    gst_rtp_buffer_unmap (&rtp);
    gst_buffer_unref (buf);
  }
  gst_harness_teardown (h);
}

/* Checks that elements get the names of their factories, which applications look for. */
static void
test_names (void)
{
  static const gchar *const names[] = {
    "telucodecenc", "telucodecdec", "telucodecmux", "telucodecparse", "rtptelucodecpay",
    "rtptelucodecdepay"
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstElement *element = gst_element_factory_make (names[i], NULL);

    CHECK (g_str_has_prefix (GST_OBJECT_NAME (element), names[i]), "%s is named %s",
        names[i], GST_OBJECT_NAME (element));
    gst_object_unref (element);
  }
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_payload ();
  test_no_codes ();
  test_choice ();
  test_ptime ();
  test_asked ();
  test_held ();
  test_mtu ();
  test_longest ();
  test_jumps ();
  test_names ();
  return tc_done ("pay");
}
