/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dequantise_body.h - definitions of dequantise.h, for host and device (host_device.h). */
#ifndef TELU_DEQUANTISE_BODY_H
#define TELU_DEQUANTISE_BODY_H

#include "dequantise.h"

#include "bands.h"
#include "noise.h"

#include <math.h>
#include <stdlib.h>

/* Where nothing is coded the base layer is heard. Its fine structure hardly changes from
 * packet to packet, and from 1.9 kHz on would be heard as a comb of tones. So there a
 * coefficient keeps its sign and size as far as it is large beside a doubt; the rest of its
 * power has a sign by chance. Above 4.2 kHz the base layer has learnt little but an
 * envelope, and the doubt is greater. */
#define STILL   10             /* the first band of those */
#define NOISY   16             /* the first above 4.2 kHz */
#define AT_MOST 0.75f          /* how much of a base layer that is right in size alone */

/* The mean magnitude in band b of the hop that base is; 0 for lanes that have no band. */
TELU_STATIC float mean_of(const float *base, int b)
{
    int first, last;
    float sum = 0.0f;

    if (b >= TELU_BANDS)
        return 0.0f;
    first = telu_band_edge[b];
    last = telu_band_edge[b + 1];
    for (int k = first; k < last; k++)
        sum += fabsf(base[k]);
    return sum / (float)(last - first);
}

/* How large a base coefficient c, in a band of that mean, is where its sign is drawn. */
TELU_STATIC float size_of(float c, float mean)
{
    return 0.5f * fabsf(c) + 0.75f * mean;
}

/* A base coefficient c in a band of that mean, as it is heard: times f; and what is to be
 * added of noise, as a share of its size. */
TELU_STATIC float spread(float c, float mean, float f, float more, float doubt, uint32_t u)
{
    float x = f * c, away = doubt * doubt + 1e-30f;
    float rest = away / (x * x + away), G = 1.0f - rest;
    float r = size_of(c, mean) * sqrtf(f * f * (1.0f + G) * rest + more * more);   /* 1 - G^2 */

    return G * x + (u >> 31 ? -r : r);
}

/* Of band b: what the base layer is multiplied by below NOISY; the share of noise from
 * there on. */
TELU_STATIC float fill_of(float mean, const struct telu_bands *p, const uint8_t *gain, int b,
                        float phi)
{
    float g, most, share;

    if (b >= TELU_BANDS)
        return 0.0f;
    g = gain[b] / 128.0f;
    share = b < NOISY ? AT_MOST : fabsf(1.0f - g);
    most = phi * p->step[b];
    share = share * mean > most ? most / mean : share;
    return b >= NOISY || share > g ? share : g;
}

TELU_PUBLIC void telu_dequantise_refined(float *y, const int *q, const struct telu_bands *p,
                                 const struct telu_tables *t, const float *base, int shape)
{
    const uint8_t *gain = t->gain + p->stages * TELU_BANDS;
    uint32_t u = telu_noise_after(p->noise, (uint32_t)TELU_LANE);
    float phi = t->fill[shape] / 64.0f, fills = 0.0f, means = 0.0f;
    int run;

    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        float g = gain[w.b] / 128.0f, step = p->step[w.b], fill, mean;
        int k = w.h + w.k;

        /* Among lanes each has a band of the hop at hand, and no lot of them is in two. */
        if (TELU_LANES == 1 || i % TELU_HOP == 0) {
            int b = TELU_LANES == 1 ? w.b : TELU_LANE;

            means = mean_of(base + w.h, b);
            fills = fill_of(means, p, gain, b, phi);
        }
        fill = telu_lane_value(fills, w.b);
        mean = telu_lane_value(means, w.b);

        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++) {
            int a = abs(q[k]);

            u = telu_noise(u);
            if (a) {
                float v = ((float)a + (t->recon[a < 3 ? a : 3] - 128) / 256.0f) * step;

                y[k] = g * base[k] + (q[k] < 0 ? -v : v);
            } else if (w.b < STILL) {
                y[k] = fill * base[k];
            } else if (w.b < NOISY) {
                y[k] = spread(base[k], mean, fill, 0.0f, step / 32.0f, u);
            } else {
                y[k] = spread(base[k], mean, g, fill, step / 8.0f, u);
            }
        }
        u = telu_noise_after(u, TELU_LANES - 1);
    }
    TELU_SYNC_LANES();
}

TELU_PUBLIC void telu_dequantise_base(float *y, const float *base, uint32_t u)
{
    float means = 0.0f;
    int run;

    u = telu_noise_after(u, (uint32_t)TELU_LANE);
    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        int k = w.h + w.k;
        float mean;

        if (TELU_LANES == 1 || i % TELU_HOP == 0)
            means = mean_of(base + w.h, TELU_LANES == 1 ? w.b : TELU_LANE);
        mean = telu_lane_value(means, w.b);

        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++) {
            float size = size_of(base[k], mean);

            u = telu_noise(u);
            if (w.b < STILL)
                y[k] = base[k];
            else if (w.b < NOISY)
                y[k] = spread(base[k], mean, 1.0f, 0.0f, 0.5f * mean, u);
            else
                y[k] = u >> 31 ? -size : size;
        }
        u = telu_noise_after(u, TELU_LANES - 1);
    }
    TELU_SYNC_LANES();
}

TELU_PUBLIC void telu_postfilter_change(float *d, const float *c, const float *prediction,
                                const float *g, const struct telu_bands *p, int shape)
{
    int bands = shape ? NOISY : TELU_BANDS;
    float per_reach = shape ? 1.0f : 2.0f;

    for (int i = TELU_LANE; i < TELU_COEFS; i += TELU_LANES) {
        struct telu_position w = telu_position_of(i);
        float x = prediction[i] - c[i], r = x * (per_reach * p->inverse[w.b]);

        /* A NaN fails the comparison. */
        d[i] = w.b < bands && r * r < 1e30f ? g[w.h > 0] * x / (1.0f + r * r) : 0.0f;
    }
    TELU_SYNC_LANES();
}

#undef STILL
#undef NOISY
#undef AT_MOST

#endif
