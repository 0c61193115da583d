/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* picture.c - three spectrograms below each other, with axes, titles and one scale. */
#include "picture.h"

#include <gio/gio.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <math.h>

#define RATE 16000
#define LEFT 64                 /* pixels beside, above and below a panel */
#define RIGHT 132
#define ABOVE 34
#define BELOW 32
#define BAND 256                /* height of a panel: a pixel a bin, 0 Hz left out */
#define PLOT 1000               /* its width */
#define PANELS 3
#define WIDTH (LEFT + PLOT + RIGHT)
#define PANEL (ABOVE + BAND + BELOW)
#define HEIGHT (PANELS * PANEL)
#define TICK 5
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
  const double at = CLAMP (level, 0, 1) * 4;
  const int i = MIN ((int) at, 3);

  for (int c = 0; c < 3; c++)
    rgb[c] = (guint8) lrint (stop[i][c] + (at - i) * (stop[i + 1][c] - stop[i][c]));
}

static guint8 *
pixel (guint8 * rgb, int x, int y)
{
  return rgb + ((gsize) y * WIDTH + x) * 3;
}

static void
line (guint8 * rgb, int x, int y, int dx, int dy, int length)
{
  for (int i = 0; i < length; i++)
    memset (pixel (rgb, x + i * dx, y + i * dy), 0, 3);
}

/* Draws text whose middle (align 0), or right end (1), is at x; y is its vertical middle. */
static void
label (guint8 * rgb, int x, int y, int align, const char *text)
{
  const int width = font_width (text);

  font_draw (rgb, WIDTH, align ? x - width : x - width / 2, y - 7 * FONT_SCALE / 2, text);
}

/* Returns a step of 1, 2 or 5 times a power of ten that divides seconds into at most ten. */
static double
time_step (double seconds)
{
  double step = 1e-3;

  for (int i = 0; seconds / step > 10; i++)
    step *= i % 3 == 1 ? 2.5 : 2;
  return step;
}

static void
axes (guint8 * rgb, int top, double seconds, const char *title)
{
  const int bottom = top + BAND;
  const double step = time_step (seconds);
  char text[32];

  label (rgb, LEFT + PLOT / 2, top - 19, 0, title);
  font_draw (rgb, WIDTH, LEFT - 2 * FONT_ADVANCE, top - 26, "kHz");
  line (rgb, LEFT - 1, top, 0, 1, BAND + 1);
  line (rgb, LEFT - 1, bottom, 1, 0, PLOT + 1);
  for (int khz = 0; khz <= 8; khz += 2) {
    const int y = bottom - khz * BAND / 8;

    line (rgb, LEFT - TICK, y, 1, 0, TICK);
    g_snprintf (text, sizeof (text), "%d", khz);
    label (rgb, LEFT - 10, y, 1, text);
  }
  for (int i = 0; i * step <= seconds * 1.0001; i++) {
    const int x = LEFT + (int) (i * step / seconds * (PLOT - 1));

    line (rgb, x, bottom, 0, 1, TICK);
    g_snprintf (text, sizeof (text), "%g", i * step);
    label (rgb, x, bottom + 16, 0, text);
  }
  label (rgb, LEFT + PLOT + 26, bottom + 16, 0, "s");
}

/* Draws the scale of colours beside a panel. */
static void
scale (guint8 * rgb, int top)
{
  const int x = LEFT + PLOT + 16, width = 16;
  char text[32];

  for (int row = 0; row < BAND; row++)
    for (int col = 0; col < width; col++)
      colour (1 - row / (BAND - 1.0), pixel (rgb, x + col, top + row));
  for (int level = -100; level <= TOP_DB; level += 20) {
    const int y = top + (int) ((TOP_DB - level) / (TOP_DB - FLOOR_DB) * (BAND - 1));

    line (rgb, x + width, y, 1, 0, TICK);
    g_snprintf (text, sizeof (text), "%d", level);
    font_draw (rgb, WIDTH, x + width + 10, y - 7, text);
  }
  font_draw (rgb, WIDTH, x - 10, top - 26, "dB");
}

static void
spectrogram (guint8 * rgb, int top, const float *x, gsize n)
{
  Spectrum *s = spectrum_new ();

  for (int col = 0; col < PLOT; col++) {
    const float *power = spectrum_power (s, x, n, (gint64) ((double) col * n / PLOT));

    for (int k = 1; k <= BAND; k++) {
      const double db = 10 * log10 (power[k] + 1e-12);

      colour ((db - FLOOR_DB) / (TOP_DB - FLOOR_DB), pixel (rgb, LEFT + col, top + BAND - k));
    }
  }
  spectrum_free (s);
}

/* Writes the pixels, which it takes, as a PNG file. */
static gboolean
write_png (const char *path, guint8 * rgb, GError ** error)
{
  GstElement *pipe = gst_parse_launch_full ("appsrc name=src ! videoconvert "
      "! pngenc snapshot=true ! filesink name=sink", NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  GstElement *src, *sink;
  GstBuffer *buffer;
  GstMessage *msg;
  GstCaps *caps;
  GstBus *bus;
  gboolean ok;

  if (!pipe) {
    g_prefix_error (error, "a picture needs the Debian package gstreamer1.0-plugins-good: ");
    g_free (rgb);
    return FALSE;
  }
  src = gst_bin_get_by_name (GST_BIN (pipe), "src");
  sink = gst_bin_get_by_name (GST_BIN (pipe), "sink");
  caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "RGB", "width",
      G_TYPE_INT, WIDTH, "height", G_TYPE_INT, HEIGHT, "framerate", GST_TYPE_FRACTION, 1, 1, NULL);
  buffer = gst_buffer_new_wrapped (rgb, (gsize) WIDTH * HEIGHT * 3);
  g_object_set (sink, "location", path, NULL);
  g_object_set (src, "caps", caps, "format", GST_FORMAT_TIME, NULL);
  GST_BUFFER_PTS (buffer) = 0;
  gst_element_set_state (pipe, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (src), buffer);
  gst_app_src_end_of_stream (GST_APP_SRC (src));

  bus = gst_element_get_bus (pipe);
  msg = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  ok = msg && GST_MESSAGE_TYPE (msg) == GST_MESSAGE_EOS;
  if (!msg)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "the picture was not written in 20 s");
  else if (!ok)
    gst_message_parse_error (msg, error, NULL);
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

gboolean
picture_write (const char *path, const float *before, const float *after, gsize n,
    GError ** error)
{
  static const char *const title[PANELS] = { "before", "after", "difference" };
  guint8 *rgb = g_malloc ((gsize) WIDTH * HEIGHT * 3);
  float *difference = g_new (float, n);
  const float *sound[PANELS] = { before, after, difference };

  memset (rgb, 255, (gsize) WIDTH * HEIGHT * 3);
  for (gsize i = 0; i < n; i++)
    difference[i] = after[i] - before[i];
  for (int p = 0; p < PANELS; p++) {
    const int top = p * PANEL + ABOVE;

    spectrogram (rgb, top, sound[p], n);
    axes (rgb, top, (double) n / RATE, title[p]);
    scale (rgb, top);
  }
  g_free (difference);
  return write_png (path, rgb, error);
}
