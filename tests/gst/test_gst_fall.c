/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_fall.c - checks that an element on a device gives the results of telu.h. If the
 * device fails, it continues to do so with backend=auto, and posts an error otherwise. */
#include "gst_fake.h"

#include <string.h>

#define PACKETS 130
#define SAMPLES (PACKETS * TELU_PACKET - TELU_DELAY)

static struct fake_control *fake;

/* Rates whose packets do not depend on old ones, so that packets after a failure can be
 * compared bit by bit; and the default, where only the sound can be compared. */
static const struct
{
  const gchar *properties;
  struct telu_rate rate;
} kinds[] = {
  {"bitrate=16000 bitrate-type=cbr tune=snr", {16000, TELU_CBR, TELU_SNR, 1}},
  {"bitrate=3000 bitrate-type=cbr tune=snr", {3000, TELU_CBR, TELU_SNR, 1}},
  {"bitrate=16000", {16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1}},
};

#define DEFAULT 2

/* --- Alone -------------------------------------------------------------------- */

static GstHarness *
encoder (const gchar * backend, gint kind, GstBus ** bus)
{
  gchar *properties = g_strdup_printf ("backend=%s %s", backend,
      kinds[kind].properties);
  GstHarness *h = tf_harness ("telucodecenc", properties, bus);

  g_free (properties);
  return h;
}

static void
test_alone (const gfloat * pcm)
{
  for (gint kind = 0; kind <= DEFAULT; kind++) {
    GPtrArray *want = tc_encode (pcm, SAMPLES, &kinds[kind].rate), *got;
    gfloat *sound = tc_decode (want, SAMPLES);
    GstBus *bus;
    GstHarness *h = encoder ("cuda", kind, &bus);
    GArray *output;

    tf_push_pcm (h, pcm, SAMPLES);
    gst_harness_push_event (h, gst_event_new_eos ());
    got = tf_pull_packets (h, "alone");
    tf_expect_packets (got, want, "alone");
    tf_expect_active (h->element, "cuda", "alone");
    CHECK (tf_number (h->element, "batch-mean") == 1
        && tf_number (h->element, "batch-most") == 1
        && tf_number (h->element, "fallbacks") == 0, "batches of one stream");
    tf_expect_message (bus, GST_MESSAGE_UNKNOWN, 0, 0, NULL, "alone");
    tf_done (h, bus);

    h = tf_harness ("telucodecdec", "backend=cuda", &bus);
    for (guint k = 0; k < want->len; k++)
      gst_harness_push (h, tc_packet_buffer (want, k, SAMPLES));
    output = tc_pull_raw (h, FALSE, 0);
    tc_expect_samples (output, sound, SAMPLES, "alone");
    tf_done (h, bus);
    g_array_unref (output);
    g_free (sound);
    g_ptr_array_unref (got);
    g_ptr_array_unref (want);
  }
  tf_check_closed ("alone");
  fake_reset (fake);
}

/* --- The device fails ----------------------------------------------------------- */

/* Returns the power of the difference relative to that of want. */
static gdouble
difference (const gfloat * got, const gfloat * want, gint from, gint to)
{
  gdouble error = 0, power = 0;

  for (gint i = from; i < to; i++) {
    error += (got[i] - want[i]) * (gdouble) (got[i] - want[i]);
    power += want[i] * (gdouble) want[i];
  }
  return error / power;
}

/* Checks that all packets come with backend=auto when the device fails at packet `at`. */
static void
encoder_fails (const gfloat * pcm, gint kind, gint at, gboolean memory)
{
  gchar *what = g_strdup_printf ("encoder %d, failure at packet %d", kind, at);
  GPtrArray *want = tc_encode (pcm, SAMPLES, &kinds[kind].rate), *got;
  GstBus *bus;
  GstHarness *h = encoder ("auto", kind, &bus);
  gchar *reason;

  fake->runs_left = at;
  fake->memory = memory;
  tf_push_pcm (h, pcm, SAMPLES);
  gst_harness_push_event (h, gst_event_new_eos ());
  got = tf_pull_packets (h, what);
  if (kind != DEFAULT) {
    tf_expect_packets (got, want, what);
  } else {
    gfloat *sound = tc_decode (want, SAMPLES), *output = tc_decode (got, SAMPLES);
    const gint from = MAX (0, (at - 2) * TELU_PACKET);
    const gint to = MIN (SAMPLES, (at + 40) * TELU_PACKET);

    CHECK (got->len == want->len, "%s: %u packets", what, got->len);
    CHECK (difference (output, pcm, from, to) <
        2 * difference (sound, pcm, from, to), "%s: error %g, without %g", what,
        difference (output, pcm, from, to), difference (sound, pcm, from, to));
    g_free (output);
    g_free (sound);
  }
  tf_expect_active (h->element, "cpu", what);
  reason = tf_text (h->element, "fallback-reason");
  CHECK (tf_number (h->element, "fallbacks") == 1 && strstr (reason, "fake: "),
      "%s: %g fallbacks, '%s'", what, tf_number (h->element, "fallbacks"),
      reason);
  tf_expect_message (bus, GST_MESSAGE_WARNING,
      memory ? GST_RESOURCE_ERROR : GST_LIBRARY_ERROR, memory ?
      (gint) GST_RESOURCE_ERROR_NO_SPACE_LEFT :
      (gint) GST_LIBRARY_ERROR_ENCODE, "fake device 0", what);

  /* The next start tries the device again. */
  fake->runs_left = -1;
  gst_element_set_state (h->element, GST_STATE_NULL);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  tf_expect_active (h->element, "cuda", what);
  CHECK (tf_number (h->element, "fallbacks") == 0, "%s: counted twice", what);
  tf_done (h, bus);
  tf_check_closed (what);
  fake_reset (fake);
  g_free (reason);
  g_ptr_array_unref (got);
  g_ptr_array_unref (want);
  g_free (what);
}

/* Decodes packets, some lost (a row of each length) and one damaged, by telu.h and by an
 * element whose device fails at packet `at`, and compares. */
static void
decoder_fails (GPtrArray * packets, gint period, gint lost, gint at)
{
  gchar *what = g_strdup_printf ("decoder, %d of %d lost, failure at %d", lost,
      period, at);
  struct telu_decoder *dec = telu_decoder_new (tc_model (), NULL);
  gfloat *want = g_new0 (gfloat, PACKETS * TELU_PACKET);
  guint8 damage[40];
  GstBus *bus;
  GstHarness *h = tf_harness ("telucodecdec", "backend=auto", &bus);
  GArray *got;

  memset (damage, 0xff, sizeof (damage));
  fake->runs_left = at;
  for (gint k = 0; k < PACKETS; k++) {
    GBytes *bytes = g_ptr_array_index (packets, k);
    GstBuffer *buf = tc_packet_buffer (packets, k, SAMPLES);
    gfloat *x = want + k * TELU_PACKET;

    if (k % period >= period - lost) {
      gst_harness_push_event (h, gst_event_new_gap (GST_BUFFER_PTS (buf),
              GST_BUFFER_DURATION (buf)));
      gst_buffer_unref (buf);
      telu_conceal (dec, x);
    } else if (k % 50 == 33) {
      gst_buffer_replace_all_memory (buf,
          gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY, damage,
              sizeof (damage), 0, sizeof (damage), NULL, NULL));
      gst_harness_push (h, buf);
      telu_decode (dec, damage, sizeof (damage), x);
    } else {
      gst_harness_push (h, buf);
      telu_decode (dec, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
          x);
    }
  }
  got = tc_pull_raw (h, FALSE, 0);
  tc_expect_samples (got, want + TELU_DELAY, SAMPLES, what);
  tf_expect_active (h->element, at < PACKETS ? "cpu" : "cuda", what);
  tf_done (h, bus);
  tf_check_closed (what);
  fake_reset (fake);
  g_array_unref (got);
  g_free (want);
  telu_decoder_free (dec);
  g_free (what);
}

/* Runs 40 packets, then a second run in which the device fails at packet `at`. The fallback
 * must not replay packets of the first run. */
static void
second_run_fails (const gfloat * pcm, gint at)
{
  const gint n = 40 * TELU_PACKET - TELU_DELAY;
  const gfloat *second = pcm + n;
  GPtrArray *packets[2] = { tc_encode (pcm, n, &kinds[0].rate),
    tc_encode (second, n, &kinds[0].rate)
  };
  gfloat *want[2] = { tc_decode (packets[0], n), tc_decode (packets[1], n) };
  GstBus *bus;
  GstHarness *h = encoder ("auto", 0, &bus);
  GstSegment segment;
  GstBuffer *buf;
  guint k = 0;

  fake->runs_left = 40 + at;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  for (gint run = 0; run < 2; run++) {
    for (gint i = 0; i < n; i += TELU_PACKET)
      gst_harness_push (h, tc_raw_buffer (pcm, run * n + i, MIN (TELU_PACKET,
                  n - i), FALSE));
    gst_harness_push_event (h, gst_event_new_segment (&segment));
  }
  for (; (buf = gst_harness_try_pull (h)); k++) {
    CHECK (k < 80 && tc_same_bytes (buf, g_ptr_array_index (packets[k / 40],
                k % 40)), "failure in the second run at %d: packet %u", at, k);
    gst_buffer_unref (buf);
  }
  CHECK (k == 80, "%u packets of two runs", k);
  tf_expect_active (h->element, "cpu", "second run");
  tf_done (h, bus);

  h = tf_harness ("telucodecdec", "backend=auto", &bus);
  fake->runs_left = 40 + at;
  for (gint run = 0; run < 2; run++) {
    GArray *output;

    for (k = 0; k < 40; k++) {
      buf = tc_packet_buffer (packets[run], k, n);
      GST_BUFFER_PTS (buf) += tc_time (run * n);
      gst_harness_push (h, buf);
    }
    output = g_array_new (FALSE, FALSE, sizeof (gfloat));
    while ((buf = gst_harness_try_pull (h))) {
      GstMapInfo map;

      gst_buffer_map (buf, &map, GST_MAP_READ);
      g_array_append_vals (output, map.data, map.size / sizeof (gfloat));
      gst_buffer_unmap (buf, &map);
      gst_buffer_unref (buf);
    }
    tc_expect_samples (output, want[run], n, run ? "second run" : "first run");
    g_array_unref (output);
  }
  tf_expect_active (h->element, "cpu", "second run");
  tf_done (h, bus);
  tf_check_closed ("second run");
  fake_reset (fake);
  for (gint run = 0; run < 2; run++) {
    g_ptr_array_unref (packets[run]);
    g_free (want[run]);
  }
}

/* Checks that backend=cuda posts an error, and that all packets before it came. */
static void
required_fails (const gfloat * pcm, GPtrArray * packets)
{
  GstBus *bus;
  GstHarness *h = encoder ("cuda", 0, &bus);
  GstFlowReturn ret = GST_FLOW_OK;
  GPtrArray *got;
  GArray *output;
  gint k;

  fake->runs_left = 60;
  for (k = 0; k < PACKETS - 1 && ret == GST_FLOW_OK; k++)
    ret = gst_harness_push (h, tc_raw_buffer (pcm, k * TELU_PACKET, TELU_PACKET,
            FALSE));
  CHECK (ret == GST_FLOW_ERROR && k == 61, "%s at packet %d",
      gst_flow_get_name (ret), k);
  got = tf_pull_packets (h, "required");
  g_ptr_array_set_size (packets, 60);
  tf_expect_packets (got, packets, "required");
  tf_expect_message (bus, GST_MESSAGE_ERROR, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_ENCODE, "illegal memory access", "required");
  tf_expect_active (h->element, "cuda", "required");
  tf_done (h, bus);
  g_ptr_array_unref (got);

  h = tf_harness ("telucodecdec", "backend=cuda", &bus);
  fake->runs_left = 40;
  for (k = 0, ret = GST_FLOW_OK; k < 60 && ret == GST_FLOW_OK; k++)
    ret = gst_harness_push (h, tc_packet_buffer (packets, k, SAMPLES));
  CHECK (ret == GST_FLOW_ERROR && k == 41, "%s at packet %d",
      gst_flow_get_name (ret), k);
  output = tc_pull_raw (h, FALSE, 0);
  CHECK (output->len == 40 * TELU_PACKET - TELU_DELAY, "%u samples", output->len);
  tf_expect_message (bus, GST_MESSAGE_ERROR, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_FAILED, "illegal memory access", "required");
  g_array_unref (output);
  tf_done (h, bus);
  tf_check_closed ("required");
  fake_reset (fake);
}

static void
test_failures (const gfloat * pcm)
{
  static const gint when[] = { 0, 1, 2, 31, 49, 50, 51, 52, 100, 129 };
  static const struct
  {
    gint period, lost;
  } losses[] = { {1000, 0}, {2, 1}, {7, 3}, {13, 9}, {13, 10}, {14, 11}, {20, 15},
  {60, 45}, {12, 11}
  };
  GPtrArray *packets = tc_encode (pcm, SAMPLES, &kinds[0].rate);

  for (guint i = 0; i < G_N_ELEMENTS (when); i++)
    for (gint kind = 0; kind <= DEFAULT; kind++)
      encoder_fails (pcm, kind, when[i], i == 4);
  for (guint i = 0; i < G_N_ELEMENTS (losses); i++)
    for (gint at = 0; at <= PACKETS; at += i ? 13 : 10)
      decoder_fails (packets, losses[i].period, losses[i].lost, at);
  for (gint at = 0; at < 40; at += 3)
    second_run_fails (pcm, at);
  required_fails (pcm, packets);
  g_ptr_array_unref (packets);
}

int
main (int argc, char **argv)
{
  gfloat *pcm;

  tc_init (&argc, &argv);
  fake = tf_control ();
  pcm = tc_signal (SAMPLES);
  test_alone (pcm);
  test_failures (pcm);
  g_free (pcm);
  return tc_done ("test_gst_fall");
}
