/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* deficit_body.h - definitions of deficit.h, for host and device (host_device.h). */
#ifndef TELU_DEFICIT_BODY_H
#define TELU_DEFICIT_BODY_H

#include "deficit.h"

#include "bands.h"

#define SHARE 0.6f             /* of the last deficit in dB: the next one is nearer to the mean. 0.4
                                * has as much PESQ, 0.8 less; PLCMOS rises by what is louder */

TELU_PUBLIC void telu_deficit_reset(struct telu_deficit *p)
{
    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES)
        p->level[b] = 0.0f;
}

TELU_NOINLINE void telu_deficit_learn(struct telu_deficit *p, const float *y, const float *base)
{
    const float least = TELU_LEVEL_LEAST, most = TELU_LEVEL_LEAST + TELU_LEVEL_SYMBOLS - 1;

    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES) {
        float has = 0.0f, wants = 0.0f, x;

        for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
            for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++) {
                has += base[k] * base[k];
                wants += y[k] * y[k];
            }
        x = SHARE * telu_level_steps(has, wants, 2 * (telu_band_edge[b + 1] - telu_band_edge[b]));
        p->level[b] = x < least ? least : x > most ? most : x;
    }
    TELU_SYNC_LANES();
}

TELU_NOINLINE void telu_deficit_apply(float *y, int first, const struct telu_deficit *p)
{
    for (int i = TELU_LANE; i < TELU_COEFS; i += TELU_LANES) {
        struct telu_position w = telu_position_of(i);
        float own = p->level[w.b], way;
        int to = telu_level_line(w.b, w.k, &way);

        if (i >= first)
            y[i] *= telu_level_gain(own + (p->level[to] - own) * way);
    }
    TELU_SYNC_LANES();
}

#undef SHARE

#endif
