/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_damage.c - the truth of messages: for each kind of damage, of a legal end and of a
 * hostile file, how often telucodecparse warns, how much it plays, and what that costs. */
#include "gst_file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAGES 12
#define PER_PAGE 20
#define PACKETS (PAGES * PER_PAGE)
#define N (PACKETS * TELU_PACKET - TELU_DELAY - 7)

/* In pull mode, and behind the queue in push mode. */
static const gchar *const readers[] = {
  "filesrc name=file ! telucodecparse name=parse ! fakesink name=sink",
  "filesrc name=file blocksize=1000 ! queue ! telucodecparse name=parse ! "
      "fakesink name=sink",
};

static GPtrArray *packets;

struct run
{
  GstElement *pipeline;
  gint warnings, buffers;
  gboolean failed;
};

static void
count_buffer (GstElement * sink, GstBuffer * buf, GstPad * pad, gpointer run)
{
  (void) sink, (void) buf, (void) pad;
  ((struct run *) run)->buffers++;
}

static void
open_run (struct run *run, guint reader, const guint8 * data, gsize size)
{
  gchar *path = tc_path ("damage.tlc");
  GstElement *file, *sink;

  g_file_set_contents (path, (const gchar *) data, size, NULL);
  *run = (struct run) { gst_parse_launch (readers[reader], NULL) };
  file = gst_bin_get_by_name (GST_BIN (run->pipeline), "file");
  sink = gst_bin_get_by_name (GST_BIN (run->pipeline), "sink");
  g_object_set (file, "location", path, NULL);
  g_object_set (sink, "signal-handoffs", TRUE, NULL);
  g_signal_connect (sink, "handoff", G_CALLBACK (count_buffer), run);
  gst_object_unref (file);
  gst_object_unref (sink);
  g_free (path);
}

/* Plays to the end, and closes. */
static void
finish_run (struct run *run)
{
  GstBus *bus = gst_element_get_bus (run->pipeline);
  GstMessage *message;
  gboolean more = TRUE;

  gst_element_set_state (run->pipeline, GST_STATE_PLAYING);
  while (more && (message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
              GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING))) {
    run->warnings += GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
    run->failed |= GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR;
    more = GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
    gst_message_unref (message);
  }
  CHECK (!more, "no end");
  gst_element_set_state (run->pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (run->pipeline);
}

static void
expect (const gchar * what, const guint8 * data, gsize size, gint warnings,
    gint at_least, gint at_most)
{
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++) {
    struct run run;

    open_run (&run, i, data, size);
    finish_run (&run);
    CHECK (run.warnings == warnings && !run.failed && run.buffers >= at_least
        && run.buffers <= at_most, "%s, reader %u: %d warnings, expected %d; %d "
        "packets, expected %d .. %d%s", what, i, run.warnings, warnings, run.buffers,
        at_least, at_most, run.failed ? "; an error" : "");
  }
}

static void
test_damage (GByteArray * file)
{
  GByteArray *x = g_byte_array_new ();
  gsize at[PAGES];

  for (gint i = 0; i < PAGES; i++)
    at[i] = file_page_offset (file, i);
  expect ("whole", file->data, file->len, 0, PACKETS, PACKETS);

  /* A wrong byte: in the header, in one page, in two, in every other one. */
  file->data[20] ^= 1;
  expect ("header", file->data, file->len, 1, PACKETS, PACKETS);
  file->data[20] ^= 1;
  for (gint i = 0; i < PAGES; i += 1 + i * 5) {
    gchar *what = g_strdup_printf ("page %d", i);

    file->data[at[i] + 30] ^= 1;
    expect (what, file->data, file->len, 1, PACKETS - PER_PAGE, PACKETS - PER_PAGE);
    file->data[at[i] + 30] ^= 1;
    g_free (what);
  }
  file->data[at[PAGES - 1] + 30] ^= 1;
  expect ("last page", file->data, file->len, 1, PACKETS - PER_PAGE, PACKETS - PER_PAGE);
  file->data[at[2] + 9] ^= 1;
  expect ("two pages", file->data, file->len, 2, PACKETS - 2 * PER_PAGE,
      PACKETS - 2 * PER_PAGE);
  file->data[at[PAGES - 1] + 30] ^= 1;
  file->data[at[2] + 9] ^= 1;
  for (gint i = 0; i < PAGES; i += 2)
    file->data[at[i] + 30] ^= 1;
  expect ("six pages: three are told, and the number", file->data, file->len, 4,
      PACKETS / 2, PACKETS / 2);
  for (gint i = 0; i < PAGES; i += 2)
    file->data[at[i] + 30] ^= 1;

  /* Too many bytes, and too few. */
  g_byte_array_append (x, file->data, at[4]);
  g_byte_array_append (x, (const guint8 *) "TLPabc", 6);
  g_byte_array_append (x, file->data + at[4], file->len - at[4]);
  expect ("bytes between pages", x->data, x->len, 1, PACKETS, PACKETS);
  g_byte_array_set_size (x, 0);
  g_byte_array_append (x, file->data, file->len);
  g_byte_array_append (x, (const guint8 *) "abc", 3);
  expect ("bytes behind the end", x->data, x->len, 1, PACKETS, PACKETS);
  g_byte_array_set_size (x, at[4]);
  g_byte_array_append (x, file->data + at[2], file->len - at[2]);
  expect ("two pages again", x->data, x->len, 1, PACKETS, PACKETS);
  expect ("cut in the first page", file->data, at[1] - 100, 1, PER_PAGE / 2,
      PER_PAGE - 1);
  expect ("cut in the fourth page", file->data, at[4] - 100, 1,
      3 * PER_PAGE + PER_PAGE / 2, 4 * PER_PAGE - 1);
  expect ("cut in the last page", file->data, file->len - 100, 1,
      PACKETS - PER_PAGE / 2, PACKETS - 1);
  expect ("cut in a head", file->data, at[4] + 5, 1, 4 * PER_PAGE, 4 * PER_PAGE);
  expect ("cut between pages", file->data, at[4], 1, 4 * PER_PAGE, 4 * PER_PAGE);

  /* Two streams, the first whole or not; and one joined in its middle. */
  g_byte_array_set_size (x, 0);
  g_byte_array_append (x, file->data, file->len);
  g_byte_array_append (x, file->data, file->len);
  expect ("two streams", x->data, x->len, 0, 2 * PACKETS, 2 * PACKETS);
  g_byte_array_set_size (x, at[4]);
  g_byte_array_append (x, file->data, file->len);
  expect ("two streams, the first cut", x->data, x->len, 1, 4 * PER_PAGE + PACKETS,
      4 * PER_PAGE + PACKETS);
  expect ("joined in a page", file->data + at[3] + 7, file->len - at[3] - 7, 0,
      PACKETS - 4 * PER_PAGE, PACKETS - 4 * PER_PAGE);
  g_byte_array_unref (x);
}

/* Checks that an end which a seek asks for is no damage, and that seeks find their packets. */
static void
test_asked (const gchar * what, GByteArray * file)
{
  static const struct
  {
    gdouble rate;
    gint start, stop;           /* packets */
  } seeks[] = {
    {1.0, 50, 90}, {1.0, 0, 10}, {1.0, 130, PACKETS}, {2.0, 60, 110},
    {1.0, 100, 101}, {1.0, 0, PACKETS}, {-1.0, 0, 130}
  };

  for (guint i = 0; i < G_N_ELEMENTS (readers); i++) {
    for (guint k = 0; k < G_N_ELEMENTS (seeks); k++) {
      struct run run;

      if (i > 0 && seeks[k].rate < 0.0) /* filesrc cannot push backward */
        continue;
      open_run (&run, i, file->data, file->len);
      gst_element_set_state (run.pipeline, GST_STATE_PAUSED);
      gst_element_get_state (run.pipeline, NULL, NULL, 10 * GST_SECOND);
      CHECK (gst_element_seek (run.pipeline, seeks[k].rate, GST_FORMAT_TIME,
              GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
              seeks[k].start * 20 * GST_MSECOND, GST_SEEK_TYPE_SET,
              seeks[k].stop * 20 * GST_MSECOND), "seek %u", k);
      run.buffers = 0;
      finish_run (&run);
      CHECK (run.warnings == 0 && !run.failed
          && run.buffers >= seeks[k].stop - seeks[k].start && run.buffers <= PACKETS,
          "%s, reader %u, seek %u: %d warnings, %d packets", what, i, k, run.warnings,
          run.buffers);
    }
  }
}

/* Plays a hostile file. Returns the seconds of CPU that it took. */
static gdouble
cost (const gchar * what, guint reader, GByteArray * file, gint warnings)
{
  const clock_t begin = clock ();
  struct run run;
  gdouble seconds;

  open_run (&run, reader, file->data, file->len);
  finish_run (&run);
  seconds = (gdouble) (clock () - begin) / CLOCKS_PER_SEC;
  CHECK (run.warnings <= warnings, "%s: %d warnings", what, run.warnings);
  printf ("%s, reader %u: %.2f s for %u bytes, %d warnings\n", what, reader, seconds,
      file->len, run.warnings);
  return seconds;
}

static void
test_hostile (void)
{
  GByteArray *heads = g_byte_array_new (), *pages = g_byte_array_new ();
  GByteArray *streams = g_byte_array_new ();

  /* Heads that claim 64 kB each, one for every five bytes; whole pages with a stray byte
   * behind each; and streams of one packet each, whose headers promise more. */
  file_header (heads, TLC_UNKNOWN);
  for (gint i = 0; i < 26000; i++)
    g_byte_array_append (heads, (const guint8 *) "TLP\x0b\xff", 5);
  file_header (pages, TLC_UNKNOWN);
  for (guint k = 0; k < 100 * PACKETS; k++) {
    const guint index = k % PACKETS;
    TlcPage page;
    guint8 bytes[2000];

    tlc_page_start (&page, k);
    tlc_page_add (&page, g_bytes_get_data (g_ptr_array_index (packets, index), NULL),
        MIN (20, g_bytes_get_size (g_ptr_array_index (packets, index))));
    g_byte_array_append (pages, bytes, tlc_page_write (&page, bytes));
    g_byte_array_append (pages, (const guint8 *) "x", 1);
    file_header (streams, 1000);
    page.index = 0;
    g_byte_array_append (streams, bytes, tlc_page_write (&page, bytes));
  }
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++) {
    CHECK (cost ("false heads", i, heads, 1) < 2.0, "too much work");
    CHECK (cost ("stray bytes", i, pages, 4) < 10.0, "too much work");
    CHECK (cost ("short streams", i, streams, 4) < 10.0, "too much work");
  }
  g_byte_array_unref (heads);
  g_byte_array_unref (pages);
  g_byte_array_unref (streams);
}

/* Moves, repeats, drops and changes pieces of the file at random. The parser must not fail, and
 * warn but a few times. */
static void
test_random (GByteArray * file)
{
  GRand *chance = g_rand_new_with_seed (11);

  for (gint round = 0; round < 500; round++) {
    GByteArray *x = g_byte_array_new ();
    GstBus *bus;
    GstHarness *h = file_parser (&bus);
    GstMessage *message;
    gint warnings = 0;

    for (gint k = g_rand_int_range (chance, 1, 12); k > 0; k--) {
      const guint from = k == 12 ? 0 : g_rand_int_range (chance, 0, file->len);
      const guint n = g_rand_int_range (chance, 0, MIN (file->len - from, 3000) + 1);

      if (g_rand_int_range (chance, 0, 3) == 0)
        g_byte_array_append (x, file->data, TLC_HEADER_SIZE);
      g_byte_array_append (x, file->data + from, n);
      if (n > 0 && g_rand_boolean (chance))
        x->data[x->len - 1 - g_rand_int_range (chance, 0, n)] ^= 1 << round % 8;
    }
    file_feed (h, x->data, x->len, g_rand_int_range (chance, 1, 5000));
    while ((message = tc_message (bus, GST_MESSAGE_WARNING))) {
      gst_message_unref (message);
      warnings++;
    }
    CHECK (warnings <= 4, "round %d: %d warnings", round, warnings);
    file_done (h, bus);
    g_byte_array_unref (x);
  }
  g_rand_free (chance);
}

/* Checks that a length is believed only if the file has room for it. */
static void
test_duration (GByteArray * file)
{
  static const gint hours[] = { 0, 20, 23860 };

  for (guint i = 0; i < G_N_ELEMENTS (hours); i++) {
    const gint64 hole = (gint64) hours[i] * 3600 * 50;
    GByteArray *x = g_byte_array_new ();
    TlcPage *page = g_new (TlcPage, 1);
    guint8 *bytes = g_malloc (TLC_MAX_PAGE);
    gint64 duration = -1, want = hole + 2;
    gsize used;
    gchar why[TLC_WHY];
    struct run run;

    /* Two packets, the second after the hole. */
    file_header (x, want * TELU_PACKET - TELU_DELAY);
    tlc_page_read (page, file->data + TLC_HEADER_SIZE, file->len - TLC_HEADER_SIZE,
        &used, why);
    page->count = 1;
    page->bytes = page->length[0];
    g_byte_array_append (x, bytes, tlc_page_write (page, bytes));
    page->index = hole + 1;
    page->last = TRUE;
    g_byte_array_append (x, bytes, tlc_page_write (page, bytes));
    open_run (&run, 0, x->data, x->len);
    gst_element_set_state (run.pipeline, GST_STATE_PAUSED);
    gst_element_get_state (run.pipeline, NULL, NULL, 10 * GST_SECOND);
    gst_element_query_duration (run.pipeline, GST_FORMAT_TIME, &duration);
    if (hours[i] <= 24)
      CHECK (duration == (gint64) tc_time (want * TELU_PACKET - TELU_DELAY),
          "%d h: %" GST_TIME_FORMAT, hours[i], GST_TIME_ARGS (duration));
    else
      CHECK (duration < (gint64) GST_SECOND, "%d h are believed: %" GST_TIME_FORMAT,
          hours[i], GST_TIME_ARGS (duration));
    finish_run (&run);
    CHECK (run.buffers == 2 && run.warnings == 0, "%d h: %d packets, %d warnings",
        hours[i], run.buffers, run.warnings);
    g_free (bytes);
    g_free (page);
    g_byte_array_unref (x);
  }
}

int
main (int argc, char **argv)
{
  guint8 header[TLC_HEADER_SIZE];
  GByteArray *file;
  gfloat *pcm;

  tc_init (&argc, &argv);
  pcm = tc_signal (N);
  packets = tc_encode (pcm, N, NULL);
  file = file_make (packets, N, PER_PAGE, N);
  test_damage (file);
  test_asked ("file", file);
  /* A client of a server may get the header twice. */
  memcpy (header, file->data, sizeof (header));
  g_byte_array_prepend (file, header, sizeof (header));
  expect ("header twice", file->data, file->len, 0, PACKETS, PACKETS);
  test_asked ("header twice", file);
  g_byte_array_remove_range (file, 0, TLC_HEADER_SIZE);
  test_random (file);
  test_hostile ();
  test_duration (file);
  g_byte_array_unref (file);
  g_ptr_array_unref (packets);
  g_free (pcm);
  return tc_done ("test_gst_damage");
}
