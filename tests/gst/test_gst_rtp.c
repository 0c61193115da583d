/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_rtp.c - rtptelucodecdepay behind rtptelucodecpay: checks its output, and the time of
 * it, for packets lost in between. */
#include "gst_rtp.h"

#include <string.h>

#define PACKETS 80
#define SAMPLES (PACKETS * TELU_PACKET)

static GPtrArray *
coded (void)
{
  gfloat *pcm = tc_signal (SAMPLES);
  GPtrArray *packets = tc_encode (pcm, SAMPLES, NULL);

  g_free (pcm);
  return packets;
}

/* --- Output as a text -------------------------------------------------------- */

struct output
{
  GString *text;
  GPtrArray *packets;
  guint redundancy;
  GstClockTime start;           /* of packet 0; 0: times must be exact */
};

/* Output: P a whole packet, R its head, G a gap, E the end; others are errors. */
static GstPadProbeReturn
record (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  struct output *output = data;

  (void) pad;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buf = GST_PAD_PROBE_INFO_BUFFER (info);
    const gint k = rtp_place (GST_BUFFER_PTS (buf) - output->start);
    GBytes *packet = k < (gint) output->packets->len ?
        g_ptr_array_index (output->packets, k) : NULL;
    const gsize size = gst_buffer_get_size (buf);
    gchar what = '?';

    if (packet && tc_same_bytes (buf, packet))
      what = 'P';
    else if (packet && size == MIN (output->redundancy, g_bytes_get_size (packet))
        && gst_buffer_memcmp (buf, 0, g_bytes_get_data (packet, NULL), size) == 0)
      what = 'R';
    if (GST_BUFFER_DURATION (buf) != 20 * GST_MSECOND || (output->start == 0
            && GST_BUFFER_PTS (buf) !=
            (k ? tc_time (k * TELU_PACKET - TELU_DELAY) : 0)))
      what = '!';
    g_string_append_printf (output->text, " %c%d", what, k);
  } else {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
    GstClockTime time, duration;

    if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
      g_string_append (output->text, " E");
    } else if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
      gst_event_parse_gap (event, &time, &duration);
      g_string_append_printf (output->text, " %c%d", duration == 20 * GST_MSECOND
          || output->start ? 'G' : '!', rtp_place (time - output->start));
    }
  }
  return GST_PAD_PROBE_OK;
}

/* Input: . a packet arrives; x it is lost, with an event; - it is lost without one; 2 .. 9
 * that many are lost, with one event; 0 one is lost, with an event of unknown duration;
 * , is copied to the output; e the stream ends; f it is flushed. */
static void
check_script (guint redundancy, guint distance, gboolean use,
    const gchar * script, const gchar * expected)
{
  struct output output = { g_string_new (NULL), coded (), redundancy, 0 };
  GstHarness *pay = tc_payloader (redundancy, distance), *depay;
  GstBuffer *rtp[PACKETS];
  guint64 recovered, lost;
  gint k = 0, is_recovered = 0, is_lost = 0;

  for (gint i = 0; i < PACKETS; i++) {
    GstBuffer *buf = tc_packet_buffer (output.packets, i, SAMPLES);

    if (i > 0)
      GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
    rtp[i] = gst_harness_push_and_pull (pay, buf);
  }
  depay = rtp_behind (pay);
  g_object_set (depay->element, "use-redundancy", use, NULL);
  gst_pad_add_probe (depay->sinkpad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, record, &output, NULL);

  for (const gchar * c = script; *c; c++) {
    const guint16 seq = rtp_number (rtp[k]);

    switch (*c) {
      case '.':
        gst_harness_push (depay, gst_buffer_ref (rtp[k++]));
        break;
      case 'x':
        gst_harness_push_event (depay, rtp_lost (seq, k++, 1));
        break;
      case '-':
        k++;
        break;
      case ',':
        g_string_append (output.text, " ,");
        break;
      case 'e':
        gst_harness_push_event (depay, gst_event_new_eos ());
        break;
      case 'f':
        gst_harness_push_event (depay, gst_event_new_flush_start ());
        gst_harness_push_event (depay, gst_event_new_flush_stop (TRUE));
        {
          GstSegment segment;

          gst_segment_init (&segment, GST_FORMAT_TIME);
          gst_harness_push_event (depay, gst_event_new_segment (&segment));
        }
        break;
      default:
        gst_harness_push_event (depay, rtp_lost (seq, k, *c - '0'));
        k += MAX (*c - '0', 1);
    }
  }
  CHECK (g_str_equal (output.text->str, expected),
      "redundancy %u, distance %u%s, \"%s\":%s, expected%s", redundancy, distance,
      use ? "" : ", not used", script, output.text->str, expected);
  for (const gchar * c = output.text->str; *c; c++) {
    is_recovered += *c == 'R';
    is_lost += *c == 'G';
  }
  g_object_get (depay->element, "recovered", &recovered, "lost", &lost, NULL);
  CHECK ((gint) recovered == is_recovered && (gint) lost == is_lost,
      "\"%s\": %d recovered, %d lost by the properties", script, (gint) recovered,
      (gint) lost);

  for (gint i = 0; i < PACKETS; i++)
    gst_buffer_unref (rtp[i]);
  gst_harness_teardown (depay);
  gst_harness_teardown (pay);
  g_string_free (output.text, TRUE);
  g_ptr_array_unref (output.packets);
}

static void
test_losses (void)
{
  check_script (6, 1, TRUE, "......", " P0 P1 P2 P3 P4 P5");
  check_script (0, 1, TRUE, "......", " P0 P1 P2 P3 P4 P5");
  check_script (6, 1, TRUE, "...x,..", " P0 P1 P2 , R3 P4 P5");
  check_script (31, 1, TRUE, "...x,..", " P0 P1 P2 , R3 P4 P5");
  check_script (1, 1, TRUE, "...-..", " P0 P1 P2 R3 P4 P5");
  check_script (6, 1, TRUE, "..xx,..", " P0 P1 G2 , R3 P4 P5");
  check_script (6, 1, TRUE, "..--,..", " P0 P1 , G2 R3 P4 P5");
  check_script (6, 1, TRUE, "..x.x.-...", " P0 P1 R2 P3 R4 P5 R6 P7 P8 P9");
  check_script (6, 1, TRUE, "..5,..", " P0 P1 G2 G3 G4 G5 , R6 P7 P8");
  check_script (6, 1, TRUE, "...0,..", " P0 P1 P2 , R3 P4 P5");
  check_script (6, 1, TRUE, "..-x,..", " P0 P1 G2 , R3 P4 P5");
  check_script (6, 2, TRUE, "...x,.,...", " P0 P1 P2 , , R3 P4 P5 P6 P7");
  check_script (6, 2, TRUE, "...xx,.,..", " P0 P1 P2 , R3 , R4 P5 P6 P7");
  check_script (6, 2, TRUE, "...xxx,.,...", " P0 P1 P2 G3 , R4 , R5 P6 P7 P8 P9");
  check_script (6, 3, TRUE, "....x.x....", " P0 P1 P2 P3 R4 P5 R6 P7 P8 P9 P10");
  check_script (6, 4, TRUE, ".....xxxx,....,..",
      " P0 P1 P2 P3 P4 , R5 R6 R7 R8 P9 P10 P11 P12 , P13 P14");
}

/* Checks that the element does not wait if no packet contains a head. */
static void
test_no_wait (void)
{
  check_script (0, 1, TRUE, "..x,..", " P0 P1 G2 , P3 P4");
  check_script (0, 1, TRUE, "..-..", " P0 P1 G2 P3 P4");
  check_script (0, 1, TRUE, "..0,..", " P0 P1 G2 , P3 P4");
  check_script (6, 1, FALSE, "..x,..", " P0 P1 G2 , P3 P4");
  check_script (6, 1, TRUE, "...xe", " P0 P1 P2 G3 E");
  check_script (6, 2, TRUE, "...x.e", " P0 P1 P2 G3 P4 E");
  check_script (6, 1, TRUE, "x...", " P1 P2 P3");
  check_script (6, 1, TRUE, "...xf..", " P0 P1 P2 P4 P5");
  check_script (6, 1, TRUE,
      "..------------------------------------------------------------..",
      " P0 P1 P62 P63");
}

/* --- Several packets ------------------------------------------------------------ */

/* Sends payloads of three packets, but for the first one, with three heads, and loses some.
 * The output is that of check_script(). */
static void
check_threes (guint redundancy, guint distance, const gchar * script, const gchar * expected)
{
  struct output output = { g_string_new (NULL), coded (), redundancy, 1 };
  GstHarness *pay = tc_payloader (redundancy, distance), *depay;
  GstBuffer *rtp[PACKETS / 3];
  guint n = 0;

  g_object_set (pay->element, "min-ptime", 60 * GST_MSECOND, NULL);
  for (gint i = 0; i < PACKETS; i++) {
    GstBuffer *buf = tc_packet_buffer (output.packets, i, SAMPLES);

    if (i > 0)
      GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
    gst_harness_push (pay, buf);
    while (n < G_N_ELEMENTS (rtp) && (buf = gst_harness_try_pull (pay)))
      rtp[n++] = buf;
  }
  CHECK (n == G_N_ELEMENTS (rtp), "%u payloads", n);
  depay = rtp_behind (pay);
  gst_pad_add_probe (depay->sinkpad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, record, &output, NULL);
  for (gint k = 0; script[k]; k++)
    if (script[k] == '.')
      gst_harness_push (depay, gst_buffer_ref (rtp[k]));
    else if (script[k] == 'x')
      gst_harness_push_event (depay, rtp_lost (rtp_number (rtp[k]), 3 * k - 2, 3));
  CHECK (g_str_equal (output.text->str, expected), "threes, redundancy %u, distance %u, \"%s\":"
      "%s, expected%s", redundancy, distance, script, output.text->str, expected);
  while (n > 0)
    gst_buffer_unref (rtp[--n]);
  gst_harness_teardown (depay);
  gst_harness_teardown (pay);
  g_string_free (output.text, TRUE);
  g_ptr_array_unref (output.packets);
}

static void
test_several_packets (void)
{
  check_threes (6, 1, "...", " P0 P1 P2 P3 P4 P5 P6");
  check_threes (6, 1, "...x.", " P0 P1 P2 P3 P4 P5 P6 R7 R8 R9 P10 P11 P12");
  check_threes (6, 1, "..-.", " P0 P1 P2 P3 R4 R5 R6 P7 P8 P9");
  check_threes (6, 1, "..--.", " P0 P1 P2 P3 G4 G5 G6 R7 R8 R9 P10 P11 P12");
  check_threes (0, 1, "..-.", " P0 P1 P2 P3 G4 G5 G6 P7 P8 P9");
  check_threes (6, 6, "....xx..", " P0 P1 P2 P3 P4 P5 P6 P7 P8 P9 R10 R11 R12 R13 R14 R15 P16 P17 "
      "P18 P19 P20 P21");
}

/* --- Latency, caps, damage ---------------------------------------------------- */

static void
test_latency (void)
{
  GPtrArray *packets = coded ();
  GstHarness *pay = tc_payloader (6, 2), *depay;
  GstBuffer *rtp[4];
  GstMessage *message;
  GstBus *bus;
  GstCaps *caps, *expected;
  gchar *coded_caps = tc_coded_caps ();

  for (gint k = 0; k < 4; k++) {
    GstBuffer *buf = tc_packet_buffer (packets, k, SAMPLES);

    if (k > 0)
      GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
    rtp[k] = gst_harness_push_and_pull (pay, buf);
  }
  depay = rtp_behind (pay);
  bus = tc_watch (depay);
  gst_harness_set_upstream_latency (depay, 60 * GST_MSECOND);
  gst_harness_push (depay, rtp[0]);
  gst_harness_push (depay, rtp[1]);
  CHECK (gst_harness_query_latency (depay) == 60 * GST_MSECOND, "latency at first");
  gst_harness_push (depay, rtp[2]);
  gst_harness_push (depay, rtp[3]);
  CHECK (gst_harness_query_latency (depay) == 100 * GST_MSECOND,
      "latency with redundancy");
  message = tc_message (bus, GST_MESSAGE_LATENCY);
  CHECK (message, "no message of the latency");
  gst_clear_message (&message);
  message = tc_message (bus, GST_MESSAGE_LATENCY);
  CHECK (!message, "two messages of one latency");
  gst_clear_message (&message);
  tc_unwatch (depay, bus);

  caps = gst_pad_get_current_caps (depay->sinkpad);
  expected = gst_caps_from_string (coded_caps);
  CHECK (caps && gst_caps_is_equal (caps, expected), "caps of the packets");
  gst_caps_unref (expected);
  gst_clear_caps (&caps);
  g_free (coded_caps);
  gst_harness_teardown (depay);
  gst_harness_teardown (pay);
  g_ptr_array_unref (packets);
}

static gint
latency_messages (GstBus * bus)
{
  GstMessage *message;
  gint n = 0;

  while ((message = tc_message (bus, GST_MESSAGE_LATENCY))) {
    gst_message_unref (message);
    n++;
  }
  return n;
}

/* Sends heads of distances that change with each packet, then of one, then none: the latency
 * rises at once, and falls seldom. */
static void
test_changing_distance (void)
{
  GstHarness *h = rtp_depayloader ();
  GstBus *bus = tc_watch (h);
  guint16 seq = 0;
  gint n;

  for (gint i = 0; i < 2000; i++) {
    const guint8 payload[] = { (guint8) ((i * 7 % 4) << 6 | 1), 0xc1, 0xc2 };

    gst_harness_push (h, rtp_make (payload, sizeof (payload), seq++));
    if (i == 3)
      CHECK (gst_harness_query_latency (h) == 80 * GST_MSECOND, "it rises at once");
  }
  n = latency_messages (bus);
  CHECK (n >= 1 && n <= 4, "%d messages for 2000 packets", n);
  CHECK (gst_harness_query_latency (h) == 80 * GST_MSECOND, "the largest distance");

  for (gint i = 0; i < 1100; i++)
    gst_harness_push (h, rtp_make ((const guint8 *) "\x01\xc1\xc2", 3, seq++));
  CHECK (gst_harness_query_latency (h) == 20 * GST_MSECOND, "it falls to one packet");
  for (gint i = 0; i < 1100; i++)
    gst_harness_push (h, rtp_make ((const guint8 *) "\0\xc1", 2, seq++));
  CHECK (gst_harness_query_latency (h) == 0, "it falls to none");
  n = latency_messages (bus);
  CHECK (n == 2, "%d messages for two falls", n);
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
}

static void
test_damage (void)
{
  static const guint8 bad[][2] = { {0, 0}, {6, 1}, {2, 1} };
  GstHarness *h = rtp_depayloader ();
  struct output output = { g_string_new (NULL), g_ptr_array_new (), 0, 0 };
  GstBus *bus = tc_watch (h);
  GRand *chance = g_rand_new_with_seed (5);
  GstMessage *message;
  GstBuffer *buf;
  guint64 lost;
  guint16 seq = 1;

  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, record, &output, NULL);
  gst_harness_push (h, rtp_make (bad[0], 0, seq++));     /* before there is a segment */
  gst_harness_push (h, rtp_make ((const guint8 *) "\0abc", 4, seq++));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    CHECK (gst_harness_push (h, rtp_make (bad[i], i, seq++)) == GST_FLOW_OK,
        "damage ends the stream, %u bytes", i);
  message = tc_message (bus, GST_MESSAGE_WARNING);
  CHECK (message, "no warning");
  gst_clear_message (&message);
  message = tc_message (bus, GST_MESSAGE_WARNING);
  CHECK (!message, "a warning for each");
  gst_clear_message (&message);
  g_object_get (h->element, "lost", &lost, NULL);
  CHECK (lost == 4, "%d packets are lost, expected 4", (gint) lost);
  CHECK (g_str_equal (output.text->str, " !2 G3 G4 G5"), "damage:%s", output.text->str);
  buf = gst_harness_pull (h);
  CHECK (gst_buffer_get_size (buf) == 3, "the packet before the damage");
  gst_buffer_unref (buf);

  for (gint i = 0; i < 20000; i++) {
    guint8 payload[40];
    const guint n = g_rand_int_range (chance, 0, sizeof (payload) + 1);

    for (guint k = 0; k < n; k++)
      payload[k] = g_rand_int (chance);
    seq += g_rand_int_range (chance, 1, 4) / 2 + 1;
    if (i % 900 == 0)
      seq += 30000;
    gst_harness_push (h, rtp_make (payload, n, seq));
    while ((message = tc_message (bus, GST_MESSAGE_ANY)))
      gst_message_unref (message);
    while ((buf = gst_harness_try_pull (h)))
      gst_buffer_unref (buf);
  }
  g_rand_free (chance);
  g_string_free (output.text, TRUE);
  g_ptr_array_unref (output.packets);
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
}

/* Returns the output behind an rtpjitterbuffer, in real time: 4, 8 and 9 are lost, and 12
 * arrives after 13. */
static void
run_jitter_buffer (struct output *output, GstCaps * caps, GstBuffer ** rtp)
{
  static const gint order[] = { 0, 1, 2, 3, 5, 6, 7, 10, 11, 13, 12, 14 };
  GstHarness *h = gst_harness_new_parse ("rtpjitterbuffer do-lost=true "
      "latency=200 ! rtptelucodecdepay");
  GstClock *clock;

  gst_harness_use_systemclock (h);
  gst_harness_set_src_caps (h, gst_caps_ref (caps));
  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, record, output, NULL);
  clock = gst_element_get_clock (h->element);
  output->start = gst_clock_get_time (clock);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++) {
    const GstClockTime due = output->start + order[i] * 20 * GST_MSECOND;
    const GstClockTime now = gst_clock_get_time (clock);
    GstBuffer *buf = gst_buffer_copy (rtp[order[i]]);

    if (now < due)
      g_usleep ((due - now) / GST_USECOND);
    GST_BUFFER_DTS (buf) = GST_BUFFER_PTS (buf) = MAX (now, due);
    gst_harness_push (h, buf);
  }
  g_usleep (400000);
  gst_object_unref (clock);
  gst_harness_teardown (h);
}

static void
test_jitter_buffer (void)
{
  const gchar *expected = " P0 P1 P2 P3 R4 P5 P6 P7 G8 R9 P10 P11 P12 P13 P14";
  struct output output = { g_string_new (NULL), coded (), 6, 0 };
  GstElementFactory *buffer = gst_element_factory_find ("rtpjitterbuffer");
  GstHarness *pay = tc_payloader (6, 1);
  GstBuffer *rtp[15];
  GstCaps *caps;

  for (guint i = 0; i < G_N_ELEMENTS (rtp); i++) {
    GstBuffer *buf = tc_packet_buffer (output.packets, i, SAMPLES);

    GST_BUFFER_PTS (buf) = i * 20 * GST_MSECOND;
    if (i > 0)
      GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
    rtp[i] = gst_harness_push_and_pull (pay, buf);
  }
  caps = gst_pad_get_current_caps (pay->sinkpad);
  if (!buffer)
    g_print ("rtp: no rtpjitterbuffer here, not tried\n");

  /* A busy machine may be late once. */
  for (gint i = 0; buffer && i < 3 && !g_str_equal (output.text->str, expected); i++) {
    g_string_truncate (output.text, 0);
    run_jitter_buffer (&output, caps, rtp);
  }
  CHECK (!buffer || g_str_equal (output.text->str, expected),
      "behind a jitter buffer:%s, expected%s", output.text->str, expected);

  gst_clear_object (&buffer);
  gst_caps_unref (caps);
  for (guint i = 0; i < G_N_ELEMENTS (rtp); i++)
    gst_buffer_unref (rtp[i]);
  gst_harness_teardown (pay);
  g_string_free (output.text, TRUE);
  g_ptr_array_unref (output.packets);
}

/* Checks that the flow return for queued packets reaches upstream. */
static void
test_flow (void)
{
  GstHarness *h = rtp_depayloader ();

  CHECK (gst_harness_push (h, rtp_make ((const guint8 *) "\1ab", 3, 1)) == GST_FLOW_OK,
      "the first packet");
  gst_harness_push_event (h, rtp_lost (2, 2, 1));
  gst_pad_set_active (h->sinkpad, FALSE);
  CHECK (gst_harness_push (h, rtp_make ((const guint8 *) "\1ab", 3, 3)) ==
      GST_FLOW_FLUSHING, "the flow of recovered packets");
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_losses ();
  test_no_wait ();
  test_several_packets ();
  test_latency ();
  test_changing_distance ();
  test_damage ();
  test_flow ();
  test_jitter_buffer ();
  return tc_done ("rtp");
}
