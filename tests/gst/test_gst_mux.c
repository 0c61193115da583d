/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_mux.c - telucodecmux, buffer by buffer: bytes of the file, holes, flushes, second
 * streams, several files of one stream, refused input, and what a file adds to its packets. */
#include "gst_file.h"
#include "tlc_walk.h"

#include <gst/app/gstappsrc.h>
#include <stdio.h>
#include <string.h>

#define CAPS "audio/x-telucodec,framed=true,rate=16000,channels=1," \
    "model-id=(string)"

static GstHarness *
muxer (GstBus ** bus)
{
  GstHarness *h = gst_harness_new ("telucodecmux");
  gchar *caps = tc_coded_caps ();

  *bus = gst_bus_new ();
  gst_element_set_bus (h->element, *bus);
  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

static GByteArray *
all_bytes (GstHarness * h)
{
  GByteArray *file = g_byte_array_new ();
  GstBuffer *buf;

  while ((buf = gst_harness_try_pull (h))) {
    GstMapInfo map;

    CHECK (GST_BUFFER_OFFSET (buf) == file->len, "offset %" G_GUINT64_FORMAT
        ", expected %u", GST_BUFFER_OFFSET (buf), file->len);
    gst_buffer_map (buf, &map, GST_MAP_READ);
    g_byte_array_append (file, map.data, map.size);
    gst_buffer_unmap (buf, &map);
    gst_buffer_unref (buf);
  }
  return file;
}

static void
test_mux (GPtrArray * packets, gint n, guint64 duration, guint per_page)
{
  GByteArray *want = file_make (packets, n, per_page, TLC_UNKNOWN), *got;
  GstBus *bus;
  GstHarness *h = muxer (&bus);
  GstClockTime latency;

  g_object_set (h->element, "max-page-duration", duration, NULL);
  latency = gst_harness_query_latency (h);
  CHECK (latency == per_page * 20 * GST_MSECOND, "latency %" GST_TIME_FORMAT,
      GST_TIME_ARGS (latency));
  for (guint k = 0; k < packets->len; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, n));
  gst_harness_push_event (h, gst_event_new_eos ());
  got = all_bytes (h);
  CHECK (got->len == want->len && memcmp (got->data, want->data, got->len) == 0,
      "%u samples, %u packets per page: %u bytes, expected %u", n, per_page,
      got->len, want->len);
  file_expect_no_error (bus, "mux");
  file_done (h, bus);
  g_byte_array_unref (got);
  g_byte_array_unref (want);
}

/* Leaves packets [from, to) out, with a GAP event or without. The file must have that gap,
 * short or long. */
static void
test_mux_hole (GPtrArray * packets, gint n, guint from, guint to, gint64 more,
    gboolean event)
{
  const gint64 begin = from * TELU_PACKET - TELU_DELAY;
  const gint64 end = to * TELU_PACKET - TELU_DELAY + more * TELU_PACKET;
  gchar *what = g_strdup_printf ("hole %u .. %u + %d", from, to, (gint) more);
  GByteArray *file, *whole = file_make (packets, n, 160, n);
  GstBus *bus;
  GstHarness *h = muxer (&bus);

  for (guint k = 0; k < packets->len; k++) {
    GstBuffer *buf = tc_packet_buffer (packets, k, n);

    if (k >= to)
      GST_BUFFER_PTS (buf) += tc_time (more * TELU_PACKET);
    if (k == from && event)
      gst_harness_push_event (h, gst_event_new_gap (tc_time (begin),
              tc_time (end) - tc_time (begin)));
    if (k >= from && k < to)
      gst_buffer_unref (buf);
    else
      gst_harness_push (h, buf);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  file = all_bytes (h);
  file_done (h, bus);
  CHECK (file->len < whole->len + 200, "%s: %u bytes, %u without it", what,
      file->len, whole->len);
  g_byte_array_unref (whole);

  h = file_parser (&bus);
  file_feed (h, file->data, file->len, 4096);
  file_expect_packets (h, packets, n, 0, from, 0, what);
  if (more == 0)
    file_expect_packets (h, packets, n, to, packets->len, 0, what);
  else
    CHECK (gst_harness_buffers_in_queue (h) == packets->len - to, "%s: %u behind",
        what, gst_harness_buffers_in_queue (h));
  file_expect_gap (h, begin, end, what);
  file_expect_no_error (bus, what);
  file_done (h, bus);
  g_byte_array_unref (file);
  g_free (what);
}

/* Checks that a flush begins the file anew, with a header, and byte and packet 0. */
static void
test_mux_flush (GPtrArray * packets, gint n)
{
  GByteArray *want = file_make (packets, n, 160, TLC_UNKNOWN), *got;
  GstSegment segment;
  GstBuffer *buf;
  GstBus *bus;
  GstHarness *h = muxer (&bus);

  gst_segment_init (&segment, GST_FORMAT_TIME);
  for (guint k = 0; k < 170; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, n));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  while ((buf = gst_harness_try_pull (h)))
    gst_buffer_unref (buf);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (guint k = 0; k < packets->len; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, n));
  gst_harness_push_event (h, gst_event_new_eos ());
  got = all_bytes (h);
  CHECK (got->len == want->len && memcmp (got->data, want->data, got->len) == 0,
      "after a flush: %u bytes, expected %u", got->len, want->len);
  file_expect_no_error (bus, "flush");
  file_done (h, bus);
  g_byte_array_unref (got);
  g_byte_array_unref (want);
}

/* Checks that a stream behind the end of another is written behind it, as a whole. */
static void
test_mux_second_stream (GPtrArray * packets, gint n)
{
  GByteArray *want = file_make (packets, n, 160, TLC_UNKNOWN), *got;
  GstSegment segment;
  GstBus *bus;
  GstHarness *h = muxer (&bus);

  gst_segment_init (&segment, GST_FORMAT_TIME);
  for (gint stream = 0; stream < 2; stream++) {
    gst_harness_push_event (h, gst_event_new_stream_start ("a"));
    gst_harness_push_event (h, gst_event_new_segment (&segment));
    for (guint k = 0; k < packets->len; k++)
      gst_harness_push (h, tc_packet_buffer (packets, k, n));
    gst_harness_push_event (h, gst_event_new_eos ());
  }
  got = all_bytes (h);
  CHECK (got->len == 2 * want->len
      && memcmp (got->data, want->data, want->len) == 0
      && memcmp (got->data + want->len, want->data, want->len) == 0,
      "two streams: %u bytes, expected two times %u", got->len, want->len);
  file_done (h, bus);
  g_byte_array_unref (got);
  g_byte_array_unref (want);
}

static void
test_mux_errors (void)
{
  static guint8 zeros[TLC_MAX_PACKET + 1];
  GstBus *bus;
  GstHarness *h = muxer (&bus);

  CHECK (gst_harness_push (h, gst_buffer_new_memdup (zeros, sizeof (zeros))) ==
      GST_FLOW_ERROR, "a packet of %zu bytes", sizeof (zeros));
  tc_expect_error (bus, "long packet", GST_STREAM_ERROR, GST_STREAM_ERROR_MUX,
      "1001 bytes");
  gst_harness_push (h, gst_buffer_new_memdup (zeros, 30));
  gst_harness_set_src_caps_str (h, CAPS
      "0000000000000000000000000000000000000000000000000000000000000001");
  tc_expect_error (bus, "changed weights", GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "changed");
  file_done (h, bus);

  h = muxer (&bus);
  gst_harness_set_src_caps_str (h, CAPS "123");
  tc_expect_error (bus, "bad id", GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      "64 hexadecimal digits");
  file_done (h, bus);
}

/* Checks that a file without packets is valid. */
static void
test_empty (void)
{
  GByteArray *file;
  GstBus *bus;
  GstHarness *h = muxer (&bus);
  GstEvent *event;
  gboolean eos = FALSE;

  gst_harness_push_event (h, gst_event_new_eos ());
  file = all_bytes (h);
  CHECK (file->len == TLC_HEADER_SIZE + TLC_PAGE_MIN + 2, "%u bytes", file->len);
  file_done (h, bus);

  h = file_parser (&bus);
  file_feed (h, file->data, file->len, 4096);
  file_expect_no_more (h, "empty");
  file_expect_no_error (bus, "empty");
  while ((event = gst_harness_try_pull_event (h))) {
    eos |= GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  CHECK (eos, "empty: no EOS");
  file_done (h, bus);
  g_byte_array_unref (file);
}

/* --- Silences at the ends of a file ------------------------------------------- */

/* Tells a silence of the sender between two packets, to the second one. */
static void
push_silence (GstHarness * h, guint from, guint to)
{
  const GstClockTime begin = tc_time (from * TELU_PACKET - TELU_DELAY);
  GstEvent *event = gst_event_new_gap (begin, tc_time (to * TELU_PACKET - TELU_DELAY) - begin);

  gst_structure_set (gst_event_writable_structure (event), "telucodec-silence", G_TYPE_BOOLEAN,
      TRUE, NULL);
  gst_harness_push_event (h, event);
}

/* Checks that a file can begin and end with a silence: as the part of a split recording it would
 * else be shorter than what was recorded. Two such files behind each other have one between. */
static void
test_silent_ends (GPtrArray * packets, gint n)
{
  static const guint gaps[2][3][2] = { {{0, 10}, {30, 12}}, {{0, 10}, {30, 22}, {72, 12}} };
  GByteArray *file;
  GstBus *bus;
  GstHarness *h = muxer (&bus);

  push_silence (h, 10, 15);
  push_silence (h, 15, 20);
  for (guint k = 20; k < 40; k++)
    gst_harness_push (h, tc_packet_buffer (packets, k, n));
  push_silence (h, 40, 46);
  push_silence (h, 46, 52);
  gst_harness_push_event (h, gst_event_new_eos ());
  file = all_bytes (h);
  file_done (h, bus);

  for (guint files = 1; files <= 2; files++) {
    guint found = 0;
    GstEvent *event;
    gint64 length;

    h = file_parser (&bus);
    file_feed (h, file->data, file->len, 4096);
    file_expect_packets (h, packets, n, 20, 40, 10 * TELU_PACKET - TELU_DELAY, "silent ends");
    CHECK (gst_harness_buffers_in_queue (h) == (files - 1) * 20, "%u more packets",
        gst_harness_buffers_in_queue (h));
    while ((event = gst_harness_try_pull_event (h))) {
      GstClockTime time, duration;

      if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
        gst_event_parse_gap (event, &time, &duration);
        CHECK (found < 1 + files && time == gaps[files - 1][found][0] * 20 * GST_MSECOND
            && duration == gaps[files - 1][found][1] * 20 * GST_MSECOND
            && gst_structure_has_field (gst_event_get_structure (event), "telucodec-silence"),
            "%u files: gap %u at %" GST_TIME_FORMAT " of %" GST_TIME_FORMAT, files, found,
            GST_TIME_ARGS (time), GST_TIME_ARGS (duration));
        found++;
      }
      gst_event_unref (event);
    }
    CHECK (found == 1 + files, "%u files: %u gaps", files, found);
    CHECK (gst_element_query_duration (h->element, GST_FORMAT_TIME, &length)
        && length == (gint64) files * 42 * 20 * GST_MSECOND, "%u files: %" GST_TIME_FORMAT, files,
        GST_TIME_ARGS (length));
    file_expect_no_error (bus, "silent ends");
    CHECK (!tc_message (bus, GST_MESSAGE_WARNING), "%u files: a warning", files);
    file_done (h, bus);
    if (files == 1) {
      g_byte_array_set_size (file, 2 * file->len);
      memcpy (file->data + file->len / 2, file->data, file->len / 2);
    }
  }
  g_byte_array_unref (file);
}

/* --- Several files of one stream --------------------------------------------- */

struct part
{
  struct walk walk;             /* first, so that take_page() finds the rest */
  GPtrArray *packets;           /* of the whole stream; NULL: they are not looked at */
  guint next;                   /* of these */
  guint missing;                /* packets in the files */
  guint64 first;                /* packet of the file */
};

static void
take_page (struct walk *w, const TlcPage * page, int cut)
{
  struct part *p = (struct part *) w;
  const guint8 *at = page->data;

  CHECK (!cut && page->index == p->next - p->first, "page %u of packet %u", page->index, p->next);
  for (guint i = 0; i < page->count; i++)
    p->missing += page->length[i] == 0;
  if (!p->packets)
    p->next += page->count;
  for (guint i = 0; i < page->count && p->packets; at += page->length[i++], p->next++)
    CHECK (p->next < p->packets->len
        && page->length[i] == g_bytes_get_size (g_ptr_array_index (p->packets, p->next))
        && memcmp (at, g_bytes_get_data (g_ptr_array_index (p->packets, p->next), NULL),
            page->length[i]) == 0, "packet %u in a part is another", p->next);
}

/* Records into files of a second: each is whole, and together they have all packets and samples,
 * and as many are missing as there are silences. */
static void
test_split (GPtrArray * packets, const gfloat * pcm, gint n, const gchar * properties)
{
  gchar *pattern = tc_path ("part%d.tlc");
  gchar *line = g_strdup_printf ("appsrc name=src format=time caps=\"" RAW_CAPS ("F32LE")
      "\" ! telucodecenc %s ! splitmuxsink muxer=telucodecmux max-size-time=1000000000 "
      "location=%s", properties, pattern);
  GstElement *pipeline = gst_parse_launch (line, NULL), *src;
  const guint all = (n + TELU_DELAY + TELU_PACKET - 1) / TELU_PACKET;
  struct part p = { {.take = take_page }, packets, 0, 0, 0 };
  guint64 samples = 0;
  GstMessage *message;
  GstBus *bus;
  gint parts = 0;
  gchar *path, *data;
  gsize size;

  if (!CHECK (pipeline, "no splitmuxsink"))
    return;
  src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (gint at = 0; at < n; at += TELU_PACKET)
    gst_app_src_push_buffer (GST_APP_SRC (src), tc_raw_buffer (pcm, at, MIN (TELU_PACKET, n - at),
            FALSE));
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  CHECK (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "splitmuxsink does not end");
  gst_clear_message (&message);
  gst_element_set_state (pipeline, GST_STATE_NULL);

  for (;; parts++) {
    TlcHeader header = { 0, };
    char why[TLC_WHY];
    gchar *name = g_strdup_printf ("part%d.tlc", parts);

    path = tc_path (name);
    g_free (name);
    data = NULL;
    if (g_file_get_contents (path, &data, &size, NULL)) {
      CHECK (tlc_header_read (&header, (guint8 *) data, size, why) == TLC_OK
          && header.samples != TLC_UNKNOWN, "part %d: header", parts);
      samples += header.samples;
      p.first = p.next;
      walk_tlc (&p.walk, (guint8 *) data, size);
      remove (path);
    }
    g_free (path);
    if (!data)
      break;
    g_free (data);
  }
  CHECK (parts >= 4 && p.walk.refused == 0, "%d parts, %u damaged places", parts, p.walk.refused);
  CHECK (p.next == all && samples == (guint64) n, "%u packets and %" G_GUINT64_FORMAT
      " samples in %d parts, expected %u and %d", p.next, samples, parts, all, n);
  CHECK (packets ? p.missing == 0 : p.missing > all / 4, "%u packets are missing", p.missing);
  gst_object_unref (src);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (pattern);
}

/* Records a voice with pauses, whose silences are at the ends of some files. */
static void
test_pauses (const gfloat * pcm, gint n)
{
  gfloat *pauses = g_new (gfloat, 3 * n);
  guint32 seed = 1;

  for (gint i = 0; i < 3 * n; i++) {
    seed = seed * 1664525 + 1013904223;
    pauses[i] = 1e-3f * ((seed >> 8) / (gfloat) (1 << 23) - 1);
    if (i / (TELU_RATE / 2) % 5 < 2)
      pauses[i] += pcm[i % n];
  }
  test_split (NULL, pauses, 3 * n, "dtx=true");
  g_free (pauses);
}

/* Checks that the file adds at most 2 % or 200 bit/s, whichever is more. */
static void
test_overhead (gint seconds, gint bitrate)
{
  const gint n = seconds * TELU_RATE;
  struct telu_rate rate = telu_rate_init ();
  gfloat *pcm = tc_signal (n);
  GPtrArray *packets;
  GByteArray *file;
  gdouble payload = 0, added;

  rate.bitrate = bitrate;
  packets = tc_encode (pcm, n, &rate);
  file = file_make (packets, n, 160, n);
  for (guint k = 0; k < packets->len; k++)
    payload += 8.0 * g_bytes_get_size (g_ptr_array_index (packets, k)) / seconds;
  added = 8.0 * file->len / seconds - payload;
  printf ("%d s at %.0f bit/s: the file adds %.0f bit/s\n", seconds, payload, added);
  CHECK (added <= MAX (200.0, 0.02 * payload), "%d s at %.0f bit/s: %.0f bit/s",
      seconds, payload, added);
  g_byte_array_unref (file);
  g_ptr_array_unref (packets);
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  const gint n = 40 * 16000 / 10 + 7;   /* 4 s and a bit: a trim at the end */
  GPtrArray *packets;
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (n);
  packets = tc_encode (pcm, n, NULL);

  test_mux (packets, n, 3200 * GST_MSECOND, 160);
  test_mux (packets, n, 110 * GST_MSECOND, 5);
  test_mux (packets, n, 20 * GST_MSECOND, 1);
  test_mux_hole (packets, n, 30, 31, 0, FALSE);
  test_mux_hole (packets, n, 140, 160, 0, TRUE);
  test_mux_hole (packets, n, 50, 50, 100, FALSE);
  test_mux_hole (packets, n, 100, 110, 100000, TRUE);
  test_mux_flush (packets, n);
  test_mux_second_stream (packets, n);
  test_mux_errors ();
  test_empty ();
  test_silent_ends (packets, n);
  test_split (packets, pcm, n, "");
  test_pauses (pcm, n);
  test_overhead (3, 6000);
  test_overhead (3, 16000);
  test_overhead (5, 16000);
  test_overhead (30, 16000);

  g_ptr_array_unref (packets);
  g_free (pcm);
  return tc_done ("test_gst_mux");
}
