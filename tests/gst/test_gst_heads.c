/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_heads.c - rtptelucodecdepay on payloads that are written here: several heads in one,
 * the bounds of a payload, and silences of the sender. */
#include "gst_rtp.h"

#include <string.h>

/* --- Several heads ------------------------------------------------------------ */

/* Writes the payload of packet k, whose bytes are all k, with the heads of packets so many
 * before it, nearest first, of size bytes each. Returns its size. */
static guint
payload_of (guint8 * out, guint k, const guint * distances, guint heads, guint size)
{
  guint n = 0, before = 0;

  for (guint i = 0; i < heads; i++) {
    guint step = distances[i] - before;

    for (; step > 4; step -= 4)
      out[n++] = 3 << 6 | 0x20;
    out[n++] = (step - 1) << 6 | (i + 1 < heads ? 0x20 : 0) | size;
    memset (out + n, k - distances[i], size);
    n += size;
    before = distances[i];
  }
  if (heads == 0)
    out[n++] = 0;
  memset (out + n, k, 20);
  return n + 20;
}

/* Sends packets with these heads and loses some, in the letters of check_script(). The output is
 * that of check_script() too. */
static void
check_heads (const guint * distances, guint heads, const gchar * script,
    const gchar * expected)
{
  GstHarness *h = rtp_depayloader ();
  GString *text = g_string_new (NULL);
  GstBuffer *buf;
  guint8 payload[400];

  for (guint k = 0; script[k]; k++) {
    if (script[k] == 'x')
      gst_harness_push_event (h, rtp_lost (k, k, 1));
    if (script[k] != '.')
      continue;
    gst_harness_push (h, rtp_make (payload, payload_of (payload, k, distances,
                k < 12 ? 0 : heads, 3), k));
    while ((buf = gst_harness_try_pull (h))) {
      guint8 first = 0;

      gst_buffer_extract (buf, 0, &first, 1);
      if (k >= 12)
        g_string_append_printf (text, " %c%u", gst_buffer_get_size (buf) == 20 ? 'P' : 'R',
            first);
      CHECK (GST_BUFFER_PTS (buf) == first * 20 * GST_MSECOND, "packet %u at %d ms", first,
          (gint) (GST_BUFFER_PTS (buf) / GST_MSECOND));
      gst_buffer_unref (buf);
    }
  }
  CHECK (g_str_equal (text->str, expected), "%u heads, \"%s\":%s, expected%s", heads,
      script + 12, text->str, expected);
  g_string_free (text, TRUE);
  gst_harness_teardown (h);
}

/* Checks that heads heal runs of losses up to the distance of the farthest one. */
static void
test_several_heads (void)
{
  static const guint near[] = { 1, 2, 3 }, far[] = { 2, 4, 6 }, alone[] = { 7 };

  check_heads (near, 3, "............" ".xxx.", " P12 R13 R14 R15 P16");
  check_heads (near, 3, "............" ".---.", " P12 R13 R14 R15 P16");
  check_heads (near, 3, "............" ".xxxx.", " P12 R14 R15 R16 P17");
  check_heads (near, 3, "............" ".x.xx.x.", " P12 R13 P14 R15 R16 P17 R18 P19");
  check_heads (far, 3, "............" ".xxxxxx....",
      " P12 R13 R14 R15 R16 R17 R18 P19 P20 P21 P22");
  check_heads (far, 3, "............" ".x......", " P12 R13 P14 P15 P16 P17 P18 P19");
  check_heads (alone, 1, "............" ".xxxxxx........",
      " P12 R13 R14 R15 R16 R17 R18 P19 P20 P21 P22 P23 P24 P25 P26");
}

/* Sends one payload. Returns the warning, or NULL; counts the packets that are made of it. */
static gchar *
warning_about (const guint8 * payload, guint size, guint * packets)
{
  GstHarness *h = rtp_depayloader ();
  GstBus *bus = tc_watch (h);
  GstMessage *message;
  GError *error = NULL;
  gchar *text = NULL;

  gst_harness_push (h, rtp_make (payload, size, 1));
  message = tc_message (bus, GST_MESSAGE_WARNING);
  if (message) {
    gst_message_parse_warning (message, &error, NULL);
    text = g_strdup (error->message);
  }
  *packets = gst_harness_buffers_received (h);
  g_clear_error (&error);
  gst_clear_message (&message);
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
  return text;
}

/* Checks the bounds of a payload: the element refuses more, and says what is wrong. */
static void
test_bounds (void)
{
  static const struct
  {
    guint8 bytes[12];
    guint size;
    const gchar *word;          /* of the warning; NULL: a good one */
  } cases[] = {
    {{0, 1}, 2, NULL},
    {{0x21, 9, 0x21, 9, 1, 9, 5}, 7, NULL},
    {{0xe0, 0xe0, 0xc1, 9, 5}, 5, NULL},                /* distance 12 */
    {{0xe0, 0xe0, 0xe0, 1, 9, 5}, 6, "more than 12"},
    {{0x21, 9}, 2, "before its packet"},
    {{0x21, 9, 0}, 3, "before its packet"},
    {{0x21, 9, 0x23, 1, 2}, 5, "within a head"},
    {{0x80, 1, 2}, 3, "not known"},
    {{0x20, 0xc0, 1}, 3, "not known"},
    {{0}, 0, "before its packet"},
    {{0x40, 1, 9}, 3, NULL},
    {{0x21, 9, 0x40, 1, 9}, 5, NULL},
    {{0x40}, 1, "before its packet"},
    {{0x40, 0, 9}, 3, "a length is 0"},
    {{0x40, 1, 9, 2, 9}, 5, "beyond its end"},
    {{0x40, 1, 9, 252}, 4, "within a length"},
    {{0x40, 255, 255, 9}, 4, "beyond its end"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint packets;
    gchar *text = warning_about (cases[i].bytes, cases[i].size, &packets);
    const gboolean said = text && cases[i].word && strstr (text, cases[i].word);

    CHECK (said == (cases[i].word != NULL) && packets == !said, "payload %u: %s", i,
        text ? text : "no warning");
    g_free (text);
  }
}

/* Checks that no packet is longer than the codec's longest, which muxers and payloaders behind the
 * element rely on: a peer could end a recording. */
static void
test_longest (void)
{
  guint8 payload[2 + 2 + TELU_MAX_PACKET + 1] = { 0, };

  for (guint more = 0; more < 2; more++) {
    for (guint several = 0; several < 2; several++) {
      const guint size = TELU_MAX_PACKET + more;
      guint packets;
      gchar *text;

      payload[0] = several ? 0x40 : 0;
      payload[1] = 252 + size % 4;
      payload[2] = (size - payload[1]) / 4;
      text = warning_about (payload, 1 + 2 * several + size, &packets);
      CHECK (more ? text && strstr (text, "more than 1000") : !text,
          "packet of %u bytes: %s", size, text ? text : "no warning");
      CHECK (packets == !more, "packet of %u bytes becomes %u", size, packets);
      g_free (text);
    }
  }
}

/* --- Silence of the sender ----------------------------------------------------- */

/* Notes P a packet, S a silence, G a loss, each with its length in packets; ^ in front of a packet
 * that is marked as no continuation, as the first one has to be. */
static GstPadProbeReturn
record_silence (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstClockTime from, duration;

  (void) pad;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buf = GST_PAD_PROBE_INFO_BUFFER (info);
    const gboolean first = ((GString *) data)->len == 0;

    g_string_append_printf (data, " %sP%d", GST_BUFFER_IS_DISCONT (buf) == first ? "" : "^",
        rtp_place (GST_BUFFER_PTS (buf)));
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
    gst_event_parse_gap (event, &from, &duration);
    if (duration % (20 * GST_MSECOND) != 0)
      g_string_append_c (data, '!');
    g_string_append_printf (data, " %c%d+%d", gst_structure_has_field
        (gst_event_get_structure (event), "telucodec-silence") ? 'S' : 'G', rtp_place (from),
        rtp_place (duration));
  }
  return GST_PAD_PROBE_OK;
}

#define UNNUMBERED -100000

/* Sends packets of these numbers and times, in packets; a number of -1 is a GAP event from
 * upstream, with its length behind, -2 - k the report that number k is lost, and UNNUMBERED one
 * from behind a decoder of FEC, with its length. */
static void
check_silence (const gint (*packets)[3], guint n, const gchar * expected)
{
  GstHarness *h = rtp_depayloader ();
  GString *text = g_string_new (NULL);

  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, record_silence, text, NULL);
  for (guint i = 0; i < n; i++) {
    const gint number = packets[i][0], time = packets[i][1];
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    GstBuffer *buf;

    if (number == -1) {
      gst_harness_push_event (h, gst_event_new_gap (time * 20 * GST_MSECOND,
              packets[i][2] * 20 * GST_MSECOND));
    } else if (number == UNNUMBERED) {
      GstEvent *event = rtp_lost (0, time, packets[i][2]);
      GstStructure *s = gst_event_writable_structure (event);

      gst_structure_remove_field (s, "seqnum");
      gst_structure_set (s, "might-have-been-fec", G_TYPE_BOOLEAN, TRUE, NULL);
      gst_harness_push_event (h, event);
    } else if (number < 0) {
      gst_harness_push_event (h, rtp_lost (-2 - number, time, 1));
    } else {
      buf = rtp_make ((const guint8 *) "\0\xc1", 2, number);
      gst_rtp_buffer_map (buf, GST_MAP_WRITE, &rtp);
      gst_rtp_buffer_set_timestamp (&rtp, 0xfffff000u + time * TELU_PACKET);
      gst_rtp_buffer_unmap (&rtp);
      /* with the jitter of arrival times */
      GST_BUFFER_PTS (buf) = time * 20 * GST_MSECOND + i % 3 * 2 * GST_MSECOND;
      gst_harness_push (h, buf);
    }
  }
  CHECK (g_str_equal (text->str, expected), "%s, expected%s", text->str, expected);
  g_string_free (text, TRUE);
  gst_harness_teardown (h);
}

#define CHECK_SILENCE(expected, ...) do { \
    static const gint packets[][3] = { __VA_ARGS__ }; \
    check_silence (packets, G_N_ELEMENTS (packets), expected); \
  } while (0)

/* Checks that a loss that may have been one of FEC is one if time went on, and else none. */
static void
test_unnumbered (void)
{
  CHECK_SILENCE (" P0 P1 G2+1 P3", {7, 0}, {8, 1}, {UNNUMBERED, 2, 1}, {9, 3});
  CHECK_SILENCE (" P0 P1 P2 P3", {7, 0}, {8, 1}, {UNNUMBERED, 2, 1}, {9, 2}, {10, 3});
  CHECK_SILENCE (" P0 P1 P2 S3+3 P6", {7, 0}, {8, 1}, {UNNUMBERED, 2, 1}, {9, 2}, {10, 6});
  CHECK_SILENCE (" P0 P1 G2+1 G3+1 P4", {7, 0}, {8, 1}, {UNNUMBERED, 2, 1}, {UNNUMBERED, 2, 1},
      {UNNUMBERED, 2, 1}, {UNNUMBERED, 2, 1}, {9, 4});
  CHECK_SILENCE (" P0 P1 G2+1 G3+1 P4", {7, 0}, {8, 1}, {UNNUMBERED, 2, 2}, {9, 4});
  CHECK_SILENCE (" P0 P1 S2+9 G11+1 P12", {7, 0}, {8, 1}, {UNNUMBERED, 5, 0}, {9, 12});
  CHECK_SILENCE (" P0 S1+18 P19 S20+18 G38+1 P39", {7, 0}, {8, 19}, {UNNUMBERED, 20, 10}, {9, 39});
  CHECK_SILENCE (" P0 P1 ^P53", {7, 0}, {8, 1}, {UNNUMBERED, 2, 1}, {9, 53});
  CHECK_SILENCE (" P0 P1", {UNNUMBERED, 0, 1}, {7, 0}, {8, 1});
}

/* Checks that a number without time, as that of a packet of ULPFEC, is no loss, and that time
 * without a number is silence, beside losses too; but not where it is too long, known from
 * upstream or goes back. */
static void
test_silence (void)
{
  CHECK_SILENCE (" P0 P1 S2+10 P12 P13", {7, 0}, {8, 1}, {9, 12}, {10, 13});
  CHECK_SILENCE (" P0 S1+19 P20 S21+19 P40", {7, 0}, {8, 20}, {9, 40});
  CHECK_SILENCE (" P0 P1 S2+9 G11+1 P12", {7, 0}, {8, 1}, {10, 12});
  CHECK_SILENCE (" P0 P1 P2 G3+1 P4", {7, 0}, {8, 1}, {10, 2}, {13, 4});
  CHECK_SILENCE (" P0 P1 S2+50 P52", {7, 0}, {8, 1}, {9, 52});
  CHECK_SILENCE (" P0 P1 ^P53", {7, 0}, {8, 1}, {9, 53});
  CHECK_SILENCE (" P0 P1 ^P1 P2", {7, 0}, {8, 1}, {9, 1}, {10, 2});
  CHECK_SILENCE (" P0 P1 G2+10 P12", {7, 0}, {8, 1}, {-1, 2, 10}, {9, 12});
  CHECK_SILENCE (" P0 P1 G2+1 P3", {7, 0}, {8, 1}, {-1, 2, 1}, {9, 3});
  CHECK_SILENCE (" P0 P1 S2+10 P12", {7, 0}, {8, 1}, {9, 12}, {-1, 2, 10});
  CHECK_SILENCE (" P0 P1 S2+9 G11+1 P12", {7, 0}, {8, 1}, {-11, 5}, {10, 12});
  CHECK_SILENCE (" P0 P1 S2+147 G149+1 G150+1 G151+1 P152", {7, 0}, {8, 1}, {12, 152});
  CHECK_SILENCE (" P0 P1 G102+1 ^P103", {7, 0}, {8, 1}, {10, 103});
  CHECK_SILENCE (" P0 P1 ^P301", {7, 0}, {8, 1}, {9, 301});
}

/* Checks that what is lost behind a silence is found by the time of the next packet, since the
 * jitter buffer takes the time between packets of the silence for that of all. */
static void
test_late_report (void)
{
  CHECK_SILENCE (" P0 S1+18 P19 S20+19 P39 G40+1 P41 P42", {7, 0}, {8, 19}, {9, 39}, {-12, 54},
      {11, 41}, {12, 42});
  CHECK_SILENCE (" P0 S1+18 P19 G20+1 G21+1 P22", {7, 0}, {8, 19}, {-11, 38}, {-12, 57}, {11, 22});
  CHECK_SILENCE (" P0 S1+18 P19 S20+58 G78+1 P79", {7, 0}, {8, 19}, {-11, 39}, {10, 79});
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_several_heads ();
  test_bounds ();
  test_longest ();
  test_silence ();
  test_late_report ();
  test_unnumbered ();
  return tc_done ("heads");
}
