/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_enc.c - checks that telucodecenc gives the packets of telu.h for any buffer sizes,
 * and accounts for every sample, and its behaviour in pipelines. */
#include "gst_common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define F32 RAW_CAPS ("F32LE")
#define S16 RAW_CAPS ("S16LE")

static GstHarness *
encoder (const gchar * caps)
{
  GstHarness *h = gst_harness_new ("telucodecenc");

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

/* Pulls the packets of one run of n samples that begins at sample `from`. */
static void
check_run (GstHarness * h, GPtrArray * expected, gint from, gint n,
    const gchar * what)
{
  gint64 at = 0;

  for (guint k = 0; k < expected->len; k++) {
    GstBuffer *buf = gst_harness_try_pull (h);
    const gint start = k ? 0 : TELU_DELAY;
    const gint64 to = MIN ((gint64) (k + 1) * TELU_PACKET - TELU_DELAY, n);
    const gint end = (k + 1) * TELU_PACKET - TELU_DELAY - to;

    if (!CHECK (buf, "%s: packet %u of %u is missing", what, k, expected->len))
      return;
    CHECK (tc_same_bytes (buf, g_ptr_array_index (expected, k)),
        "%s: packet %u differs", what, k);
    CHECK (tc_clip_start (buf) == start && tc_clip_end (buf) == end,
        "%s: packet %u clips %d and %d, expected %d and %d", what, k,
        tc_clip_start (buf), tc_clip_end (buf), start, end);
    CHECK (GST_BUFFER_PTS (buf) == tc_time (from + at) &&
        GST_BUFFER_PTS (buf) + GST_BUFFER_DURATION (buf) == tc_time (from + to),
        "%s: packet %u at %" GST_TIME_FORMAT " for %" GST_TIME_FORMAT, what, k,
        GST_TIME_ARGS (GST_BUFFER_PTS (buf)),
        GST_TIME_ARGS (GST_BUFFER_DURATION (buf)));
    CHECK (!GST_BUFFER_FLAG_IS_SET (buf, GST_BUFFER_FLAG_DISCONT) == (k > 0),
        "%s: DISCONT of packet %u", what, k);
    at = to;
    gst_buffer_unref (buf);
  }
  CHECK (!gst_harness_buffers_in_queue (h), "%s: %u packets too many", what,
      gst_harness_buffers_in_queue (h));
}

static void
push (GstHarness * h, const gfloat * pcm, gint from, gint n, gint chunk,
    gboolean s16)
{
  for (gint i = 0; i < n; i += chunk)
    CHECK (gst_harness_push (h, tc_raw_buffer (pcm, from + i,
                MIN (chunk, n - i), s16)) == GST_FLOW_OK, "sample %d", from + i);
}

static void
test_encode_nothing (void)
{
  GstHarness *h = encoder (F32);

  gst_harness_push_event (h, gst_event_new_eos ());
  CHECK (!gst_harness_buffers_in_queue (h), "packets of nothing");
  gst_harness_teardown (h);

  h = gst_harness_new ("telucodecenc");
  gst_harness_push_event (h, gst_event_new_stream_start ("a"));
  gst_harness_push_event (h, gst_event_new_eos ());
  CHECK (!gst_harness_buffers_in_queue (h), "packets of nothing, no caps");
  gst_harness_teardown (h);
}

static void
test_sizes (void)
{
  static const gint sizes[] = { 1, 79, 80, 81, 239, 240, 241, 319, 320, 321, 399,
    400, 560, 561, 640, 960, 4799, 49000
  };
  static const gint chunks[] = { 1, 7, 160, 320, 333, 4096, 100000 };
  gfloat *pcm = tc_signal (49000), *rounded = tc_signal (49000);

  for (gint i = 0; i < 49000; i++)
    rounded[i] = (gint16) (pcm[i] * 32768 + (pcm[i] < 0 ? -0.5f : 0.5f))
        / 32768.0f;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (gint s16 = 0; s16 < 2; s16++) {
      const gfloat *x = s16 ? rounded : pcm;
      GPtrArray *expected = tc_encode (x, sizes[i], NULL);

      for (guint c = 0; c < G_N_ELEMENTS (chunks); c++) {
        GstHarness *h = encoder (s16 ? S16 : F32);
        gchar *what = g_strdup_printf ("%d samples %s by %d", sizes[i],
            s16 ? "S16" : "F32", chunks[c]);

        push (h, x, 0, sizes[i], chunks[c], s16);
        gst_harness_push_event (h, gst_event_new_eos ());
        check_run (h, expected, 0, sizes[i], what);
        gst_harness_teardown (h);
        g_free (what);
      }
      g_ptr_array_unref (expected);
    }
  }
  g_free (rounded);
  g_free (pcm);
}

/* Checks that a SEGMENT ends the run, exact to the sample, and begins a new one. */
static void
test_segments (void)
{
  static const gint sizes[] = { 1000, 320, 250, 1, 700 };
  gfloat *pcm = tc_signal (5000);
  GstHarness *h = encoder (F32);
  GstSegment segment;
  gint from = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GPtrArray *expected = tc_encode (pcm + from, sizes[i], NULL);

    push (h, pcm, from, sizes[i], 333, FALSE);
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (h, gst_event_new_segment (&segment));
    check_run (h, expected, from, sizes[i], "before SEGMENT");
    from += sizes[i];
    g_ptr_array_unref (expected);
  }
  gst_harness_teardown (h);
  g_free (pcm);
}

static void
test_caps_change (void)
{
  gfloat *pcm = tc_signal (2000);
  GPtrArray *first = tc_encode (pcm, 777, NULL);
  GstHarness *h = encoder (F32);
  GPtrArray *second;

  /* samples rounded to 16 bits are exact in both formats */
  for (gint i = 777; i < 2000; i++)
    pcm[i] = (gint16) (pcm[i] * 32768) / 32768.0f;
  second = tc_encode (pcm + 777, 1223, NULL);

  push (h, pcm, 0, 777, 100, FALSE);
  gst_harness_set_src_caps_str (h, S16);
  push (h, pcm, 777, 1, 1, TRUE);
  check_run (h, first, 0, 777, "F32");
  push (h, pcm, 778, 1222, 100, TRUE);
  gst_harness_push_event (h, gst_event_new_eos ());
  check_run (h, second, 777, 1223, "S16");
  gst_harness_teardown (h);
  g_ptr_array_unref (second);
  g_ptr_array_unref (first);
  g_free (pcm);
}

/* Checks that flushed samples do not affect later packets. */
static void
test_flush (void)
{
  gfloat *pcm = tc_signal (3000);
  GPtrArray *expected = tc_encode (pcm + 1000, 900, NULL);
  GstHarness *h = encoder (F32);
  GstSegment segment;
  GstBuffer *buf;

  push (h, pcm, 0, 1000, 333, FALSE);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  while ((buf = gst_harness_try_pull (h)))
    gst_buffer_unref (buf);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push (h, pcm, 1000, 900, 333, FALSE);
  gst_harness_push_event (h, gst_event_new_eos ());
  check_run (h, expected, 1000, 900, "after the flush");
  gst_harness_teardown (h);
  g_ptr_array_unref (expected);
  g_free (pcm);
}

/* Changes properties while playing, also within a packet. They take effect with the next
 * packet. */
static void
test_properties (void)
{
  static const struct telu_rate rates[] = {
    {16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1},
    {24000, TELU_CBR, TELU_SNR, 1, 1},
    {500, TELU_CBR, TELU_PERCEPTUAL, 1, 1},
    {64000, TELU_VBR, TELU_SNR, 1},
    {2000, TELU_CBR, TELU_PERCEPTUAL, 0},
    {32000, TELU_CBR, TELU_PERCEPTUAL, 1},
    {64000, TELU_CBR, TELU_SNR, 1},
    {4000, TELU_CBR, TELU_PERCEPTUAL, 1},
    {4000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1},
  };
  const gint n = 4 * TELU_PACKET * G_N_ELEMENTS (rates);
  gfloat *pcm = tc_signal (n);
  struct telu_encoder *enc = telu_encoder_new (tc_model (), NULL);
  struct telu_decoder *dec = telu_decoder_new (tc_model (), NULL);
  GstHarness *h = encoder (F32);
  guint8 packet[TELU_MAX_PACKET];
  gfloat out[TELU_PACKET];

  for (gint k = 0; k < n / TELU_PACKET; k++) {
    const struct telu_rate *r = &rates[k % G_N_ELEMENTS (rates)];
    const gint at = k * TELU_PACKET;
    GstBuffer *buf;
    GBytes *bytes;
    gint size, bitrate;

    push (h, pcm, at, 200, 200, FALSE);
    g_object_set (h->element, "bitrate", r->bitrate, "bitrate-type", r->mode,
        "tune", r->tune, "refinement", r->refinement, "high-pass",
        r->highpass, NULL);
    push (h, pcm, at + 200, 120, 120, FALSE);

    telu_encoder_set (enc, r);
    size = telu_encode (enc, pcm + at, packet, sizeof (packet));
    bytes = g_bytes_new (packet, size);
    buf = gst_harness_try_pull (h);
    CHECK (buf && tc_same_bytes (buf, bytes), "packet %d differs", k);
    if (r->mode == TELU_CBR && r->refinement)
      CHECK (buf && (gint) gst_buffer_get_size (buf) == r->bitrate / 400,
          "packet %d: %d bytes at %d bit/s", k,
          (gint) gst_buffer_get_size (buf), r->bitrate);
    CHECK (telu_decode (dec, packet, size, out) == 0, "packet %d", k);
    g_object_get (h->element, "bitrate", &bitrate, NULL);
    CHECK (bitrate == r->bitrate, "%d", bitrate);
    gst_clear_buffer (&buf);
    g_bytes_unref (bytes);
  }
  gst_harness_teardown (h);
  telu_encoder_free (enc);
  telu_decoder_free (dec);
  g_free (pcm);
}

/* Changes properties from another thread, as fast as it can. */
static void
test_stress (void)
{
  const gint n = 400 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GstHarness *h = encoder (F32);
  GValue value = G_VALUE_INIT;
  GstHarnessThread *thread;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, 24000);
  thread = gst_harness_stress_property_start (h, "bitrate", &value);
  push (h, pcm, 0, n, 777, FALSE);
  gst_harness_push_event (h, gst_event_new_eos ());
  CHECK (gst_harness_stress_thread_stop (thread) > 0, "no change was made");
  CHECK (gst_harness_buffers_in_queue (h) == 401, "%u packets, expected 401",
      gst_harness_buffers_in_queue (h));
  g_value_unset (&value);
  gst_harness_teardown (h);
  g_free (pcm);
}

static void
test_defaults (void)
{
  GstElement *element = gst_element_factory_make ("telucodecenc", NULL);
  gchar *path;
  gint bitrate, mode, tune, backend;
  gboolean refinement, high_pass;

  g_object_get (element, "bitrate", &bitrate, "bitrate-type", &mode, "tune",
      &tune, "refinement", &refinement, "high-pass", &high_pass, "backend", &backend,
      "model-path", &path, NULL);
  CHECK (bitrate == 16000 && mode == TELU_CONSTRAINED_VBR
      && tune == TELU_PERCEPTUAL && refinement && high_pass && backend == 0
      && !path, "%d %d %d %d %d %d %s", bitrate, mode, tune, refinement,
      high_pass, backend, path);
  CHECK (GST_IS_PRESET (element) && GST_IS_TAG_SETTER (element), "interfaces");
  gst_util_set_object_arg (G_OBJECT (element), "bitrate-type", "cbr");
  gst_util_set_object_arg (G_OBJECT (element), "tune", "snr");
  g_object_get (element, "bitrate-type", &mode, "tune", &tune, NULL);
  CHECK (mode == TELU_CBR && tune == TELU_SNR, "%d %d", mode, tune);
  gst_object_unref (element);
}

/* Loads the presets. The environment variable GST_PRESET_PATH names their folder. */
static void
test_presets (void)
{
  GstElement *element = gst_element_factory_make ("telucodecenc", NULL);
  gint bitrate, mode, tune;

  if (!g_getenv ("GST_PRESET_PATH")) {
    printf ("presets: skipped, GST_PRESET_PATH is not set\n");
  } else if (CHECK (gst_preset_load_preset (GST_PRESET (element),
              "Profile Archive"), "no preset 'Profile Archive'")) {
    g_object_get (element, "bitrate", &bitrate, "bitrate-type", &mode, "tune",
        &tune, NULL);
    CHECK (bitrate == 32000 && mode == TELU_VBR && tune == TELU_SNR,
        "%d %d %d", bitrate, mode, tune);
  }
  gst_object_unref (element);
}

static void
test_latency (void)
{
  GstHarness *h = encoder (F32);
  GstClockTime latency = gst_harness_query_latency (h);

  CHECK (latency == 25 * GST_MSECOND, "encoder: %" GST_TIME_FORMAT,
      GST_TIME_ARGS (latency));
  gst_harness_teardown (h);

  h = gst_harness_new_parse ("telucodecenc ! telucodecdec");
  gst_harness_set_src_caps_str (h, F32);
  latency = gst_harness_query_latency (h);
  CHECK (latency == 25 * GST_MSECOND, "both: %" GST_TIME_FORMAT,
      GST_TIME_ARGS (latency));
  gst_harness_teardown (h);
}

static void
test_tags_and_caps (void)
{
  gfloat *pcm = tc_signal (TELU_PACKET);
  GstHarness *h = encoder (F32);
  GstTagList *found = gst_tag_list_new_empty ();
  gchar *codec = NULL, *name = NULL, *title = NULL;
  guint version = 0, nominal = 0;
  GstCaps *caps, *expected;
  GstEvent *event;
  gchar *coded = tc_coded_caps (), *file = g_path_get_basename (tc_model_path ()), *text;

  /* The weights of the tests are not the shipped ones, and so they have a name. */
  file[strlen (file) - strlen (".safetensors")] = '\0';
  text = g_strdup_printf ("%s,model-name=(string)%s", coded, file);
  g_object_set (h->element, "bitrate", 12000, NULL);
  gst_tag_setter_add_tags (GST_TAG_SETTER (h->element), GST_TAG_MERGE_REPLACE,
      GST_TAG_TITLE, "a title", NULL);
  push (h, pcm, 0, TELU_PACKET, TELU_PACKET, FALSE);
  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
      GstTagList *tags;

      gst_event_parse_tag (event, &tags);
      gst_tag_list_insert (found, tags, GST_TAG_MERGE_REPLACE);
    }
    gst_event_unref (event);
  }
  gst_tag_list_get_string (found, GST_TAG_AUDIO_CODEC, &codec);
  gst_tag_list_get_string (found, GST_TAG_ENCODER, &name);
  gst_tag_list_get_string (found, GST_TAG_TITLE, &title);
  gst_tag_list_get_uint (found, GST_TAG_ENCODER_VERSION, &version);
  gst_tag_list_get_uint (found, GST_TAG_NOMINAL_BITRATE, &nominal);
  CHECK (!g_strcmp0 (codec, "TeluCodec"), "codec %s", codec);
  CHECK (!g_strcmp0 (name, "telucodecenc"), "encoder %s", name);
  CHECK (!g_strcmp0 (title, "a title"), "title %s", title);
  CHECK (version > 0 && nominal == 12000, "version %u, bitrate %u", version,
      nominal);

  caps = gst_pad_get_current_caps (h->sinkpad);
  expected = gst_caps_from_string (text);
  CHECK (caps && gst_caps_is_equal (caps, expected), "caps are not %s", text);
  gst_caps_unref (expected);
  gst_clear_caps (&caps);
  g_free (coded);
  g_free (file);
  g_free (text);
  g_free (codec);
  g_free (name);
  g_free (title);
  gst_tag_list_unref (found);
  gst_harness_teardown (h);
  g_free (pcm);
}

static void
test_stats (void)
{
  const gint n = 50 * TELU_PACKET;
  gfloat *pcm = tc_signal (n);
  GstHarness *h = encoder (F32);
  guint64 packets = 0, bytes = 0, sum = 0;
  gdouble speed = 0;
  guint average = 0;
  gint frame = 0, lookahead = 0, latency = 0, stages = -1;
  GstStructure *stats;
  GstBuffer *buf;

  g_object_get (h->element, "stats", &stats, NULL);
  CHECK (gst_structure_get_uint64 (stats, "packets", &packets) && packets == 0,
      "%u packets before the first", (guint) packets);
  gst_structure_free (stats);

  push (h, pcm, 0, n, 320, FALSE);
  while ((buf = gst_harness_try_pull (h))) {
    sum += gst_buffer_get_size (buf);
    gst_buffer_unref (buf);
  }
  g_object_get (h->element, "stats", &stats, NULL);
  CHECK (gst_structure_has_name (stats, "application/x-telucodecenc-stats"),
      "%s", gst_structure_get_name (stats));
  gst_structure_get (stats, "packets", G_TYPE_UINT64, &packets, "bytes",
      G_TYPE_UINT64, &bytes, "average-bitrate", G_TYPE_UINT, &average,
      "frame-samples", G_TYPE_INT, &frame, "lookahead-samples", G_TYPE_INT,
      &lookahead, "latency-samples", G_TYPE_INT, &latency, "stages",
      G_TYPE_INT, &stages, "real-time-factor", G_TYPE_DOUBLE, &speed, NULL);
  CHECK (packets == 50 && bytes == sum && average == sum * 8, "%u %u of %u %u",
      (guint) packets, (guint) bytes, (guint) sum, average);
  CHECK (frame == 320 && lookahead == 80 && latency == 400, "%d %d %d", frame,
      lookahead, latency);
  CHECK (stages >= 0 && stages <= TELU_MAX_STAGES && speed > 0, "%d %g", stages,
      speed);
  gst_structure_free (stats);
  gst_harness_teardown (h);
  g_free (pcm);
}

static void
test_no_caps (void)
{
  GstElement *element = gst_element_factory_make ("telucodecenc", NULL);
  GstBus *bus = gst_bus_new ();
  GstPad *pad = gst_element_get_static_pad (element, "sink");
  gfloat *pcm = tc_signal (TELU_PACKET);
  GstSegment segment;
  GstFlowReturn ret;

  gst_element_set_bus (element, bus);
  gst_element_set_state (element, GST_STATE_PLAYING);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_send_event (pad, gst_event_new_stream_start ("a"));
  gst_pad_send_event (pad, gst_event_new_segment (&segment));
  ret = gst_pad_chain (pad, tc_raw_buffer (pcm, 0, TELU_PACKET, FALSE));
  CHECK (ret == GST_FLOW_NOT_NEGOTIATED, "%s", gst_flow_get_name (ret));
  tc_expect_error (bus, "without caps", GST_CORE_ERROR,
      GST_CORE_ERROR_NEGOTIATION, "");
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (pad);
  gst_object_unref (bus);
  gst_object_unref (element);
  g_free (pcm);
}

/* Checks that NaN and infinities in the input give packets. */
static void
test_not_a_number (void)
{
  gfloat *pcm = tc_signal (4 * TELU_PACKET);
  GstHarness *h = encoder (F32);

  pcm[500] = NAN;
  pcm[501] = INFINITY;
  pcm[502] = -INFINITY;
  push (h, pcm, 0, 4 * TELU_PACKET, 320, FALSE);
  CHECK (gst_harness_buffers_in_queue (h) == 4, "%u packets",
      gst_harness_buffers_in_queue (h));
  gst_harness_teardown (h);
  g_free (pcm);
}

int
main (int argc, char **argv)
{
  const int child = tc_child (argc, argv);

  if (child >= 0)
    return child;
  tc_init (&argc, &argv);
  test_defaults ();
  test_encode_nothing ();
  test_sizes ();
  test_segments ();
  test_caps_change ();
  test_flush ();
  test_properties ();
  test_stress ();
  test_presets ();
  test_latency ();
  test_tags_and_caps ();
  test_stats ();
  test_no_caps ();
  test_not_a_number ();
  tc_test_states ("telucodecenc");
  tc_test_model_errors ("telucodecenc");
  tc_test_model_cache ("telucodecenc");
  return tc_done ("gst_enc");
}
