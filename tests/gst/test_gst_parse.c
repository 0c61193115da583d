/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_parse.c - telucodecparse, buffer by buffer: damage in every bit, and streams that are
 * joined in the middle, cut, or behind each other. */
#include "gst_file.h"

#include <string.h>

static void
test_chunks (GPtrArray * packets, gint n)
{
  static const gsize chunks[] = { 1, 13, 48, 50, 4096, 1 << 20 };
  GByteArray *file = file_make (packets, n, 20, n);

  for (guint i = 0; i < G_N_ELEMENTS (chunks); i++) {
    GstBus *bus;
    GstHarness *h = file_parser (&bus);
    GstCaps *caps, *want;
    gchar *text = tc_coded_caps ();

    file_feed (h, file->data, file->len, chunks[i]);
    file_expect_packets (h, packets, n, 0, packets->len, 0, "chunks");
    file_expect_no_more (h, "chunks");
    file_expect_gap (h, 0, 0, "chunks");
    CHECK (file_warnings (bus, "", "chunks") == 0, "a warning");
    file_expect_no_error (bus, "chunks");
    caps = gst_pad_get_current_caps (h->sinkpad);
    want = gst_caps_from_string (text);
    CHECK (caps && gst_caps_is_equal (caps, want), "chunks: caps %s", text);
    gst_clear_caps (&caps);
    gst_caps_unref (want);
    g_free (text);
    file_done (h, bus);
  }
  g_byte_array_unref (file);
}

/* Damages byte `at` of page i. All other pages must come, at their times. */
static void
test_damage (GPtrArray * packets, gint n, gint i, gsize at)
{
  GByteArray *file = file_make (packets, n, 20, n);
  gsize offset = file_page_offset (file, i);
  gchar *word = g_strdup_printf ("byte %" G_GSIZE_FORMAT, offset);
  gchar *what = g_strdup_printf ("page %d damaged at %zu", i, at);
  GstBus *bus;
  GstHarness *h = file_parser (&bus);
  const gint64 resumed = MIN ((i + 1) * 20u, packets->len);

  file->data[offset + at] ^= 0x20;
  file_feed (h, file->data, file->len, 100);
  if (i > 0)
    file_expect_packets (h, packets, n, 0, i * 20, 0, what);
  file_expect_packets (h, packets, n, resumed, packets->len, 0, what);
  file_expect_no_more (h, what);
  file_expect_gap (h, i ? i * 20 * TELU_PACKET - TELU_DELAY : 0,
      resumed < packets->len ? resumed * TELU_PACKET - TELU_DELAY : 0, what);
  CHECK (file_warnings (bus, word, what) == 1, "%s: not one warning", what);
  file_expect_no_error (bus, what);
  file_done (h, bus);
  g_free (what);
  g_free (word);
  g_byte_array_unref (file);
}

/* Flips every bit of a small file, one at a time. */
static void
test_bit_flips (GPtrArray * packets)
{
  GPtrArray *few = g_ptr_array_new ();
  const gint n = 9 * TELU_PACKET;
  TlcPage *cut = g_new (TlcPage, 1);
  GByteArray *file;

  for (guint k = 0; k < 10; k++)
    g_ptr_array_add (few, g_ptr_array_index (packets, k));
  file = file_make (few, n, 4, n);
  for (gsize bit = 0; bit < 8 * file->len; bit += file->len > 1000 ? 3 : 1) {
    const gsize at = bit / 8;
    const gint lost = at < TLC_HEADER_SIZE ? 0 : at < file_page_offset (file, 1) ? 4 :
        at < file_page_offset (file, 2) ? 4 : 2;
    GstBus *bus;
    GstHarness *h = file_parser (&bus);

    file->data[at] ^= 1 << bit % 8;
    file_feed (h, file->data, file->len, 512);
    CHECK ((gint) gst_harness_buffers_in_queue (h) == 10 - lost,
        "bit %zu of byte %zu flipped: %u packets, expected %d", bit % 8, at,
        gst_harness_buffers_in_queue (h), 10 - lost);
    file_expect_no_error (bus, "bit flip");
    file->data[at] ^= 1 << bit % 8;
    file_done (h, bus);
  }

  /* every truncation: whole pages, and the whole packets of the cut one */
  for (gsize size = 0; size < file->len; size += 7) {
    const gint pages = size < file_page_offset (file, 1) ? 0 :
        size < file_page_offset (file, 2) ? 1 : 2;
    const gsize at = file_page_offset (file, pages);
    const gint whole = 4 * pages + (size < at ? 0 : (gint) tlc_page_cut (cut,
            file->data + at, size - at));
    GstBus *bus;
    GstHarness *h = file_parser (&bus);
    GstMessage *message;

    file_feed (h, file->data, size, 512);
    CHECK ((gint) gst_harness_buffers_in_queue (h) == whole,
        "cut at %zu: %u packets, expected %d", size,
        gst_harness_buffers_in_queue (h), whole);
    message = tc_message (bus, GST_MESSAGE_ERROR);
    CHECK (!message || whole == 0, "cut at %zu: an error", size);
    gst_clear_message (&message);
    file_done (h, bus);
  }
  g_free (cut);
  g_byte_array_unref (file);
  g_ptr_array_unref (few);
}

static void
test_join (GPtrArray * packets, gint n)
{
  GByteArray *file = file_make (packets, n, 20, TLC_UNKNOWN), *live;
  const gsize offset = file_page_offset (file, 1);
  const gint64 origin = 40 * TELU_PACKET - TELU_DELAY;
  GstBus *bus;
  GstHarness *h = file_parser (&bus);
  GstCaps *caps;

  /* in the middle of page 1, without a header */
  file_feed (h, file->data + offset + 5, file->len - offset - 5, 64);
  file_expect_packets (h, packets, n, 40, packets->len, origin, "joined");
  file_expect_no_more (h, "joined");
  file_expect_gap (h, 0, 0, "joined");
  CHECK (file_warnings (bus, "", "joined") == 0, "joining is no damage");
  caps = gst_pad_get_current_caps (h->sinkpad);
  CHECK (!gst_structure_has_field (gst_caps_get_structure (caps, 0), "model-id"),
      "a model-id out of nowhere");
  gst_caps_unref (caps);
  file_done (h, bus);

  /* behind a header of unknown length, as servers send it */
  live = g_byte_array_new ();
  file_header (live, TLC_UNKNOWN);
  g_byte_array_append (live, file->data + file_page_offset (file, 2),
      file->len - file_page_offset (file, 2));
  h = file_parser (&bus);
  file_feed (h, live->data, live->len, 64);
  file_expect_packets (h, packets, n, 40, packets->len, origin, "joined live");
  file_expect_gap (h, 0, 0, "joined live");
  file_done (h, bus);
  g_byte_array_unref (live);
  g_byte_array_unref (file);
}

static void
test_odd_streams (GPtrArray * packets, gint n)
{
  GByteArray *file = file_make (packets, n, 50, n), *odd = g_byte_array_new ();
  GstBus *bus;
  GstHarness *h = file_parser (&bus);
  GstBuffer *buf;

  /* a second stream behind the first is played behind it, from a fresh state */
  g_byte_array_append (odd, file->data, file->len);
  g_byte_array_append (odd, file->data, file->len);
  file_feed (h, odd->data, odd->len, 1000);
  file_expect_packets (h, packets, n, 0, packets->len, 0, "first of two");
  for (guint k = 0; k < packets->len; k++) {
    const gint64 from = n + (k ? k * TELU_PACKET - TELU_DELAY : 0);

    buf = gst_harness_try_pull (h);
    if (!CHECK (buf, "second of two: no packet %u", k))
      break;
    CHECK (tc_same_bytes (buf, g_ptr_array_index (packets, k))
        && GST_BUFFER_PTS (buf) == tc_time (from)
        && tc_clip_start (buf) == (k ? 0 : TELU_DELAY)
        && GST_BUFFER_IS_DISCONT (buf) == (k == 0), "second of two: packet %u at %"
        GST_TIME_FORMAT, k, GST_TIME_ARGS (GST_BUFFER_PTS (buf)));
    gst_buffer_unref (buf);
  }
  file_expect_no_more (h, "two");
  file_expect_gap (h, 0, 0, "two");
  CHECK (file_warnings (bus, "", "two") == 0, "two: a warning");
  file_done (h, bus);

  /* other weights in one stream */
  odd->data[file->len + 13] ^= 1;
  file_sign (odd->data + file->len);
  h = file_parser (&bus);
  file_feed (h, odd->data, odd->len, 1000);
  tc_expect_error (bus, "two models", GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      "other weights");
  file_done (h, bus);

  /* a later version */
  file->data[4] = 2;
  file_sign (file->data);
  h = file_parser (&bus);
  file_feed (h, file->data, file->len, 1000);
  tc_expect_error (bus, "version 2", GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      "version 2");
  file_done (h, bus);

  /* bytes of no .tlc file */
  memset (odd->data, 'T', odd->len);
  h = file_parser (&bus);
  file_feed (h, odd->data, odd->len, 1000);
  tc_expect_error (bus, "no stream", GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "No valid frames");
  file_done (h, bus);
  g_byte_array_unref (odd);
  g_byte_array_unref (file);
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

  test_chunks (packets, n);
  for (gint i = 0; i <= (gint) (packets->len - 1) / 20; i++) {
    test_damage (packets, n, i, 0);
    test_damage (packets, n, i, 9);
    test_damage (packets, n, i, 40);
  }
  test_bit_flips (packets);
  test_join (packets, n);
  test_odd_streams (packets, n);

  g_ptr_array_unref (packets);
  g_free (pcm);
  return tc_done ("test_gst_parse");
}
