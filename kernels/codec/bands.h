/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bands.h - which band a coefficient lies in, for what goes through a packet's coefficients
 * alone or among lanes (host_device.h): from place to place by run_of() times TELU_LANES.
 */
#ifndef TELU_BANDS_H
#define TELU_BANDS_H

#include "host_device.h"
#include "config.h"

/* The band of coefficient k of a hop. */
TELU_CONST uint8_t band_of[TELU_HOP] = {
    0,  0,  0,  0,  1,  1,  1,  1,  2,  2,  2,  2,  3,  3,  3,  3,  4,  4,  4,  4,
    5,  5,  5,  6,  6,  6,  7,  7,  7,  7,  8,  8,  8,  8,  9,  9,  9,  9,  10, 10,
    10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 12, 12, 12, 12, 12, 12, 12, 13, 13, 13,
    13, 13, 13, 13, 14, 14, 14, 14, 14, 14, 14, 14, 14, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17,
    17, 17, 17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18,
    18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
    20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20,
};

/* Coefficient i of a packet: where its hop begins, its place there, and its band. */
struct place {
    int h, k, b;
};

TELU_INLINE struct place place_of(int i)
{
    int h = i < TELU_HOP ? 0 : TELU_HOP;
    struct place w = { h, i - h, band_of[i - h] };

    return w;
}

/* How many coefficients from there on a lane does: alone, the rest of the band. */
TELU_INLINE int run_of(const struct place *w)
{
    return TELU_LANES > 1 ? 1 : telu_band_edge[w->b + 1] - w->k;
}

#endif
