/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_time.c - time stamps that jitter, drift, jump, repeat or lack: the samples that go in
 * come out, only a hole that is one becomes one, and one of hours not hours of silence. */
#include "gst_common.h"

#include <gst/rtp/rtp.h>
#include <string.h>

#define BUFFERS 500             /* of 20 ms */
#define N (BUFFERS * TELU_PACKET)
#define NONE GST_CLOCK_TIME_NONE
#define MS(n) ((n) * GST_MSECOND)

static GstClockTime
exact (gint i)
{
  return MS (1000 + 20 * i);
}

static GstClockTime
late (gint i)
{
  return exact (i) + (i % 10 == 9 ? MS (16) : 0);
}

static GstClockTime
shaken (gint i)
{
  return exact (i) + MS (i * 7919 % 33) - MS (16);
}

static GstClockTime
fast (gint i)
{
  return exact (i) - i * GST_USECOND;   /* 50 parts per million */
}

static GstClockTime
slow (gint i)
{
  return exact (i) + i * GST_USECOND;
}

static GstClockTime
very_slow (gint i)
{
  return exact (i) + i * MS (1);        /* 5 %, half a second in all */
}

static GstClockTime
forward (gint i)
{
  return exact (i) + (i < 200 ? 0 : MS (1000));
}

static GstClockTime
back (gint i)
{
  return exact (i) - (i < 200 ? 0 : MS (2000));
}

static GstClockTime
back_to_zero (gint i)
{
  return MS (20 * (i < 200 ? i : i - 200));
}

static GstClockTime
never (gint i)
{
  (void) i;
  return NONE;
}

static GstClockTime
once (gint i)
{
  return i == 0 ? 0 : NONE;
}

static GstClockTime
same (gint i)
{
  (void) i;
  return 0;
}

static const struct stamps
{
  const gchar *name;
  GstClockTime (*of) (gint i);
  gint added, slack;            /* samples more than went in */
} stamps[] = {
  {"exact", exact, 0, 0},
  {"one in ten late", late, 0, 0},
  {"shaken by 16 ms", shaken, 0, 0},
  {"drift, 50 ppm fast", fast, 0, 0},
  {"drift, 50 ppm slow", slow, 0, 0},
  {"drift, 5 % slow", very_slow, 8000, 960},
  {"a second forward", forward, TELU_RATE, TELU_PACKET},
  {"two seconds back", back, 0, 0},
  {"back to 0", back_to_zero, 0, 0},
  {"none", never, 0, 0},
  {"the first alone", once, 0, 0},
  {"all the same", same, 0, 0},
};

/* Pushes buffers with these time stamps; every discont-th one has DISCONT. */
static void
check_stamps (const gchar * elements, const struct stamps *s, gint discont)
{
  GstHarness *h = gst_harness_new_parse (elements);
  gfloat *pcm = tc_signal (TELU_PACKET);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GstBuffer *buf;
  gint64 samples = 0;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, RAW_CAPS ("S16LE"));
  for (gint i = 0; i < BUFFERS; i++) {
    buf = tc_raw_buffer (pcm, 0, TELU_PACKET, TRUE);
    GST_BUFFER_PTS (buf) = GST_BUFFER_DTS (buf) = s->of (i);
    if (discont && i % discont == 0)
      GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
    CHECK (gst_harness_push (h, buf) == GST_FLOW_OK, "%s: buffer %d", s->name, i);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((buf = gst_harness_try_pull (h))) {
    samples += gst_buffer_get_size (buf) / 2;
    gst_buffer_unref (buf);
  }
  CHECK (ABS (samples - N - s->added) <= s->slack,
      "%s, %s, DISCONT %d: %d samples, expected %d", elements, s->name, discont,
      (gint) samples, N + s->added);
  message = tc_message (bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  CHECK (!message, "%s: an error or a warning", s->name);
  gst_clear_message (&message);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_free (pcm);
}

/* --- Holes of hours ----------------------------------------------------------- */

#define HOURS (20 * 3600 * GST_SECOND)
#define MOST (11 * TELU_RATE)   /* samples that may stand for a hole */

static GstPadProbeReturn
add_gap (GstPad * pad, GstPadProbeInfo * info, gpointer sum)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstClockTime duration;

  (void) pad;
  if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
    gst_event_parse_gap (event, NULL, &duration);
    *(GstClockTime *) sum += duration;
  }
  return GST_PAD_PROBE_OK;
}

/* Checks that few samples stand for the hole of hours, that a GAP event stands for the rest,
 * and that the samples behind it have their time. */
static void
expect_hole (GstHarness * h, const gchar * what, GstClockTime gap, gint sent,
    gboolean filled)
{
  gint64 samples = 0;
  GstClockTime end = 0;
  GstBuffer *buf;

  while ((buf = gst_harness_try_pull (h))) {
    samples += gst_buffer_get_size (buf) / 4;
    end = GST_BUFFER_PTS (buf) + GST_BUFFER_DURATION (buf);
    gst_buffer_unref (buf);
  }
  CHECK (samples >= sent && samples <= sent + MOST, "%s: %d samples, %d went in", what,
      (gint) samples, sent);
  CHECK (end >= HOURS && end < HOURS + 60 * GST_SECOND, "%s: the end is at %"
      GST_TIME_FORMAT, what, GST_TIME_ARGS (end));
  if (filled)
    CHECK (ABS (GST_CLOCK_DIFF (gap + tc_time (samples - sent), HOURS)) < MS (100),
        "%s: GAP events of %" GST_TIME_FORMAT " and %d samples", what,
        GST_TIME_ARGS (gap), (gint) samples - sent);
}

static void
test_hours (void)
{
  static const gchar *const elements[] = {
    "telucodecenc ! telucodecmux ! telucodecparse ! telucodecdec",
    "telucodecenc ! telucodecdec",
    "telucodecenc ! rtptelucodecpay ! rtptelucodecdepay ! telucodecdec",
  };

  for (guint k = 0; k < G_N_ELEMENTS (elements); k++) {
    GstHarness *h = gst_harness_new_parse (elements[k]);
    gfloat *pcm = tc_signal (TELU_PACKET);
    GstClockTime gap = 0;

    gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, add_gap, &gap,
        NULL);
    gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
    for (gint i = 0; i < 100; i++) {
      GstBuffer *buf = tc_raw_buffer (pcm, 0, TELU_PACKET, FALSE);

      GST_BUFFER_PTS (buf) = MS (20 * i) + (i < 50 ? 0 : HOURS);
      gst_harness_push (h, buf);
    }
    gst_harness_push_event (h, gst_event_new_eos ());
    expect_hole (h, elements[k], gap, 100 * TELU_PACKET, k == 0);
    gst_harness_teardown (h);
    g_free (pcm);
  }
}

/* Reports to the depayloader that packets of hours are lost. */
static void
test_lost_hours (void)
{
  GstHarness *h = gst_harness_new_parse ("rtptelucodecdepay ! telucodecdec");
  GstHarness *pay = tc_payloader (0, 1);
  gfloat *pcm = tc_signal (20 * TELU_PACKET);
  GPtrArray *packets = tc_encode (pcm, 20 * TELU_PACKET, NULL);
  GstClockTime gap = 0;

  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, add_gap, &gap, NULL);
  for (gint k = 0; k < 20; k++) {
    GstBuffer *buf = tc_packet_buffer (packets, k, 20 * TELU_PACKET);
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    guint seq;

    GST_BUFFER_PTS (buf) += k < 10 ? 0 : HOURS;
    buf = gst_harness_push_and_pull (pay, buf);
    if (k == 0)
      gst_harness_set_src_caps (h, gst_pad_get_current_caps (pay->sinkpad));
    gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
    seq = gst_rtp_buffer_get_seq (&rtp);
    gst_rtp_buffer_unmap (&rtp);
    if (k == 9)
      gst_harness_push_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
              gst_structure_new ("GstRTPPacketLost", "seqnum", G_TYPE_UINT, seq,
                  "timestamp", G_TYPE_UINT64, (guint64) MS (180), "duration",
                  G_TYPE_UINT64, (guint64) HOURS, NULL)));
    if (k == 9)
      gst_buffer_unref (buf);
    else
      gst_harness_push (h, buf);
  }
  expect_hole (h, "lost hours", gap, 19 * TELU_PACKET, TRUE);
  gst_harness_teardown (h);
  gst_harness_teardown (pay);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  static const gchar *const elements =
      "telucodecenc ! telucodecmux ! telucodecparse ! telucodecdec ! "
      "capsfilter caps=\"audio/x-raw,format=S16LE\"";

  tc_init (&argc, &argv);
  for (guint i = 0; i < G_N_ELEMENTS (stamps); i++) {
    check_stamps (elements, &stamps[i], 0);
    /* DISCONT with a time stamp is a jump on purpose, and stays one. */
    if (stamps[i].of == exact || stamps[i].of (1) == NONE)
      check_stamps (elements, &stamps[i], 50);
  }
  test_hours ();
  test_lost_hours ();
  return tc_done ("test_gst_time");
}
