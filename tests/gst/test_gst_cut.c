/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_cut.c - telucodecparse on a file that is cut at each byte, and on one with each byte
 * changed: the packets outside the damaged page come with their bytes and times, at once and
 * not only at the end, and there is one message. tests/codec/test_cut.c does so with tlc.h. */
#include "gst_file.h"

#include <stdio.h>

#define PAGES 4
#define PER_PAGE 6
#define PACKETS (PAGES * PER_PAGE)
#define N (PACKETS * TELU_PACKET - TELU_DELAY - 7)

static GPtrArray *packets;
static GByteArray *file;
static gsize begin_of[PAGES + 1];

/* Returns the page of a byte, -1 in the header. */
static gint
page_at (gsize at)
{
  gint p = PAGES - 1;

  while (p >= 0 && at < begin_of[p])
    p--;
  return p;
}

/* Marks in seen[] the packets that are queued, each of which has its bytes and times. A cut
 * page has no trim, so that the last packet is whole. */
static void
pull (GstHarness * h, gboolean * seen, gboolean trim, const gchar * what)
{
  GstBuffer *buf, *want;

  while ((buf = gst_harness_try_pull (h))) {
    const guint64 sample = gst_util_uint64_scale_round (GST_BUFFER_PTS (buf), TELU_RATE,
        GST_SECOND);
    const guint k = (sample + TELU_DELAY) / TELU_PACKET;

    if (CHECK (k < PACKETS && !seen[k], "%s: packet %u", what, k)) {
      want = tc_packet_buffer (packets, k, trim ? N : PACKETS * TELU_PACKET - TELU_DELAY);
      CHECK (tc_same_bytes (buf, g_ptr_array_index (packets, k))
          && GST_BUFFER_PTS (buf) == GST_BUFFER_PTS (want)
          && GST_BUFFER_DURATION (buf) == GST_BUFFER_DURATION (want)
          && tc_clip_start (buf) == tc_clip_start (want)
          && tc_clip_end (buf) == tc_clip_end (want), "%s: packet %u differs", what, k);
      seen[k] = TRUE;
      gst_buffer_unref (want);
    }
    gst_buffer_unref (buf);
  }
}

/* Takes the messages from the bus. Returns the number of warnings. */
static gint
take_messages (GstBus * bus, gint * errors)
{
  GstMessage *message;
  gint warnings = 0;

  *errors = 0;
  while ((message = tc_message (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR))) {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
      warnings++;
    else
      ++*errors;
    gst_message_unref (message);
  }
  return warnings;
}

static void
feed (GstHarness * h, gsize size, gsize chunk)
{
  for (gsize at = 0; at < size; at += chunk)
    gst_harness_push (h, gst_buffer_new_memdup (file->data + at, MIN (chunk, size - at)));
}

static void
test_flip (gsize at, guint8 bits)
{
  gchar *what = g_strdup_printf ("byte %zu, bits %02x", at, bits);
  gboolean seen[PACKETS] = { FALSE };
  const gint damaged = page_at (at);
  GstBus *bus;
  GstHarness *h = file_parser (&bus);
  gint warnings, errors;

  file->data[at] ^= bits;
  feed (h, file->len, 1 + at % 97);
  file->data[at] ^= bits;
  /* A last page that claims to be longer may be a page to come. */
  if (damaged == PAGES - 1)
    gst_harness_push_event (h, gst_event_new_eos ());
  pull (h, seen, TRUE, what);
  for (gint k = 0; k < PACKETS; k++)
    CHECK (seen[k] == (k / PER_PAGE != damaged), "%s: packet %d is %s", what, k,
        seen[k] ? "there" : "missing");
  gst_harness_push_event (h, gst_event_new_eos ());
  warnings = take_messages (bus, &errors);
  /* Without its magic the header may be the end of a page: the stream was joined. */
  CHECK (errors == 0 && warnings == (at >= 4), "%s: %d warnings, %d errors", what,
      warnings, errors);
  file_done (h, bus);
  g_free (what);
}

/* Cuts the file. Returns the number of packets that come. */
static gint
test_cut (gsize size)
{
  gchar *what = g_strdup_printf ("cut at %zu", size);
  gboolean seen[PACKETS] = { FALSE };
  const gint cut = size < file->len ? page_at (size) : PAGES;
  gint warnings, errors, n = 0;
  GstBus *bus;
  GstHarness *h = file_parser (&bus);

  feed (h, size, 1 + size % 89);
  gst_harness_push_event (h, gst_event_new_eos ());
  pull (h, seen, size == file->len, what);
  for (gint k = 0; k < PACKETS; k++) {
    CHECK (seen[k] || k >= cut * PER_PAGE, "%s: packet %d is missing", what, k);
    CHECK (!seen[k] || (k < (cut + 1) * PER_PAGE && (k == 0 || seen[k - 1])),
        "%s: packet %d", what, k);
    n += seen[k];
  }
  warnings = take_messages (bus, &errors);
  /* A stream without a packet is an error of the base class. */
  CHECK (errors == (n == 0 && size > 0) && warnings <= 1
      && (warnings + errors > 0) == (size > 0 && size < file->len),
      "%s: %d packets, %d warnings, %d errors", what, n, warnings, errors);
  file_done (h, bus);
  g_free (what);
  return n;
}

int
main (int argc, char **argv)
{
  const struct telu_rate rate = telu_rate_init ();
  struct telu_rate low = rate;
  gint most = 0, cuts = 0;
  gfloat *pcm;

  tc_init (&argc, &argv);
  low.bitrate = 5000;
  pcm = tc_signal (N);
  packets = tc_encode (pcm, N, &low);
  file = file_make (packets, N, PER_PAGE, N);
  for (gint i = 0; i < PAGES; i++)
    begin_of[i] = file_page_offset (file, i);
  begin_of[PAGES] = file->len;

  for (gsize at = 0; at < file->len; at++) {
    test_flip (at, 1 << at % 8);
    test_flip (at, 0xff);
  }
  for (gsize size = 0; size <= file->len; size++) {
    const gint n = test_cut (size);

    CHECK (n >= most, "cut at %zu: %d packets, %d of a shorter file", size, n, most);
    cuts += n > most;
    most = n;
  }
  CHECK (cuts == PACKETS, "%d packets came one after another, expected %d", cuts, PACKETS);
  printf ("%u bytes, %d packets\n", file->len, PACKETS);
  g_byte_array_unref (file);
  g_ptr_array_unref (packets);
  g_free (pcm);
  return tc_done ("test_gst_cut");
}
