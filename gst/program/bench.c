/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench.c - telucodec bench: how fast this machine encodes and decodes one stream. */
#include "program.h"

#include "pcm.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <math.h>
#include <string.h>

#define RUNS 3                  /* the fastest counts */
#define PATIENCE (600 * GST_SECOND)

/* Makes a voice-like sound: pulses of a moving pitch through two resonances, with pauses. */
static float *
voice (gsize n)
{
  float *x = g_new (float, n);
  double phase = 0, a1 = 0, a2 = 0, b1 = 0, b2 = 0;

  for (gsize i = 0; i < n; i++) {
    const double t = (double) i / RATE, pitch = 120 + 30 * sin (2 * G_PI * 0.7 * t);
    const double f1 = 500 + 250 * sin (2 * G_PI * 1.9 * t), f2 = 1700 + 600 * sin (5 * t);
    double pulse, y;

    phase += pitch / RATE;
    pulse = phase >= 1 ? 1 : 0;
    phase -= (int) phase;
    if (fmod (t, 2.5) > 2)
      pulse = 0;
    y = pulse + 2 * 0.97 * cos (2 * G_PI * f1 / RATE) * a1 - 0.97 * 0.97 * a2;
    a2 = a1;
    a1 = y;
    y += 2 * 0.95 * cos (2 * G_PI * f2 / RATE) * b1 - 0.95 * 0.95 * b2;
    b2 = b1;
    b1 = y;
    x[i] = (float) (0.02 * y);
  }
  return x;
}

/* Pushes the buffers through one element. Returns the seconds that it took, without those of
 * loading the weights, or -1 and error. Packets that come out are added to `out`. */
static double
run (const char *element, GstCaps * caps, GstBufferList * in, GPtrArray * out,
    GError ** error)
{
  char *text = g_strdup_printf ("appsrc name=src format=time max-bytes=0 ! %s name=codec "
      "! appsink name=sink sync=false", element);
  GstElement *pipe = gst_parse_launch (text, error);
  GstElement *src, *sink;
  GstSample *sample;
  gint64 begun, ended;
  GstMessage *msg;
  GstBus *bus;

  g_free (text);
  if (!pipe)
    return -1;
  src = gst_bin_get_by_name (GST_BIN (pipe), "src");
  sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
  gst_app_src_set_caps (GST_APP_SRC (src), caps);
  gst_element_set_state (pipe, GST_STATE_PLAYING);
  begun = g_get_monotonic_time ();
  gst_app_src_push_buffer_list (GST_APP_SRC (src), gst_buffer_list_ref (in));
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  while ((sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), PATIENCE))) {
    if (out)
      g_ptr_array_add (out, sample);
    else
      gst_sample_unref (sample);
    if (setup_stopped ())
      break;
  }
  ended = g_get_monotonic_time ();
  bus = gst_element_get_bus (pipe);
  msg = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  if (msg) {
    gst_message_parse_error (msg, error, NULL);
    gst_message_unref (msg);
  } else if (setup_stopped ()) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  }
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_object_unref (pipe);
  return *error ? -1 : (ended - begun) * 1e-6;
}

/* Splits the sound into buffers of 20 ms. */
static GstBufferList *
split (const float *x, gsize n)
{
  GstBufferList *list = gst_buffer_list_new ();

  for (gsize at = 0; at < n; at += RATE / 50) {
    const gsize size = MIN (RATE / 50, n - at);
    GstBuffer *buffer = gst_buffer_new_memdup (x + at, size * sizeof (float));

    GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (at, GST_SECOND, RATE);
    GST_BUFFER_DURATION (buffer) = gst_util_uint64_scale (size, GST_SECOND, RATE);
    gst_buffer_list_add (list, buffer);
  }
  return list;
}

/* Measures both directions. time[0]: encode; time[1]: decode; -1 and error. */
static gint64
measure_both (const float *x, gsize n, const char *with[2], double time[2], GError ** error)
{
  GstCaps *caps = gst_caps_from_string ("audio/x-raw,format=F32LE,layout=interleaved,"
      "rate=16000,channels=1");
  GstBufferList *pcm = split (x, n), *packets = gst_buffer_list_new ();
  GPtrArray *out = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_sample_unref);
  gint64 bytes = 0;
  double t;

  time[0] = run (with[0], caps, pcm, out, error);
  gst_caps_unref (caps);
  caps = NULL;
  for (guint i = 0; i < out->len; i++) {
    GstBuffer *buffer = gst_sample_get_buffer (out->pdata[i]);

    bytes += gst_buffer_get_size (buffer);
    gst_buffer_list_add (packets, gst_buffer_ref (buffer));
    if (!caps)
      caps = gst_caps_ref (gst_sample_get_caps (out->pdata[i]));
  }
  time[1] = *error ? -1 : run (with[1], caps, packets, NULL, error);
  g_clear_pointer (&caps, gst_caps_unref);
  caps = gst_caps_from_string ("audio/x-raw,format=F32LE,layout=interleaved,"
      "rate=16000,channels=1");
  for (int i = 1; i < RUNS && !*error; i++) {
    t = run (with[0], caps, pcm, NULL, error);
    time[0] = *error ? -1 : MIN (time[0], t);
    t = *error ? -1 : run (with[1], gst_sample_get_caps (out->pdata[0]), packets, NULL, error);
    time[1] = *error ? -1 : MIN (time[1], t);
  }
  gst_caps_unref (caps);
  g_ptr_array_unref (out);
  gst_buffer_list_unref (packets);
  gst_buffer_list_unref (pcm);
  return bytes;
}

int
bench_main (int argc, char **argv)
{
  static const char *const backends[] = { "auto", "cpu", "cuda", NULL };
  char *bitrate = NULL, *backend = NULL;
  double seconds = 30;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    {"bitrate", 'b', 0, G_OPTION_ARG_STRING, &bitrate, "bit/s, 500 to 64000 (16k)", "RATE"},
    {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "Length of the sound without FILE (30)", "X"},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &backend, "auto, cpu or cuda", "NAME"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print a JSON object", NULL},
    {NULL}
  };
  GError *error = NULL;
  double time[2];
  gint64 bytes;
  float *x;
  gsize n;
  int rate;

  if (!options_parse (&argc, &argv, entries, "[FILE]",
          "Tells how many seconds of sound one stream encodes and decodes in a second.",
          "Without FILE the sound is an artificial voice. The fastest of three runs counts;\n"
          "loading the weights does not."))
    return DONE_USAGE;
  rate = options_bitrate (bitrate ? bitrate : "16k");
  if (rate < 0)
    return options_wrong ("-b is %s, expected 500 to 64000 bit/s, as in 6k", bitrate);
  if (!(seconds >= 0.1 && seconds <= 3600))
    return options_wrong ("--seconds is %g, expected 0.1 to 3600", seconds);
  if (!options_one_of ("--backend", backend, backends))
    return DONE_USAGE;
  if (argc > 2)
    return options_wrong ("expected one file at most; %d are named", argc - 1);
  n = (gsize) (seconds * RATE);
  x = argc > 1 ? pcm_read (argv[1], RATE, &n, &error) : voice (n);
  if (!x) {
    say ("%s: %s", argv[1], error->message);
    g_clear_error (&error);
    return DONE_SOME;
  }
  char *enc = g_strdup_printf ("telucodecenc bitrate=%d backend=%s", rate,
      backend ? backend : "auto");
  char *dec = g_strdup_printf ("telucodecdec backend=%s", backend ? backend : "auto");
  const char *with[2] = { enc, dec };
  bytes = measure_both (x, n, with, time, &error);
  seconds = (double) n / RATE;
  if (error)
    say ("%s", error->message);
  else if (json)
    g_print ("{\n  \"seconds\": %.3f,\n  \"bitrate\": %.1f,\n  \"encode\": %.3f,\n"
        "  \"decode\": %.3f\n}\n", seconds, bytes * 8 / seconds, seconds / time[0],
        seconds / time[1]);
  else
    g_print ("sound      %.2f s at %.2f kbit/s\n"
        "encode     %.1f times real time, %.2f ms for a packet of 20 ms\n"
        "decode     %.1f times real time, %.2f ms for a packet of 20 ms\n", seconds,
        bytes * 8e-3 / seconds, seconds / time[0], time[0] / seconds * 20, seconds / time[1],
        time[1] / seconds * 20);
  g_free (enc);
  g_free (dec);
  g_free (x);
  rate = error ? setup_stopped () ? DONE_STOPPED : DONE_SOME : DONE_ALL;
  g_clear_error (&error);
  return rate;
}
