/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_call.c - a call, from the encoder's input to the decoder's output: checks the
 * bit rate with redundancy, and discontinuous transmission. */
#include "gst_rtp.h"

#include <math.h>
#include <string.h>

static void
push_samples (GstHarness * h, const gfloat * pcm, gint n)
{
  for (gint i = 0; i < n; i += TELU_PACKET)
    CHECK (gst_harness_push (h, tc_raw_buffer (pcm, i, MIN (TELU_PACKET, n - i),
                FALSE)) == GST_FLOW_OK, "sample %d", i);
  gst_harness_push_event (h, gst_event_new_eos ());
}

static GstHarness *
harness (const gchar * pipeline, const gchar * properties)
{
  gchar *text = g_strdup_printf (pipeline, properties);
  GstHarness *h = gst_harness_new_parse (text);

  gst_harness_set_src_caps_str (h, RAW_CAPS ("F32LE"));
  g_free (text);
  return h;
}

/* Checks that bitrate is that of the payload once the losses are told, whatever is repeated, and
 * that it is that of the packets if they are not. */
static void
test_bitrate (void)
{
  static const gint bitrates[] = { 9000, 16000, 24000 };
  static const gint losses[] = { -1, 0, 5, 15, 30, 100 };
  static const gint runs[] = { 1, 3, 6 };
  const gint n = 100 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);

  for (guint i = 0; i < G_N_ELEMENTS (bitrates) * G_N_ELEMENTS (losses) * 3; i++) {
    const gint bitrate = bitrates[i % G_N_ELEMENTS (bitrates)];
    const gint loss = losses[i / G_N_ELEMENTS (bitrates) % G_N_ELEMENTS (losses)];
    const gint run = runs[i / G_N_ELEMENTS (bitrates) / G_N_ELEMENTS (losses)];
    gchar *properties = g_strdup_printf ("telucodecenc bitrate-type=cbr bitrate=%d "
        "packet-loss-percentage=%d packet-loss-run=%d ! rtptelucodecpay", bitrate, loss, run);
    GstHarness *h = harness ("%s", properties);
    gint bytes = 0, packets = 0, most = bitrate / 400 + (loss < 0 ? 7 : 0);
    GstBuffer *buf;

    push_samples (h, pcm, n);
    while ((buf = gst_harness_try_pull (h))) {
      if (packets++ >= 20)
        bytes += rtp_payload_size (buf);
      gst_buffer_unref (buf);
    }
    CHECK (packets == 101 && bytes > (most - 1) * 81 && bytes <= most * 81,
        "%s: %.2f bytes a packet, expected %d", properties, bytes / 81.0, most);
    gst_harness_teardown (h);
    g_free (properties);
  }
  g_free (pcm);
}

/* Returns the size of the first head of a payload. */
static guint
first_head (gint bitrate, gint loss, gint run)
{
  gchar *properties = g_strdup_printf ("bitrate=%d packet-loss-percentage=%d packet-loss-run=%d",
      bitrate, loss, run);
  GstHarness *h = harness ("telucodecenc bitrate-type=cbr %s ! rtptelucodecpay", properties);
  const gint n = 30 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GstBuffer *buf;
  guint size = 0;

  push_samples (h, pcm, n);
  for (guint k = 0; (buf = gst_harness_try_pull (h)); k++) {
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    const guint8 *payload;

    CHECK (gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp), "payload %u", k);
    payload = gst_rtp_buffer_get_payload (&rtp);
    for (; payload[0] != 0 && payload[0] % 32 == 0; payload++)  /* a skip */
      ;
    size = k == 25 ? payload[0] % 32 : size;
    gst_rtp_buffer_unmap (&rtp);
    gst_buffer_unref (buf);
  }
  gst_harness_teardown (h);
  g_free (properties);
  g_free (pcm);
  return size;
}

/* Checks that the head that heals most never shrinks with a higher bit rate or more losses. */
static void
test_heads_grow (void)
{
  static const gint bitrates[] = { 4000, 6000, 9000, 12000, 16000, 24000 };
  static const gint losses[] = { 0, 2, 5, 10, 15, 20, 30 };
  static const gint runs[] = { 1, 3, 6 };
  const guint most = G_N_ELEMENTS (bitrates);

  for (guint r = 0; r < G_N_ELEMENTS (runs); r++) {
    guint fewer[G_N_ELEMENTS (bitrates)] = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS (losses); i++)
      for (guint b = 0, before = 0; b < most; b++) {
        const guint size = first_head (bitrates[b], losses[i], runs[r]);

        CHECK (size >= before && size >= fewer[b], "%d bit/s, %d %% in runs of %d: a head of "
            "%u bytes, %u at a lower bit rate, %u at fewer losses", bitrates[b], losses[i],
            runs[r], size, before, fewer[b]);
        before = fewer[b] = size;
      }
    CHECK (fewer[0] == 0 && fewer[most - 1] >= 6, "heads of %u and %u bytes", fewer[0],
        fewer[most - 1]);
  }
}

/* Returns the greatest step from one sample to the next. */
static gdouble
roughest (const gfloat * pcm, gint n)
{
  gdouble most = 0;

  for (gint i = 1; i < n; i++)
    most = MAX (most, fabs (pcm[i] - pcm[i - 1]));
  return most;
}

/* Encodes and decodes pcm [n]; with bitrate 0 all that a call adapts changes every 100 ms. */
static GArray *
through (const gfloat * pcm, gint n, gint bitrate)
{
  static const gint bitrates[] = { 24000, 9000, 16000, 8000 };
  static const gint losses[] = { 0, 30, 10, -1, 20 };
  GstHarness *h = harness ("telucodecenc %s ! telucodecdec", "packet-loss-percentage=0");
  GstElement *enc = gst_harness_find_element (h, "telucodecenc");
  GArray *heard;

  for (gint i = 0; i < n; i += TELU_PACKET) {
    const gint k = i / TELU_PACKET / 5;

    if (i / TELU_PACKET % 5 == 0)
      g_object_set (enc, "bitrate", bitrate ? bitrate : bitrates[k % 4],
          "packet-loss-percentage", bitrate ? 0 : losses[k % 5], "packet-loss-run",
          1.0 + k % 7, NULL);
    gst_harness_push (h, tc_raw_buffer (pcm, i, MIN (TELU_PACKET, n - i), FALSE));
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  heard = tc_pull_raw (h, FALSE, 0);
  gst_object_unref (enc);
  gst_harness_teardown (h);
  return heard;
}

/* Checks that a bit rate and losses that change while playing make no step that the lower of the
 * bit rates does not make, and lose no sample. */
static void
test_adaptation (void)
{
  const gint n = 150 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GArray *low = through (pcm, n, 8000), *high = through (pcm, n, 24000);
  GArray *changing = through (pcm, n, 0);
  const gdouble bound = 1.2 * MAX (roughest ((gfloat *) low->data, n),
      roughest ((gfloat *) high->data, n));

  CHECK ((gint) changing->len == n, "%u samples, expected %d", changing->len, n);
  CHECK (roughest ((gfloat *) changing->data, n) < bound, "a step of %g, at constant rates %g",
      roughest ((gfloat *) changing->data, n), bound);
  g_array_unref (low);
  g_array_unref (high);
  g_array_unref (changing);
  g_free (pcm);
}

/* --- Discontinuous transmission ------------------------------------------------ */

#define TALK (100 * TELU_PACKET)        /* 2 s, followed by as much background */

static gfloat
noise (guint32 * seed)
{
  *seed = *seed * 1664525 + 1013904223;
  return (*seed >> 8) / (gfloat) (1 << 23) - 1;
}

/* Returns n samples of talk and background in turn, above background of that level. */
static gfloat *
conversation (gint n, gfloat level)
{
  gfloat *pcm = tc_signal (n);
  guint32 seed = 1;

  for (gint i = 0; i < n; i++)
    pcm[i] = (i / TALK % 2 ? 0 : pcm[i]) + level * noise (&seed);
  return pcm;
}

static gdouble
rms (const gfloat * pcm, gint n)
{
  gdouble sum = 1e-30;

  for (gint i = 0; i < n; i++)
    sum += pcm[i] * pcm[i];
  return sqrt (sum / n);
}

static const gchar *const ways[] = {
  "telucodecenc name=enc %s ! telucodecdec",
  "telucodecenc name=enc %s ! telucodecmux ! telucodecparse ! telucodecdec",
  "telucodecenc name=enc %s ! rtptelucodecpay ! rtptelucodecdepay ! telucodecdec",
  "telucodecenc name=enc %s packet-loss-percentage=30 ! rtptelucodecpay ! rtptelucodecdepay "
      "! telucodecdec",
  "telucodecenc name=enc %s ! rtptelucodecpay min-ptime=60000000 ! rtptelucodecdepay "
      "! telucodecdec",
};

/* Pulls what comes out of a way. RTP carries no clipping, so that 80 samples more come out at the
 * beginning, which are left out here, and the rest of the last packet at the end. */
static GArray *
pull (GstHarness * h, guint way)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (gfloat));
  GstBuffer *buf;

  if (way < 2) {
    g_array_unref (all);
    return tc_pull_raw (h, FALSE, 0);
  }
  while ((buf = gst_harness_try_pull (h))) {
    const gint64 at = all->len - (all->len ? TELU_DELAY : 0);
    GstMapInfo map;

    CHECK (GST_CLOCK_DIFF (tc_time (at), GST_BUFFER_PTS (buf)) / GST_USECOND == 0,
        "sample %u at %" GST_TIME_FORMAT, all->len, GST_TIME_ARGS (GST_BUFFER_PTS (buf)));
    gst_buffer_map (buf, &map, GST_MAP_READ);
    g_array_append_vals (all, map.data, map.size / sizeof (gfloat));
    gst_buffer_unmap (buf, &map);
    gst_buffer_unref (buf);
  }
  return g_array_remove_range (all, 0, TELU_DELAY);
}

/* Checks that as many samples come out as went in, each at its time, wherever the stream ends. */
static void
test_samples (void)
{
  for (guint way = 0; way < G_N_ELEMENTS (ways); way++)
    for (gint i = 0; i < 3; i++) {
      const gint n = 3 * TALK + i * 17377 - 1;
      GstHarness *h = harness (ways[way], "dtx=true");
      gfloat *pcm = conversation (n, 1e-3f);
      GArray *got;

      push_samples (h, pcm, n);
      got = pull (h, way);
      CHECK ((gint) got->len == (way < 2 ? n : (n + TELU_DELAY + TELU_PACKET - 1) /
              TELU_PACKET * TELU_PACKET - TELU_DELAY), "way %u: %u samples for %d", way,
          got->len, n);
      g_array_unref (got);
      gst_harness_teardown (h);
      g_free (pcm);
    }
}

/* Checks that a source without time stamps loses no sample to dtx, since no one could tell where a
 * silence is left out. */
static void
test_no_times (void)
{
  const gint n = 3 * TALK;
  gfloat *pcm = conversation (n, 1e-3f);

  for (guint way = 0; way < G_N_ELEMENTS (ways); way++) {
    GstHarness *h = harness (ways[way], "dtx=true");
    GstBuffer *buf;
    gint got = 0;

    for (gint i = 0; i < n; i += TELU_PACKET) {
      buf = tc_raw_buffer (pcm, i, TELU_PACKET, FALSE);
      GST_BUFFER_PTS (buf) = GST_BUFFER_DTS (buf) = GST_CLOCK_TIME_NONE;
      gst_harness_push (h, buf);
    }
    gst_harness_push_event (h, gst_event_new_eos ());
    while ((buf = gst_harness_try_pull (h))) {
      got += gst_buffer_get_size (buf) / sizeof (gfloat);
      gst_buffer_unref (buf);
    }
    CHECK (got == n + (way < 2 ? 0 : TELU_PACKET), "way %u: %d samples for %d", way, got, n);
    gst_harness_teardown (h);
  }
  g_free (pcm);
}

/* Checks the comfort noise beside what is heard without dtx: its level, and no step at its ends
 * beyond those of that background. */
static void
test_noise (void)
{
  const gint n = 4 * TALK;
  gfloat *pcm = conversation (n, 3e-3f);

  for (guint way = 0; way < G_N_ELEMENTS (ways); way += 2) {
    GArray *heard[2];

    for (gint dtx = 0; dtx < 2; dtx++) {
      GstHarness *h = harness (ways[way], dtx ? "dtx=true" : "");

      push_samples (h, pcm, n);
      heard[dtx] = pull (h, way);
      gst_harness_teardown (h);
    }
    for (gint k = 1; k < 4; k += 2) {
      /* from the hangover to the next talk */
      const gint from = k * TALK + TALK / 4, length = TALK * 3 / 4 - TELU_PACKET;
      const gfloat *with = (const gfloat *) heard[1]->data + from;
      const gfloat *without = (const gfloat *) heard[0]->data + from;
      const gdouble ratio = rms (with, length) / rms (without, length);

      CHECK (memcmp (with, without, length * sizeof (gfloat)) != 0,
          "way %u: pause %d is no comfort noise", way, k / 2);
      CHECK (ratio > 0.4 && ratio < 2.5, "way %u: noise %d has %.2f times the level", way,
          k / 2, ratio);
      CHECK (roughest (with, length) < 2 * roughest (without, length),
          "way %u: pause %d: a step of %g, without dtx %g", way, k / 2,
          roughest (with, length), roughest (without, length));
    }
    g_array_unref (heard[0]);
    g_array_unref (heard[1]);
  }
  g_free (pcm);
}

/* Checks what is sent: in silence 8 bytes each 400 ms, the marker bit on what follows a silence,
 * and numbers without a hole. The decoder, given these packets alone, makes the same talk. */
static void
test_sent (void)
{
  const gint n = 6 * TALK;
  GstHarness *h = harness ("telucodecenc %s ! rtptelucodecpay redundancy=0", "dtx=true");
  gfloat *pcm = conversation (n, 1e-3f);
  GstClockTime before = 0;
  gint packets = 0, described = 0, skipped = 0, seq = -1;
  GstBuffer *buf;

  push_samples (h, pcm, n);
  for (; (buf = gst_harness_try_pull (h)); packets++) {
    const gint ms = packets ? (GST_BUFFER_PTS (buf) - before) / GST_MSECOND : 0;
    const gint at = GST_BUFFER_PTS (buf) / GST_MSECOND, within = at % 4000;
    const gboolean jump = ms > 20;
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

    gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
    CHECK (seq < 0 || gst_rtp_buffer_get_seq (&rtp) == (guint16) (seq + 1), "a number is left out");
    seq = gst_rtp_buffer_get_seq (&rtp);
    CHECK (gst_rtp_buffer_get_marker (&rtp) == (jump || packets == 0), "at %d ms: marker %d", at,
        gst_rtp_buffer_get_marker (&rtp));
    CHECK (ms <= 400, "at %d ms: nothing for %d ms", at, ms);
    if (within > 2400 && within < 3980 && at < 11900) {
      CHECK (gst_rtp_buffer_get_payload_len (&rtp) == 9 && ms == 400,
          "at %d ms: %u bytes behind %d ms", at, gst_rtp_buffer_get_payload_len (&rtp), ms);
      described++;
    }
    skipped += jump ? ms / 20 - 1 : 0;
    gst_rtp_buffer_unmap (&rtp);
    before = GST_BUFFER_PTS (buf);
    gst_buffer_unref (buf);
  }
  CHECK (described >= 9 && described <= 12, "%d descriptions", described);
  CHECK (skipped > 230 && packets + skipped == 601, "%d packets, %d not sent", packets, skipped);
  gst_harness_teardown (h);
  g_free (pcm);
}

/* Checks that talk behind a silence is decoded from the state that the encoder has. */
static void
test_state (void)
{
  const gint n = 6 * TALK;
  gfloat *pcm = conversation (n, 1e-3f), *alone;
  GstHarness *h = harness ("telucodecenc %s", "dtx=true");
  GstHarness *dec = tc_decoder (RAW_CAPS ("F32LE"));
  GPtrArray *packets = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GArray *times = g_array_new (FALSE, FALSE, sizeof (GstClockTime)), *got;
  GstEvent *event;
  GstBuffer *buf;
  gint compared = 0;

  push_samples (h, pcm, n);
  while ((buf = gst_harness_try_pull (h))) {
    GstMapInfo map;

    gst_buffer_map (buf, &map, GST_MAP_READ);
    g_ptr_array_add (packets, g_bytes_new (map.data, map.size));
    gst_buffer_unmap (buf, &map);
    g_array_append_val (times, GST_BUFFER_PTS (buf));
    gst_buffer_unref (buf);
  }
  while ((event = gst_harness_try_pull_event (h)))
    gst_event_unref (event);
  alone = tc_decode (packets, packets->len * TELU_PACKET);
  gst_harness_teardown (h);

  h = harness (ways[0], "dtx=true");
  push_samples (h, pcm, n);
  got = tc_pull_raw (h, FALSE, 0);
  for (guint k = 1; k + 1 < packets->len; k++) {
    const gint at = gst_util_uint64_scale_round (g_array_index (times, GstClockTime, k),
        TELU_RATE, GST_SECOND);

    /* the first 80 samples may fade in over noise */
    for (gint i = TELU_DELAY; i < TELU_PACKET && at + i < n; i++)
      compared += g_array_index (got, gfloat, at + i) ==
          alone[k * TELU_PACKET - TELU_DELAY + i];
  }
  CHECK (compared >= (gint) (packets->len - 3) * 240, "%d samples of %u packets are the same",
      compared, packets->len);
  g_array_unref (got);
  g_array_unref (times);
  g_ptr_array_unref (packets);
  g_free (alone);
  g_free (pcm);
  gst_harness_teardown (dec);
  gst_harness_teardown (h);
}

/* Checks that steady noise of any level and colour counts as background, and that a tone, talk,
 * and what begins within a noise do not. */
static void
test_activity (void)
{
  static const struct
  {
    const gchar *what;
    gfloat level;
    gfloat colour;              /* of noise: one-pole low-pass */
    gint silent;                /* percent of packets not sent, at least or, negative, at most */
  } cases[] = {
    {"zeros", 0, 0, 80}, {"noise", 1e-4f, 0, 80}, {"noise", 1e-3f, 0, 80},
    {"noise", 3e-2f, 0, 80}, {"noise", 1e-3f, 0.9f, 80}, {"noise", 3e-2f, 0.9f, 80},
    {"tone", 1e-3f, 0, -5}, {"tone", 0.3f, 0, -5}, {"talk", 0, 0, -5},
  };
  const gint n = 400 * TELU_PACKET;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstHarness *h = harness ("telucodecenc name=enc %s", "dtx=true");
    gfloat *pcm = tc_signal (n), low = 0;
    GstElement *enc = gst_harness_find_element (h, "telucodecenc");
    GstStructure *stats;
    guint32 seed = 7;
    guint64 silent;
    gint percent;

    for (gint k = 0; k < n && cases[i].what[1] != 'a'; k++) {
      low = cases[i].colour * low + cases[i].level * noise (&seed);
      pcm[k] = cases[i].what[0] == 't' ? cases[i].level * sinf (k * 0.17f) : low;
    }
    push_samples (h, pcm, n);
    g_object_get (enc, "stats", &stats, NULL);
    gst_structure_get_uint64 (stats, "silent-packets", &silent);
    percent = silent * 100 / 400;
    CHECK (cases[i].silent < 0 ? percent <= -cases[i].silent : percent >= cases[i].silent,
        "%s of %g: %d %% not sent", cases[i].what, cases[i].level, percent);
    gst_structure_free (stats);
    gst_object_unref (enc);
    g_free (pcm);
    gst_harness_teardown (h);
  }
}

int
main (int argc, char **argv)
{
  tc_init (&argc, &argv);
  test_bitrate ();
  test_heads_grow ();
  test_adaptation ();
  test_samples ();
  test_no_times ();
  test_noise ();
  test_sent ();
  test_state ();
  test_activity ();
  return tc_done ("call");
}
