/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dequantise_body.h - definitions of dequantise.h, for host and device (host_device.h). */
#ifndef TELU_DEQUANTISE_BODY_H
#define TELU_DEQUANTISE_BODY_H

#include "dequantise.h"

#include "bands.h"
#include "noise.h"

#include <math.h>
#include <stdlib.h>

/* The decoder fills coefficients with q = 0 from the base layer. The base layer's fine structure
 * hardly changes from packet to packet and would sound like a comb of tones from 1.9 kHz on.
 * Without refinement all coefficients there get random signs. With it, a coefficient keeps its
 * sign and size as far as it exceeds an uncertainty, and the rest of its power gets a random sign.
 * Above 4.2 kHz the base layer has learnt little but an envelope, so the uncertainty is greater. */
#define FIRST_ENVELOPE_BAND 16         /* first band above 4.2 kHz */
#define MAX_BASE_SHARE      0.75f      /* of a base layer that is right in size alone */

/* Mean magnitude in band b of the hop at base; 0 for lanes without a band. */
TELU_STATIC float band_mean(const float *base, int b)
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

/* Magnitude that a base coefficient c gets with a random sign. mean: of its band. */
TELU_STATIC float noise_magnitude(float c, float mean)
{
    return 0.5f * fabsf(c) + 0.75f * mean;
}

/* Dequantises a base coefficient c of a band with that mean, times f. noise: share of its
 * magnitude to add as noise; u: its random bits. */
TELU_STATIC float substitute_noise(float c, float mean, float f, float noise, float uncertainty,
                                   uint32_t u)
{
    float x = f * c, power = uncertainty * uncertainty + 1e-30f;
    float rest = power / (x * x + power), G = 1.0f - rest;
    /* (1 + G) rest is 1 - G^2. */
    float r = noise_magnitude(c, mean) * sqrtf(f * f * (1.0f + G) * rest + noise * noise);

    return G * x + (u >> 31 ? -r : r);
}

/* Factor of the base layer in band b below FIRST_ENVELOPE_BAND; share of noise from there on. */
TELU_STATIC float noise_fill(float mean, const struct telu_bands *p, int b, float phi)
{
    float g, most, share;

    if (b >= TELU_BANDS)
        return 0.0f;
    g = p->gain[b];
    share = b < FIRST_ENVELOPE_BAND ? MAX_BASE_SHARE : fabsf(1.0f - g);
    most = phi * p->step[b];
    share = share * mean > most ? most / mean : share;
    return b >= FIRST_ENVELOPE_BAND || share > g ? share : g;
}

#if TELU_LANES > 1
TELU_PUBLIC void telu_dequantise_refined(float *y, const int *q, const struct telu_bands *p,
                                 const struct telu_tables *t, const float *base, int shape)
{
    uint32_t u = telu_noise_after(p->noise, (uint32_t)TELU_LANE);
    float phi = t->fill[shape] / 64.0f, fills = 0.0f, means = 0.0f;
    int run;

    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        float g = p->gain[w.b], step = p->step[w.b], fill, mean;
        int k = w.h + w.k;

        /* Each lane computes one band of the hop; TELU_LANES coefficients never cross hops. */
        if (TELU_LANES == 1 || i % TELU_HOP == 0) {
            int b = TELU_LANES == 1 ? w.b : TELU_LANE;

            means = band_mean(base + w.h, b);
            fills = noise_fill(means, p, b, phi);
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
            } else if (w.b < TELU_FIRST_NOISE_BAND) {
                y[k] = fill * base[k];
            } else if (w.b < FIRST_ENVELOPE_BAND) {
                y[k] = substitute_noise(base[k], mean, fill, 0.0f, step / 32.0f, u);
            } else {
                y[k] = substitute_noise(base[k], mean, g, fill, step / 8.0f, u);
            }
        }
        u = telu_noise_after(u, TELU_LANES - 1);
    }
    TELU_SYNC_LANES();
}
#else
#define STRIDE 16              /* numbers of the generator side by side */

/* Random bits of all coefficients, u[0] behind `before`. */
TELU_ALWAYS_INLINE void noise_of_packet(uint32_t *u, uint32_t before)
{
    const uint32_t c = telu_noise_after(0, STRIDE), a = telu_noise_after(1, STRIDE) - c;

    for (int k = 0; k < STRIDE; k++)
        u[k] = before = telu_noise(before);
    for (int k = STRIDE; k < TELU_COEFS; k++)
        u[k] = a * u[k - STRIDE] + c;
}

/* A hop of the device's loop, with a number for each coefficient where that has one for each band,
 * so that all of it has vector forms. */
TELU_ALWAYS_INLINE void dequantise_hop(float *y, const int *q, const struct telu_bands *p,
                                       const struct telu_tables *t, const float *base,
                                       const uint32_t *u, float phi)
{
    const int noise = telu_band_edge[TELU_FIRST_NOISE_BAND];
    const int envelope = telu_band_edge[FIRST_ENVELOPE_BAND];
    float gain[TELU_HOP], step[TELU_HOP], fill[TELU_HOP], mean[TELU_HOP], recon[4];
    float fills[TELU_BANDS], means[TELU_BANDS];

    for (int i = 0; i < 4; i++)
        recon[i] = (t->recon[i] - 128) / 256.0f;
    for (int b = 0; b < TELU_BANDS; b++) {
        means[b] = band_mean(base, b);
        fills[b] = noise_fill(means[b], p, b, phi);
    }
    telu_spread(gain, p->gain);
    telu_spread(step, p->step);
    telu_spread(fill, fills);
    telu_spread(mean, means);
    for (int k = 0; k < noise; k++)
        y[k] = fill[k] * base[k];
    for (int k = noise; k < envelope; k++)
        y[k] = substitute_noise(base[k], mean[k], fill[k], 0.0f, step[k] / 32.0f, u[k]);
    for (int k = envelope; k < TELU_HOP; k++)
        y[k] = substitute_noise(base[k], mean[k], gain[k], fill[k], step[k] / 8.0f, u[k]);
    for (int k = 0; k < TELU_HOP; k++) {
        int a = abs(q[k]);
        float v = ((float)a + (a < 2 ? recon[1] : a < 3 ? recon[2] : recon[3])) * step[k];
        float coded = gain[k] * base[k] + (q[k] < 0 ? -v : v);

        y[k] = a ? coded : y[k];
    }
}

TELU_VECTORS
void telu_dequantise_refined(float *y, const int *q, const struct telu_bands *p,
                             const struct telu_tables *t, const float *base, int shape)
{
    uint32_t u[TELU_COEFS];

    noise_of_packet(u, p->noise);
    for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
        dequantise_hop(y + h, q + h, p, t, base + h, u + h, t->fill[shape] / 64.0f);
}
#undef STRIDE
#endif

TELU_PUBLIC void telu_dequantise_base(float *y, int first, const float *base, uint32_t u)
{
    float means = 0.0f;
    int run;

    u = telu_noise_after(u, (uint32_t)TELU_LANE);
    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        int k = w.h + w.k;
        float mean;

        if (TELU_LANES == 1 || i % TELU_HOP == 0)
            means = band_mean(base + w.h, TELU_LANES == 1 ? w.b : TELU_LANE);
        mean = telu_lane_value(means, w.b);

        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++) {
            float size = noise_magnitude(base[k], mean);

            u = telu_noise(u);
            if (k >= first)
                y[k] = w.b < TELU_FIRST_NOISE_BAND ? base[k] : u >> 31 ? -size : size;
        }
        u = telu_noise_after(u, TELU_LANES - 1);
    }
    TELU_SYNC_LANES();
}

/* Gain of band b of a hop after the postfilter added d to c: it takes back three quarters of the
 * change of its level in dB. The postfilter takes away noise between harmonics, but a dull sound
 * is a fault of its own. */
TELU_STATIC float restored_gain(const float *c, const float *d, int b)
{
    float before = 1e-20f, after = 1e-20f, root;

    if (b >= TELU_BANDS)
        return 1.0f;
    for (int k = telu_band_edge[b]; k < telu_band_edge[b + 1]; k++) {
        before += c[k] * c[k];
        after += (c[k] + d[k]) * (c[k] + d[k]);
    }
    root = sqrtf(sqrtf(before / after));
    return before < 1e30f && after < 1e30f ? root * sqrtf(root) : 1.0f;
}

TELU_PUBLIC void telu_postfilter_change(float *d, const float *c, const float *prediction,
                                const float *g, const struct telu_bands *p, int shape)
{
    int bands = shape ? FIRST_ENVELOPE_BAND : TELU_BANDS, run;
    float per_reach = shape ? 1.0f : 2.0f, restores = 0.0f;

    for (int i = TELU_LANE; i < TELU_COEFS; i += TELU_LANES) {
        struct telu_position w = telu_position_of(i);
        float x = prediction[i] - c[i], r = x * (per_reach * p->inverse[w.b]);

        /* A NaN fails the comparison. */
        d[i] = w.b < bands && r * r < 1e30f ? g[w.h > 0] * x / (1.0f + r * r) : 0.0f;
    }
    TELU_SYNC_LANES();
    if (shape == 0)
        return;
    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        float restore;
        int k = w.h + w.k;

        if (TELU_LANES == 1 || i % TELU_HOP == 0) {
            restores = restored_gain(c + w.h, d + w.h, TELU_LANES == 1 ? w.b : TELU_LANE);
            TELU_SYNC_LANES();             /* all lanes have read d */
        }
        restore = telu_lane_value(restores, w.b);
        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++)
            d[k] = restore * (c[k] + d[k]) - c[k];
    }
    TELU_SYNC_LANES();
}

#undef FIRST_ENVELOPE_BAND
#undef MAX_BASE_SHARE

#endif
