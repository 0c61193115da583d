/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_silence.c - a live sender that is silent: rtptelucodecdepay tells the silence while it
 * lasts, in time for a speaker, and not only when the next packet comes; once for each time, and
 * not where packets come in time. The clock is one of the test's. */
#include "gst_rtp.h"

#define LATENCY (60 * GST_MSECOND)      /* of a jitter buffer */
#define TICK (20 * GST_MSECOND)
#define SINK (20 * GST_MSECOND)         /* a sink lets a buffer come so late */

struct call
{
  GstHarness *h;
  GstTestClock *clock;
  GString *text;                /* P a packet (^: DISCONT), S a silence, G a loss, with its
                                 * length, each at its place */
  gint late;                    /* silences that came too late */
};

static GstPadProbeReturn
note (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  struct call *call = data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstClockTime from, duration, now;

  (void) pad;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buf = GST_PAD_PROBE_INFO_BUFFER (info);

    g_string_append_printf (call->text, " %sP%d", GST_BUFFER_IS_DISCONT (buf) ? "^" : "",
        rtp_place (GST_BUFFER_PTS (buf)));
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
    gst_event_parse_gap (event, &from, &duration);
    g_string_append_printf (call->text, " %c%d+%d", gst_structure_has_field
        (gst_event_get_structure (event), "telucodec-silence") ? 'S' : 'G', rtp_place (from),
        rtp_place (duration));
    now = gst_clock_get_time (GST_CLOCK (call->clock)) -
        gst_element_get_base_time (call->h->element);
    call->late += now > from + LATENCY + SINK;
  }
  return GST_PAD_PROBE_OK;
}

/* Answers for a file, say. */
static gboolean
not_live (GstPad * pad, GstObject * parent, GstQuery * query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static void
open_call (struct call *call)
{
  *call = (struct call) { .h = rtp_depayloader (),.text = g_string_new (NULL) };
  call->clock = gst_harness_get_testclock (call->h);
  gst_harness_set_upstream_latency (call->h, LATENCY);
  gst_pad_add_probe (call->h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note, call, NULL);
}

static void
close_call (struct call *call, const gchar * what, gint late, const gchar * expected)
{
  gst_harness_teardown (call->h);
  gst_object_unref (call->clock);
  CHECK (g_str_equal (call->text->str, expected), "%s:%s, expected%s", what, call->text->str,
      expected);
  CHECK (call->late == late, "%s: %d late, expected %d", what, call->late, late);
  g_string_free (call->text, TRUE);
}

/* Sends packet `seq` of place `at`, which arrives at its time. */
static void
send (struct call *call, guint16 seq, gint at)
{
  GstBuffer *buf = rtp_make ((const guint8 *) "\0\xc1", 2, seq);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  const GstClockTime now = gst_clock_get_time (GST_CLOCK (call->clock));

  gst_rtp_buffer_map (buf, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_timestamp (&rtp, at * TELU_PACKET);
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_PTS (buf) = at * TICK;
  if (GST_BUFFER_PTS (buf) > now)
    gst_harness_set_time (call->h, GST_BUFFER_PTS (buf));
  gst_harness_push (call->h, buf);
}

/* Lets the clock go to the next time that the element waits for, in ms; G_MAXINT if it does not
 * wait. */
static gint
crank (struct call *call)
{
  GstClockID id;
  gint at;

  if (!gst_harness_wait_for_clock_id_waits (call->h, 1, 20)
      || !gst_test_clock_peek_next_pending_id (call->clock, &id))
    return G_MAXINT;
  at = gst_clock_id_get_time (id) / GST_MSECOND;
  gst_clock_id_unref (id);
  gst_harness_crank_single_clock_wait (call->h);
  return at;
}

/* Lets the element wait until `at`, in ms, and for nothing but what it waited for before the last
 * packet came; waits for the silence that it then tells. */
static void
pass (struct call *call, gint at)
{
  const guint told = gst_harness_events_received (call->h);
  gint now;

  while ((now = crank (call)) < at && gst_harness_events_received (call->h) == told)
    ;
  CHECK (now == at, "waits for %d ms, expected %d", now, at);
  for (gint i = 0; i < 10000 && gst_harness_events_received (call->h) == told; i++)
    g_usleep (1000);
  CHECK (gst_harness_events_received (call->h) > told, "nothing at %d ms", at);
}

/* Lets a sender begin with talk of two packets, and the first silence, which no one can tell before
 * it ends. */
static void
begin (struct call *call)
{
  open_call (call);
  send (call, 7, 0);
  send (call, 8, 1);
  send (call, 9, 20);
}

#define BEGIN " ^P0 P1 S2+18 P20"

/* Checks that the silence behind the first one is told as it goes, up to the next packet. */
static void
test_in_time (void)
{
  struct call call;

  begin (&call);
  for (gint k = 21; k < 27; k++)
    pass (&call, 20 * k + 65);
  send (&call, 10, 30);
  pass (&call, 20 * 31 + 65);
  close_call (&call, "silence", 1, BEGIN " S21+1 S22+1 S23+1 S24+1 S25+1 S26+1 S27+3 P30 S31+1");
}

/* Checks that packets in time have none between them, and that behind talk the element is patient,
 * then catches up. */
static void
test_talk (void)
{
  struct call call;

  begin (&call);
  for (gint k = 21; k < 24; k++)
    send (&call, k - 11, k);
  pass (&call, 20 * 24 + 120);
  for (gint k = 25; k < 28; k++)        /* the first two are late already */
    pass (&call, 20 * k + 65);
  close_call (&call, "talk", 3, BEGIN " P21 P22 P23 S24+1 S25+1 S26+1 S27+1");
}

/* Checks what a jitter buffer holds back in a silence until it gives up what was lost before, by
 * the time between packets of the silence: nothing is told twice, and a speaker hears that the
 * talk does not go on behind the silence. */
static void
test_held_back (void)
{
  struct call call;

  begin (&call);
  for (gint k = 21; k < 42; k++)
    pass (&call, 20 * k + 65);
  gst_harness_push_event (call.h, rtp_lost (10, 21, 16));
  for (gint k = 37; k < 42; k++)
    send (&call, k - 26, k);
  pass (&call, 20 * 41 + 65 + 80);
  close_call (&call, "held back", 2, BEGIN " S21+1 S22+1 S23+1 S24+1 S25+1 S26+1 S27+1 S28+1 "
      "S29+1 S30+1 S31+1 S32+1 S33+1 S34+1 S35+1 S36+1 S37+1 S38+1 S39+1 S40+1 S41+1 "
      "^P37 P38 P39 P40 P41 S42+1");
}

/* Checks that it ends after a second, at a flush, and at the end of the stream. */
static void
test_ends (void)
{
  GString *expected = g_string_new (BEGIN);
  struct call call;

  begin (&call);
  for (gint k = 21; k < 71; k++) {
    pass (&call, 20 * k + 65);
    g_string_append_printf (expected, " S%d+1", k);
  }
  gst_harness_set_time (call.h, 10 * GST_SECOND);
  close_call (&call, "a second", 1, expected->str);
  g_string_free (expected, TRUE);

  begin (&call);
  gst_harness_push_event (call.h, gst_event_new_eos ());
  gst_harness_set_time (call.h, 10 * GST_SECOND);
  close_call (&call, "end", 1, BEGIN);

  begin (&call);
  gst_harness_push_event (call.h, gst_event_new_flush_start ());
  gst_harness_push_event (call.h, gst_event_new_flush_stop (FALSE));
  gst_harness_set_time (call.h, 10 * GST_SECOND);
  close_call (&call, "flush", 1, BEGIN);
}

/* Checks that there is none where the source is not live, nor where no silence was before. */
static void
test_none (void)
{
  struct call call;

  open_call (&call);
  gst_pad_set_query_function (call.h->srcpad, not_live);
  send (&call, 7, 0);
  send (&call, 8, 20);
  gst_harness_set_time (call.h, 10 * GST_SECOND);
  close_call (&call, "not live", 1, " ^P0 S1+19 P20");

  open_call (&call);
  send (&call, 7, 0);
  send (&call, 8, 1);
  gst_harness_set_time (call.h, 10 * GST_SECOND);
  close_call (&call, "no silence", 0, " ^P0 P1");
}

/* Checks that a report of a loss in the silence, whose time is a guess, lets it go on. */
static void
test_loss (void)
{
  GString *expected = g_string_new (BEGIN);
  struct call call;

  begin (&call);
  for (gint k = 21; k < 100; k++) {
    if (k == 42 || k == 60)
      gst_harness_push_event (call.h, rtp_lost (k == 42 ? 10 : 11, k - 2, 1));
    pass (&call, 20 * k + 65);
    g_string_append_printf (expected, " S%d+1", k);
  }
  send (&call, 12, 104);
  g_string_append (expected, " S100+2 G102+1 G103+1 P104");
  close_call (&call, "loss", 1, expected->str);
  g_string_free (expected, TRUE);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_in_time ();
  test_talk ();
  test_held_back ();
  test_ends ();
  test_none ();
  test_loss ();
  return tc_done ("test_gst_silence");
}
