/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compare.c - telucodec-compare ORIGINAL DECODED [PICTURE.png]: compares a decoded file
 * with its original: SNR and level, sample by sample, and both spectrograms.
 *
 * The SNR is plain: 10 log10(sum x^2 / sum (x - y)^2), no alignment, no gain. */
#include "pcm.h"

#include <gst/app/gstappsrc.h>
#include <gst/fft/gstfftf32.h>
#include <gst/gst.h>
#include <math.h>
#include <stdlib.h>

#define RATE 16000
#define FFT 512
#define HEIGHT (FFT / 2)
#define WIDTH 1000
#define GAP 8
/* Levels drawn white and black, in dB relative to a full-scale sine. */
#define TOP_DB (-30.0)
#define FLOOR_DB (-105.0)

/* Maps level 0 .. 1 to black, blue, magenta, orange, white. */
static void
colour (double level, guint8 * rgb)
{
  static const double stop[5][3] = {
    {0, 0, 0}, {40, 20, 120}, {180, 40, 130}, {250, 150, 50}, {255, 255, 240}
  };
  double at = CLAMP (level, 0, 1) * 4;
  int i = MIN ((int) at, 3);

  for (int c = 0; c < 3; c++)
    rgb[c] = (guint8) lrint (stop[i][c] + (at - i) * (stop[i + 1][c] - stop[i][c]));
}

/* Draws n samples of x over the whole width, 0 Hz at the bottom; 0 dB is a full-scale sine. */
static void
spectrogram (const float *x, gsize n, guint8 * rgb)
{
  GstFFTF32 *fft = gst_fft_f32_new (FFT, FALSE);
  GstFFTF32Complex bin[FFT / 2 + 1];
  float frame[FFT];

  for (int col = 0; col < WIDTH; col++) {
    gint64 start = (gint64) ((double) col * n / WIDTH) - FFT / 2;
    for (int i = 0; i < FFT; i++) {
      gint64 at = start + i;
      frame[i] = at >= 0 && at < (gint64) n ? x[at] : 0;
    }
    gst_fft_f32_window (fft, frame, GST_FFT_WINDOW_HANN);
    gst_fft_f32_fft (fft, frame, bin);
    for (int k = 0; k < HEIGHT; k++) {
      double power = (double) bin[k].r * bin[k].r + (double) bin[k].i * bin[k].i;
      double db = 10 * log10 (power / (FFT * FFT / 16.0) + 1e-12);
      colour ((db - FLOOR_DB) / (TOP_DB - FLOOR_DB),
          rgb + ((gsize) (HEIGHT - 1 - k) * WIDTH + col) * 3);
    }
  }
  gst_fft_f32_free (fft);
}

static gboolean
write_png (const char *path, guint8 * rgb, int height)
{
  GError *error = NULL;
  GstElement *pipe = gst_parse_launch ("appsrc name=src ! videoconvert ! pngenc "
      "snapshot=true ! filesink name=sink", &error);
  if (!pipe) {
    g_printerr ("telucodec-compare: %s\n", error->message);
    g_clear_error (&error);
    g_free (rgb);
    return FALSE;
  }
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipe), "src");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
  GstCaps *caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING,
      "RGB", "width", G_TYPE_INT, WIDTH, "height", G_TYPE_INT, height,
      "framerate", GST_TYPE_FRACTION, 1, 1, NULL);
  GstBuffer *buffer = gst_buffer_new_wrapped (rgb, (gsize) WIDTH * height * 3);

  g_object_set (sink, "location", path, NULL);
  g_object_set (src, "caps", caps, "format", GST_FORMAT_TIME, NULL);
  GST_BUFFER_PTS (buffer) = 0;
  gst_element_set_state (pipe, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (src), buffer);
  gst_app_src_end_of_stream (GST_APP_SRC (src));

  GstBus *bus = gst_element_get_bus (pipe);
  GstMessage *msg = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gboolean ok = msg && GST_MESSAGE_TYPE (msg) == GST_MESSAGE_EOS;
  if (!ok && msg) {
    gst_message_parse_error (msg, &error, NULL);
    g_printerr ("telucodec-compare: %s: %s\n", path, error->message);
    g_clear_error (&error);
  }
  if (msg)
    gst_message_unref (msg);
  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_caps_unref (caps);
  gst_object_unref (bus);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_object_unref (pipe);
  return ok;
}

static double
deviation (const float *x, gsize n, double *mean)
{
  double sum = 0, square = 0;

  for (gsize i = 0; i < n; i++) {
    sum += x[i];
    square += (double) x[i] * x[i];
  }
  *mean = sum / n;
  return sqrt (MAX (square / n - *mean * *mean, 0));
}

static void
print_table (const float *x, const float *y, gsize n)
{
  double signal = 0, noise = 0, mean_x, mean_y;
  double dev_x = deviation (x, n, &mean_x), dev_y = deviation (y, n, &mean_y);

  for (gsize i = 0; i < n; i++) {
    signal += (double) x[i] * x[i];
    noise += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
  }
  g_print ("seconds    %.3f\n", (double) n / RATE);
  g_print ("SNR        %.2f dB\n", 10 * log10 (signal / (noise + 1e-20) + 1e-20));
  g_print ("level      %.2f dBFS in, %.2f dBFS out\n", 20 * log10 (dev_x + 1e-10),
      20 * log10 (dev_y + 1e-10));
  g_print ("deviation  %.4f of the original's\n", dev_y / (dev_x + 1e-20));
  g_print ("mean       %+.6f of full scale\n", mean_y);
}

int
main (int argc, char **argv)
{
  gsize n[2];
  float *x[2];

  gst_init (&argc, &argv);
  if (argc != 3 && argc != 4) {
    g_printerr ("usage: telucodec-compare ORIGINAL DECODED [PICTURE.png]\n");
    return 2;
  }
  for (int i = 0; i < 2; i++) {
    GError *error = NULL;
    x[i] = pcm_read (argv[1 + i], RATE, &n[i], &error);
    if (!x[i]) {
      g_printerr ("telucodec-compare: %s: %s\n", argv[1 + i], error->message);
      return 1;
    }
  }
  if (n[0] != n[1])
    g_print ("length     %" G_GSIZE_FORMAT " samples became %" G_GSIZE_FORMAT "\n",
        n[0], n[1]);
  print_table (x[0], x[1], MIN (n[0], n[1]));

  gboolean ok = TRUE;
  if (argc == 4) {
    int height = 2 * HEIGHT + GAP;
    guint8 *rgb = g_malloc ((gsize) WIDTH * height * 3);
    memset (rgb, 255, (gsize) WIDTH * height * 3);
    spectrogram (x[0], n[0], rgb);
    spectrogram (x[1], n[1], rgb + (gsize) WIDTH * (HEIGHT + GAP) * 3);
    ok = write_png (argv[3], rgb, height);
  }
  g_free (x[0]);
  g_free (x[1]);
  return ok ? 0 : 1;
}
