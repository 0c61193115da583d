/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_events.c - every element between a source that sends events in any order and a
 * filesink: the file holds the samples sent since the last flush. */
#include "gst_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL " ! filesink name=sink async=false sync=false"
#define RAW " ! telucodecdec ! audio/x-raw,format=S16LE" TAIL
#define GAP 3200                /* samples of a GAP event */

/* Samples that the borders of one run may add or take: packet and delay. */
#define SLACK (TELU_PACKET + TELU_DELAY)

static const struct chain
{
  const gchar *elements;
  gboolean tlc;                 /* the file is a .tlc, else S16 samples */
  gboolean before, after;       /* a gap before or after all samples is heard */
} chains[] = {
  {"telucodecenc name=first ! telucodecmux" TAIL, TRUE, FALSE, FALSE},
  {"telucodecenc name=first ! telucodecmux max-page-duration=100000000" TAIL, TRUE, FALSE, FALSE},
  {"telucodecenc name=first" RAW, FALSE, TRUE, TRUE},
  {"telucodecenc name=first ! telucodecmux ! telucodecparse" RAW, FALSE, FALSE, FALSE},
  {"telucodecenc name=first ! telucodectransrate max-bitrate=4000" RAW, FALSE, TRUE, TRUE},
  {"telucodecenc name=first ! rtptelucodecpay ! rtptelucodecdepay" RAW, FALSE, FALSE, TRUE},
};

struct source
{
  GstPad *pad;
  gfloat *pcm;                  /* one buffer may begin anywhere in it */
  gint64 at;                    /* samples since the last flush, gaps included */
  gint64 from, to;              /* of these, first and last of a buffer; -1: none */
  gint runs;                    /* of the encoder since the last flush */
  gint streams;
  gboolean s16;
};

static void
send_caps (struct source *s)
{
  GstCaps *caps = gst_caps_from_string (s->s16 ? RAW_CAPS ("S16LE") :
      RAW_CAPS ("F32LE"));

  gst_pad_push_event (s->pad, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  s->runs++;
}

/* The time stamps go on, and so does the running time. */
static void
send_segment (struct source *s)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.base = tc_time (s->at);
  gst_pad_push_event (s->pad, gst_event_new_segment (&segment));
  s->runs++;
}

static void
send_start (struct source *s)
{
  gchar *id = g_strdup_printf ("stream-%d", s->streams++);

  gst_pad_push_event (s->pad, gst_event_new_stream_start (id));
  g_free (id);
}

static void
send_samples (struct source *s, gint n)
{
  GstBuffer *buf = tc_raw_buffer (s->pcm, 0, n, s->s16);

  GST_BUFFER_PTS (buf) = tc_time (s->at);
  gst_pad_push (s->pad, buf);
  if (s->from < 0)
    s->from = s->at;
  s->at += n;
  s->to = s->at;
}

/* f flush, F flush without a reset of the time, N segment, S stream, C other caps, g gap,
 * e end of stream, b samples of 200 ms, o more than a packet */
static void
send (struct source *s, gchar what)
{
  switch (what) {
    case 'f':
    case 'F':
      gst_pad_push_event (s->pad, gst_event_new_flush_start ());
      gst_pad_push_event (s->pad, gst_event_new_flush_stop (what == 'f'));
      s->at = s->runs = 0;
      s->from = s->to = -1;
      send_segment (s);
      break;
    case 'N':
      send_segment (s);
      break;
    case 'S':
      send_start (s);
      send_caps (s);
      send_segment (s);
      break;
    case 'C':
      s->s16 = !s->s16;
      send_caps (s);
      break;
    case 'g':
      gst_pad_push_event (s->pad, gst_event_new_gap (tc_time (s->at),
              tc_time (GAP)));
      s->at += GAP;
      s->runs++;
      break;
    case 'e':
      gst_pad_push_event (s->pad, gst_event_new_eos ());
      s->runs++;
      break;
    case 'o':
      send_samples (s, TELU_PACKET + 123);
      break;
    default:
      for (gint i = 0; i < 10; i++)
        send_samples (s, TELU_PACKET);
  }
}

/* Returns the samples of a .tlc file of whole pages only, which may hold several streams; -1
 * with a reason. */
static gint64
tlc_samples (const guint8 * data, gsize size, gchar * why)
{
  TlcPage *page = g_new (TlcPage, 1);
  gint64 samples = 0;
  gsize at = 0, used, work = TLC_WORK;
  TlcHeader header;

  while (at < size && samples >= 0) {
    gint64 next = 0;

    page->last = FALSE;
    if (tlc_header_read (&header, data + at, size - at, why) != TLC_OK) {
      samples = -1;
      break;
    }
    at += TLC_HEADER_SIZE;
    if (tlc_tags_read (data + at, size - at, &used, &work, why) == TLC_OK)
      at += used;
    while (at < size && !page->last) {
      if (tlc_page_read (page, data + at, size - at, &used, why) != TLC_OK
          || page->index < next) {
        samples = -1;
        goto end;
      }
      at += used;
      next = (gint64) page->index + page->count;
    }
    next = page->count ? next * TELU_PACKET - header.pre_skip - page->trim : 0;
    if (!page->last || next != (gint64) header.samples) {
      g_snprintf (why, TLC_WHY, "%d samples by the header, %d by the last page",
          (gint) header.samples, (gint) next);
      samples = -1;
      break;
    }
    samples += next;
  }
end:
  g_free (page);
  return samples;
}

static void
expect_file (const struct chain *chain, const gchar * path, const struct source *s,
    const gchar * script)
{
  const gint64 want = (chain->after ? s->at : s->to) - (chain->before ? 0 : s->from);
  gchar why[TLC_WHY] = "";
  gchar *data = NULL;
  gsize size = 0;
  gint64 got;

  g_file_get_contents (path, &data, &size, NULL);
  got = chain->tlc ? tlc_samples ((guint8 *) data, size, why) : (gint64) size / 2;
  CHECK (ABS (got - want) <= s->runs * SLACK, "%s: \"%s\": %d samples, expected %d; %s",
      chain->elements, script, (gint) got, (gint) want, why);
  g_free (data);
}

static void
check_script (const struct chain *chain, const gchar * script)
{
  GstElement *pipeline = gst_parse_launch (chain->elements, NULL), *first, *sink;
  struct source s = { gst_pad_new ("src", GST_PAD_SRC), tc_signal (2 * TELU_PACKET) };
  gchar *path = tc_path ("events");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  GstPad *pad;

  first = gst_bin_get_by_name (GST_BIN (pipeline), "first");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  pad = gst_element_get_static_pad (first, "sink");
  g_object_set (sink, "location", path, NULL);
  gst_pad_set_active (s.pad, TRUE);
  CHECK (gst_pad_link (s.pad, pad) == GST_PAD_LINK_OK, "no link");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);

  s.from = s.to = -1;
  send_start (&s);
  send_caps (&s);
  send_segment (&s);
  for (const gchar * c = script; *c; c++)
    send (&s, *c);
  send (&s, 'e');
  gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
  message = gst_bus_timed_pop_filtered (bus, 10 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  CHECK (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "%s: \"%s\": %s", chain->elements, script,
      message ? GST_MESSAGE_TYPE_NAME (message) : "no end");
  gst_clear_message (&message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  expect_file (chain, path, &s, script);

  gst_pad_unlink (s.pad, pad);
  gst_object_unref (s.pad);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (first);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (s.pcm);
  g_free (path);
}

/* Checks that the muxer's stream is another than the encoder's: one STREAM_START, and a name of
 * its own. */
static void
test_stream_start (void)
{
  GstHarness *h = gst_harness_new_parse ("telucodecenc ! telucodecmux");
  gfloat *pcm = tc_signal (TELU_PACKET);
  const gchar *id;
  GstEvent *event;
  gint starts = 0;

  gst_harness_push_event (h, gst_event_new_stream_start ("theirs"));
  gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
  gst_harness_push (h, tc_raw_buffer (pcm, 0, TELU_PACKET, FALSE));
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
      gst_event_parse_stream_start (event, &id);
      CHECK (!strstr (id, "theirs"), "STREAM_START of upstream: %s", id);
      starts++;
    }
    gst_event_unref (event);
  }
  CHECK (starts == 1, "%d STREAM_START", starts);
  gst_harness_teardown (h);
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  static const gchar events[] = "fFNSCg";
  static const gchar *const scripts[] = {
    "", "b", "o", "bbbbf", "fb", "bfbfb", "bfof", "ofo", "bgbgb", "gb", "bg", "bfgb",
    "bNfNb", "bCfCb", "bSfSb", "oNoNoNo", "oCoCoCo", "befb", "beFob",
    "bbbbbbbbbbbbbbbbbbbbfbbbb",
  };

  tc_init (&argc, &argv);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL);
  for (guint i = 0; i < G_N_ELEMENTS (chains); i++) {
    for (guint k = 0; k < G_N_ELEMENTS (scripts); k++)
      check_script (&chains[i], scripts[k]);
    for (const gchar * a = events; *a; a++) {
      for (const gchar * b = events; *b; b++) {
        const gchar script[] = { 'b', *a, 'o', *b, 'b', '\0' };

        check_script (&chains[i], script);
      }
    }
  }
  test_stream_start ();
  return tc_done ("test_gst_events");
}
