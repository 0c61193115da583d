/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* picture.h - spectrograms with axes, as a PNG file; and what is measured of two sounds. */
#ifndef TELUCODEC_PICTURE_H
#define TELUCODEC_PICTURE_H

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

#define FONT_SCALE 2            /* pixels of the picture to one of a letter */
#define FONT_HEIGHT 8
#define FONT_ADVANCE (6 * FONT_SCALE)

/* Draws text in black, its upper left corner at x, y. Characters that the picture's axes do not
 * need are blank. */
void font_draw (guint8 * rgb, int width, int x, int y, const char *text);
int font_width (const char *text);

/* level.c: a part of a picture of `stride` pixels a row. The curve is the root mean square of at
 * least 25 ms around each pixel; its top is LEVEL_TOP_DB. wider: pixels above and below it. */
#define LEVEL_TOP_DB 0
#define LEVEL_FLOOR_DB (-80)    /* dB of full scale; lower ones are drawn there */
typedef struct
{
  guint8 *rgb;
  int stride, left, top, width, height;
} Plot;
void level_draw (const Plot * plot, const float *x, gsize n, const guint8 * rgb, int wider);

/* png.c: makes a PNG file of the pixels, which it takes. Returns NULL and error. */
GBytes *png_encode (guint8 * rgb, int width, int height, GError ** error);

/* Makes a PNG file: spectrograms of before, after and their difference, n samples each at
 * 16 kHz, all on one scale of time, frequency and level; below them the levels of before and after,
 * in blue and orange. Returns NULL and error. */
GBytes *picture_draw (const float *before, const float *after, gsize n, GError ** error);

#define MEASURE_FFT 512
#define MEASURE_BANDS 6

/* All levels in dB; of full scale where they are of one sound. */
typedef struct
{
  double snr;                   /* plain: no alignment, no gain */
  double si_sdr;                /* with the gain that makes it best */
  double lsd;                   /* log-spectral distance */
  double level[2];              /* deviation of before and after, in dB of full scale */
  double deviation;             /* of after, as a part of before's */
  double mean;                  /* of after */
  double band[MEASURE_BANDS][2];        /* level of each band, before and after */
} Measure;

/* Edges of the bands in Hz, MEASURE_BANDS + 1 of them. */
extern const int measure_edge[MEASURE_BANDS + 1];

/* Computes the power of each of MEASURE_FFT / 2 + 1 bins of a frame whose middle is sample
 * `at` (outside 0 .. n zeros count), under a Hann window; 1 is a full-scale sine. */
typedef struct Spectrum Spectrum;
Spectrum *spectrum_new (void);
void spectrum_free (Spectrum * s);
const float *spectrum_power (Spectrum * s, const float *x, gsize n, gint64 at);

Measure measure (const float *before, const float *after, gsize n);

G_END_DECLS
#endif
