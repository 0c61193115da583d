/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_time.c - time stamps that jitter, drift, jump, repeat or lack: the samples that go in
 * come out, and only a hole that is one becomes one. */
#include "gst_common.h"

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
  return tc_done ("test_gst_time");
}
