/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_latency.c - clicks through a call, microphone to speaker: each is heard so much later
 * as the latency query says, and no sooner could it be.
 *
 * A test clock goes from one event to the next, and only when all threads wait. So a sound takes
 * the time that elements hold it, to the sample, and none of the machine's: a slow one is no
 * later. This thread is the microphone: it hands over each block when its last sample is there.
 * It is the network, too. The speaker, behind a queue, is a sink that waits for the clock. */
#include "gst_common.h"

#include <gst/check/gsttestclock.h>

#include <math.h>

#define SECONDS 3
#define SAMPLES (SECONDS * TELU_RATE)
#define CLICK 4001              /* samples from one to the next */
#define NEAR ((GstClockTimeDiff) 2 * GST_MSECOND)        /* to the query */
#define MOST_PACKETS (SECONDS * 50 + 1)

struct call
{
  GstHarness *h;
  GstTestClock *clock;
  GstBus *bus;
  GstClockTime latency, before; /* of the query, and of that before */
  GstClockTime block;           /* of the microphone */
  const gchar *what;
  /* written by the thread that pushes into the queue, and by the speaker's */
  GstClockTime pts[2 * MOST_PACKETS];   /* of what comes */
  gint come, heard;
  GstClockTimeDiff slowest;     /* from the time stamp to the queue, at most */
  gint late;                    /* of those heard, so many at another time than the sink's */
  gint clicks;
  GstClockTimeDiff worst;       /* of a click's latency from that of the query */
  /* the network */
  GstPad *wire, *sink;          /* of the payloader and the depayloader */
  GstBuffer *sent[MOST_PACKETS];
  GstClockTime due[MOST_PACKETS];       /* when it arrives; NONE: it is lost */
  gint packets, arrived;
  gboolean jitter_buffer;
  gint out;                     /* packets and reports of losses from the jitter buffer */
};

static GstClockTime
now (struct call *c)
{
  return gst_clock_get_time (GST_CLOCK (c->clock));
}

/* --- Probes ----------------------------------------------------------------------- */

static GstPadProbeReturn
on_come (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  struct call *c = data;
  const GstClockTime pts = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));

  (void) pad;
  if (c->come == (gint) G_N_ELEMENTS (c->pts))
    return GST_PAD_PROBE_DROP;
  c->slowest = MAX (c->slowest, GST_CLOCK_DIFF (pts, now (c)));
  c->pts[c->come] = pts;
  g_atomic_int_inc (&c->come);
  return GST_PAD_PROBE_OK;
}

static void
on_heard (GstElement * sink, GstBuffer * buf, GstPad * pad, gpointer data)
{
  struct call *c = data;
  const GstClockTime at = now (c), pts = GST_BUFFER_PTS (buf);
  gint best = 0;
  GstMapInfo map;

  (void) sink;
  (void) pad;
  c->late += at != pts + c->latency && at != pts + c->before;
  gst_buffer_map (buf, &map, GST_MAP_READ);
  for (gint i = 1; i < (gint) (map.size / sizeof (gfloat)); i++)
    if (fabsf (((gfloat *) map.data)[i]) > fabsf (((gfloat *) map.data)[best]))
      best = i;
  if (fabsf (((gfloat *) map.data)[best]) > 0.3f) {
    /* the click of the source that is nearest in the time of the samples */
    const gint64 heard = gst_util_uint64_scale_round (pts, TELU_RATE, GST_SECOND) + best;
    const gint64 clicked = (heard + CLICK / 2) / CLICK * CLICK;
    const GstClockTimeDiff latency = at + tc_time (best) - tc_time (clicked);

    c->clicks++;
    c->worst = MAX (c->worst, ABS (latency - (GstClockTimeDiff) c->latency));
  }
  gst_buffer_unmap (buf, &map);
  g_atomic_int_inc (&c->heard);
}

static GstPadProbeReturn
on_out (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  struct call *c = data;

  (void) pad;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER
      || gst_event_has_name (GST_PAD_PROBE_INFO_EVENT (info), "GstRTPPacketLost"))
    g_atomic_int_inc (&c->out);
  return GST_PAD_PROBE_OK;
}

/* Keeps a sent packet until the network delivers it. */
static GstPadProbeReturn
on_sent (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  struct call *c = data;
  GstBuffer *buf = GST_PAD_PROBE_INFO_BUFFER (info);

  (void) pad;
  if (c->packets > c->arrived && c->sent[c->arrived] == buf)
    return GST_PAD_PROBE_OK;
  if (c->packets < MOST_PACKETS) {
    if (GST_CLOCK_TIME_IS_VALID (c->due[c->packets]))
      c->due[c->packets] += now (c);
    c->sent[c->packets++] = gst_buffer_ref (buf);
  }
  return GST_PAD_PROBE_DROP;
}

/* --- Time ------------------------------------------------------------------------- */

/* Returns whether the clock has a wait for that time. */
static gboolean
is_awaited (struct call *c, GstClockTime time)
{
  GList *list = NULL;
  gboolean found = FALSE;

  if (gst_test_clock_peek_id_count (c->clock) == 0)
    return FALSE;
  gst_test_clock_wait_for_multiple_pending_ids (c->clock, 0, &list);
  for (GList * l = list; l; l = l->next)
    found |= gst_clock_id_get_time (l->data) == time;
  g_list_free_full (list, (GDestroyNotify) gst_clock_id_unref);
  return found;
}

/* Returns whether no thread but this has anything to do before the clock goes on. */
static gboolean
is_quiet (struct call *c)
{
  gboolean sounds, quiet;
  gint heard, out;

  GST_PAD_STREAM_LOCK (c->sink);        /* nothing is on its way to the queue */
  heard = g_atomic_int_get (&c->heard);
  sounds = heard < g_atomic_int_get (&c->come);
  quiet = !sounds || is_awaited (c, c->pts[heard] + c->latency)
      || is_awaited (c, c->pts[heard] + c->before);
  out = c->out;
  GST_PAD_STREAM_UNLOCK (c->sink);
  /* A jitter buffer waits for the first packet's time, or that of a lost one in front of others. */
  for (gint k = out; c->jitter_buffer && k < c->arrived && quiet; k++)
    if (GST_CLOCK_TIME_IS_VALID (c->due[k]))
      quiet = (out == 0 || k > out)
          && gst_test_clock_peek_id_count (c->clock) >= (guint) sounds + 1;
  return quiet;
}

static void
settle (struct call *c)
{
  const gint64 end = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;

  while (!is_quiet (c)) {
    if (g_get_monotonic_time () > end) {
      CHECK (FALSE, "%s: stuck at %" GST_TIME_FORMAT ": %d of %d heard, %d of %d out", c->what,
          GST_TIME_ARGS (now (c)), c->heard, c->come, c->out, c->arrived);
      exit (1);
    }
    g_usleep (50);
  }
}

/* Lets all happen that others wait for until then. */
static void
go_to (struct call *c, GstClockTime time)
{
  GstClockTime next;

  settle (c);
  while ((next = gst_test_clock_get_next_entry_time (c->clock)) <= time) {
    if (next > now (c))
      gst_test_clock_set_time (c->clock, next);
    gst_clock_id_unref (gst_test_clock_process_next_clock_id (c->clock));
    settle (c);
  }
  if (time > now (c))
    gst_test_clock_set_time (c->clock, time);
}

/* Asks for the latency, and tells it to the sink, as an application does at a message. */
static void
ask_latency (struct call *c)
{
  GstQuery *query = gst_query_new_latency ();
  gboolean live = FALSE;
  GstClockTime latency;

  CHECK (gst_element_query (c->h->element, query), "%s: no latency", c->what);
  gst_query_parse_latency (query, &live, &latency, NULL);
  if (latency != c->latency)
    c->before = c->latency;
  c->latency = latency;
  CHECK (live, "%s: not live", c->what);
  gst_element_send_event (c->h->element, gst_event_new_latency (c->latency));
  gst_query_unref (query);
}

static void
follow_latency (struct call *c)
{
  GstMessage *message = tc_message (c->bus, GST_MESSAGE_LATENCY);

  if (message)
    ask_latency (c);
  for (; message; message = tc_message (c->bus, GST_MESSAGE_LATENCY))
    gst_message_unref (message);
}

/* Delivers what the network has until then. */
static void
deliver (struct call *c, GstClockTime time)
{
  while (c->arrived < c->packets) {
    const GstClockTime due = c->due[c->arrived];

    if (GST_CLOCK_TIME_IS_VALID (due)) {
      if (due > time)
        return;
      go_to (c, MAX (due, now (c)));
      gst_pad_push (c->wire, gst_buffer_ref (c->sent[c->arrived]));
    }
    c->arrived++;
    settle (c);
    follow_latency (c);
  }
}

/* --- A call ------------------------------------------------------------------------ */

static GstPad *
pad_of (struct call *c, const gchar * element, const gchar * pad)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (c->h->element), element);
  GstPad *found = gst_element_get_static_pad (e, pad);

  gst_object_unref (e);
  return found;
}

static void
watch (struct call *c, const gchar * element, const gchar * pad, GstPadProbeType type,
    GstPadProbeCallback callback)
{
  GstPad *p = pad_of (c, element, pad);

  gst_pad_add_probe (p, type, callback, c, NULL);
  gst_object_unref (p);
}

/* Makes the call of a pipeline between microphone and queue; its payloader is named pay. */
static struct call *
begin (const gchar * pipeline, guint block)
{
  struct call *c = g_new0 (struct call, 1);
  gchar *text = g_strdup_printf ("%s ! queue name=queue max-size-buffers=0 max-size-time=0 "
      "max-size-bytes=0 ! fakesink name=speaker signal-handoffs=true processing-deadline=0",
      pipeline);
  GstElement *speaker;

  c->what = pipeline;
  c->block = tc_time (block);
  c->h = gst_harness_new_parse (text);
  gst_harness_use_testclock (c->h);
  c->clock = gst_harness_get_testclock (c->h);
  gst_harness_set_upstream_latency (c->h, c->block);
  gst_harness_set_src_caps_str (c->h, RAW_CAPS ("F32LE"));
  watch (c, "queue", "sink", GST_PAD_PROBE_TYPE_BUFFER, on_come);
  c->sink = pad_of (c, "depay", "sink");
  speaker = gst_bin_get_by_name (GST_BIN (c->h->element), "speaker");
  g_object_set (speaker, "sync", TRUE, NULL);   /* a harness takes it from sinks */
  g_signal_connect (speaker, "handoff", G_CALLBACK (on_heard), c);
  gst_object_unref (speaker);
  c->bus = tc_watch (c->h);
  ask_latency (c);
  g_free (text);
  return c;
}

/* Adds the network: packet k arrives after delay (k), or is lost. */
static void
add_network (struct call *c, GstClockTime (*delay) (gint k))
{
  GstElement *buffer = gst_bin_get_by_name (GST_BIN (c->h->element), "buffer");

  c->wire = pad_of (c, "pay", "src");
  c->jitter_buffer = buffer != NULL;
  for (gint k = 0; k < MOST_PACKETS; k++)
    c->due[k] = delay (k);
  watch (c, "pay", "src", GST_PAD_PROBE_TYPE_BUFFER, on_sent);
  if (buffer)
    watch (c, "depay", "sink", GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        on_out);
  gst_clear_object (&buffer);
}

/* Speaks clicks for so many samples. */
static void
speak (struct call *c, gint n, gint block)
{
  gfloat *pcm = tc_signal (SAMPLES);

  for (gint i = 0; i < SAMPLES; i++)
    pcm[i] = i > 0 && i % CLICK == 0 ? 0.8f : 0.1f * pcm[i];
  for (gint i = 0; i < n; i += block) {
    const gint length = MIN (block, n - i);

    deliver (c, tc_time (i + length));
    go_to (c, tc_time (i + length));
    CHECK (gst_harness_push (c->h, tc_raw_buffer (pcm, i, length, FALSE)) == GST_FLOW_OK,
        "%s: sample %d", c->what, i);
    follow_latency (c);
    settle (c);
  }
  g_free (pcm);
}

/* Ends the call. Checks that clicks were heard at the time that the query tells, and, if `needed`,
 * that the slowest sound needs that time but for 2 ms. */
static void
end (struct call *c, GstClockTime expected, gboolean needed)
{
  const GstClockTimeDiff latency = c->latency, slowest = c->slowest;

  deliver (c, GST_CLOCK_TIME_NONE - 1);
  go_to (c, now (c) + GST_SECOND);
  CHECK (c->latency == expected, "%s: the query says %.2f ms, expected %.2f", c->what,
      c->latency / 1e6, expected / 1e6);
  CHECK (c->clicks >= SAMPLES / CLICK * 7 / 10, "%s: %d clicks are heard", c->what, c->clicks);
  CHECK (c->worst <= NEAR, "%s: a click is %.2f ms off the query", c->what, c->worst / 1e6);
  CHECK (c->late == 0 && c->heard == c->come, "%s: of %d buffers %d are heard, %d at another time",
      c->what, c->come, c->heard, c->late);
  CHECK (!needed || (slowest <= latency && slowest + NEAR >= latency),
      "%s: a sound takes %.2f ms, the query says %.2f", c->what, slowest / 1e6, latency / 1e6);

  gst_clear_object (&c->wire);
  gst_object_unref (c->sink);
  for (gint k = 0; k < c->packets; k++)
    gst_buffer_unref (c->sent[k]);
  gst_object_unref (c->clock);
  tc_unwatch (c->h, c->bus);
  gst_harness_teardown (c->h);
  g_free (c);
}

#define CODED "telucodecenc bitrate=24000 ! rtptelucodecpay name=pay "
#define HEARD "! rtptelucodecdepay name=depay ! telucodecdec"

/* Blocks as of sound cards, none of which ends where a packet does. */
static void
test_direct (void)
{
  static const guint blocks[] = { 16, 112, 161, 209 };

  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++) {
    struct call *c = begin (CODED "redundancy=0 " HEARD, blocks[i]);

    speak (c, SAMPLES, blocks[i]);
    end (c, c->block + 25 * GST_MSECOND, TRUE);
  }
}

/* Several packets in a payload: the first ones wait for the last. */
static void
test_several_packets (void)
{
  struct call *c = begin (CODED "redundancy=0 min-ptime=60000000 " HEARD, 16);

  speak (c, SAMPLES, 16);
  end (c, 66 * GST_MSECOND, TRUE);
}

/* A network that loses three packets in ten, each of which is healed by a head 60 ms later. */
static GstClockTime
losing (gint k)
{
  return k % 10 >= 4 && k % 10 < 7 && k > 20 ? GST_CLOCK_TIME_NONE : 0;
}

static void
test_heads (void)
{
  struct call *c = begin (CODED "redundancy=31 redundancy-distance=3 " HEARD, 16);

  add_network (c, losing);
  speak (c, SAMPLES, 16);
  end (c, 86 * GST_MSECOND, TRUE);
}

/* A network that delays packets by up to 59 ms, which a jitter buffer of 60 takes. */
static GstClockTime
jittering (gint k)
{
  return k * 37 % 60 * GST_MSECOND;
}

static GstClockTime
losing_and_jittering (gint k)
{
  return GST_CLOCK_TIME_IS_VALID (losing (k)) ? jittering (k) : losing (k);
}

static void
test_jitter_buffer (void)
{
  GstElementFactory *buffer = gst_element_factory_find ("rtpjitterbuffer");
  struct call *c;

  if (!buffer) {
    g_print ("latency: no rtpjitterbuffer here, not tried\n");
    return;
  }
  gst_object_unref (buffer);
  c = begin (CODED "redundancy=0 ! rtpjitterbuffer name=buffer latency=60 do-lost=true " HEARD,
      112);
  add_network (c, jittering);
  speak (c, SAMPLES, 112);
  end (c, c->block + 85 * GST_MSECOND, FALSE);
  c = begin (CODED "redundancy=31 redundancy-distance=3 ! rtpjitterbuffer name=buffer latency=60 "
      "do-lost=true " HEARD, 112);
  add_network (c, losing_and_jittering);
  speak (c, SAMPLES, 112);
  end (c, c->block + 145 * GST_MSECOND, FALSE);
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_direct ();
  test_several_packets ();
  test_heads ();
  test_jitter_buffer ();
  return tc_done ("latency");
}
