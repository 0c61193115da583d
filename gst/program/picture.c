/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* picture.c - three spectrograms below each other, with axes, titles and one scale, and levels. */
#include "picture.h"

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
#define LEVELS 128              /* height of the panel of levels, below the others */
#define HEIGHT (PANELS * PANEL + ABOVE + LEVELS + BELOW)
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

/* An axis upwards: from low to high over so many pixels, a number every step. */
typedef struct
{
  const char *unit;
  int low, high, step, height;
} Axis;

static const Axis frequency = { "kHz", 0, 8, 2, BAND };
static const Axis loudness = { "dBFS", LEVEL_FLOOR_DB, LEVEL_TOP_DB, 20, LEVELS };

static void
axes (guint8 * rgb, int top, const Axis * up, double seconds, const char *title)
{
  const int bottom = top + up->height;
  const double step = time_step (seconds);
  char text[32];

  label (rgb, LEFT + PLOT / 2, top - 19, 0, title);
  font_draw (rgb, WIDTH, LEFT - 2 * FONT_ADVANCE, top - 26, up->unit);
  line (rgb, LEFT - 1, top, 0, 1, up->height + 1);
  line (rgb, LEFT - 1, bottom, 1, 0, PLOT + 1);
  for (int at = up->low; at <= up->high; at += up->step) {
    const int y = bottom - (at - up->low) * up->height / (up->high - up->low);

    line (rgb, LEFT - TICK, y, 1, 0, TICK);
    g_snprintf (text, sizeof (text), "%d", at);
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

/* Draws how loud before and after are. The wider curve of before shows below that of after. */
static void
levels (guint8 * rgb, int top, const float *const *sound, gsize n)
{
  static const char *const name[2] = { "before", "after" };
  static const guint8 ink[2][3] = { {40, 20, 220}, {230, 110, 20} };
  const Plot plot = { rgb, WIDTH, LEFT, top, PLOT, LEVELS };

  for (int i = 0; i < 2; i++) {
    const int x = LEFT + PLOT + 16, y = top + 20 + i * 30;

    level_draw (&plot, sound[i], n, ink[i], i ? 0 : 2);
    for (int k = 0; k < (i ? 1 : 5) * 2 * TICK; k++)
      memcpy (pixel (rgb, x + k % (2 * TICK), y + k / (2 * TICK)), ink[i], 3);
    font_draw (rgb, WIDTH, x + 4 * TICK, y - 7, name[i]);
  }
  axes (rgb, top, &loudness, (double) n / RATE, "level");
}

GBytes *
picture_draw (const float *before, const float *after, gsize n, GError ** error)
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
    axes (rgb, top, &frequency, (double) n / RATE, title[p]);
    scale (rgb, top);
  }
  levels (rgb, PANELS * PANEL + ABOVE, sound, n);
  g_free (difference);
  return png_encode (rgb, WIDTH, HEIGHT, error);
}
