/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* level.c - how loud a sound is from moment to moment, as a curve. */
#include "picture.h"

#include <math.h>

#define SHORTEST 400            /* samples that a level is taken of: 25 ms */

/* Returns the root mean square of the samples around `at`, in dB of full scale. */
static double
level_at (const float *x, gsize n, gsize at, gsize length)
{
  const gsize from = at > length / 2 ? at - length / 2 : 0;
  const gsize to = MIN (n, from + length);
  double sum = 0;

  for (gsize i = from; i < to; i++)
    sum += (double) x[i] * x[i];
  return 10 * log10 (sum / MAX (to - from, 1) + 1e-20);
}

void
level_draw (const Plot * plot, const float *x, gsize n, const guint8 * rgb, int wider)
{
  const gsize length = MAX (n / plot->width, SHORTEST);
  int last = -1;

  for (int col = 0; col < plot->width; col++) {
    const double db = level_at (x, n, (gsize) ((double) col * n / plot->width), length);
    const double part = (db - LEVEL_FLOOR_DB) / (LEVEL_TOP_DB - LEVEL_FLOOR_DB);
    const int y = plot->height - (int) lrint (CLAMP (part, 0, 1) * plot->height);
    const int from = MAX (last < 0 ? y : MIN (y, last), wider) - wider;
    const int to = MIN ((last < 0 ? y : MAX (y, last)) + wider, plot->height);

    for (int row = from; row <= to; row++) {
      const gsize pixel = (gsize) (plot->top + row) * plot->stride + plot->left + col;

      memcpy (plot->rgb + pixel * 3, rgb, 3);
    }
    last = y;
  }
}
