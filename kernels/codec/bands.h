/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bands.h - bands of coefficients, and a position that steps through a packet's coefficients.
 *
 *   for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
 *       struct telu_position w = telu_position_of(i + TELU_LANE);
 *
 *       run = telu_position_run(&w);
 *       ...                            run coefficients from w.h + w.k on, all of band w.b
 *   }
 *
 * A host thread handles a band at a time, a lane one coefficient.
 */
#ifndef TELU_BANDS_H
#define TELU_BANDS_H

#include "host_device.h"
#include "config.h"

/* The band of coefficient k of a hop. */
TELU_CONST uint8_t telu_band_of[TELU_HOP] = {
    0,  0,  0,  0,  1,  1,  1,  1,  2,  2,  2,  2,  3,  3,  3,  3,  4,  4,  4,  4,
    5,  5,  5,  6,  6,  6,  7,  7,  7,  7,  8,  8,  8,  8,  9,  9,  9,  9,  10, 10,
    10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 12, 12, 12, 12, 12, 12, 12, 13, 13, 13,
    13, 13, 13, 13, 14, 14, 14, 14, 14, 14, 14, 14, 14, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17,
    17, 17, 17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
    18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
    20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20,
};

/* Coefficient h + k of a packet. */
struct telu_position {
    int h;                     /* first coefficient of its hop: 0 or TELU_HOP */
    int k;                     /* index within the hop */
    int b;                     /* band */
};

TELU_INLINE struct telu_position telu_position_of(int i)
{
    int h = i < TELU_HOP ? 0 : TELU_HOP;
    struct telu_position w = { h, i - h, telu_band_of[i - h] };

    return w;
}

/* Coefficients that the thread handles from w on: the rest of the band, or one on a lane. */
TELU_INLINE int telu_position_run(const struct telu_position *w)
{
    return TELU_LANES > 1 ? 1 : telu_band_edge[w->b + 1] - w->k;
}

#if TELU_LANES == 1
#define TELU_WIDEST 20         /* coefficients of the last band, and at most of the others */

/* to [TELU_HOP] = x of each coefficient's band. Vectors write past a band, whose neighbour writes
 * over that: gathering from x takes longer. */
TELU_ALWAYS_INLINE void telu_spread(float *to, const float *x)
{
    for (int b = 0; b < TELU_BANDS; b++) {
        float *band = to + telu_band_edge[b], number = x[b];

        for (int i = 0; i < TELU_WIDEST; i++)
            band[i] = number;
    }
}

TELU_ALWAYS_INLINE void telu_spread_int(int *to, const int *x)
{
    for (int b = 0; b < TELU_BANDS; b++) {
        int *band = to + telu_band_edge[b], number = x[b];

        for (int i = 0; i < TELU_WIDEST; i++)
            band[i] = number;
    }
}
#endif

#endif
