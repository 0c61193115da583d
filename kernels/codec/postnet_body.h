/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* postnet_body.h - definitions of postnet.h, for host and device (host_device.h). */
#ifndef TELU_POSTNET_BODY_H
#define TELU_POSTNET_BODY_H

#include "postnet.h"

#include "approx.h"
#include "bands.h"
#include "dequantise.h"

#include <math.h>

#define POWER_FLOOR 1e-10f     /* of a coefficient: 1e-5 of amplitude */
#define LEAST_COUNT 1e-3f      /* of coefficients with q = 0 in a band */
#define MOST_GAIN   10.0f      /* that restores the energy of a band */
#define GAINS       (TELU_LANES == 1 ? TELU_BANDS : 1) /* of bands, that a thread holds */

/* Places of the features. */
#define AT_BASE       TELU_COEFS
#define AT_PREDICTION (2 * TELU_COEFS)
#define AT_CODED      (3 * TELU_COEFS)
#define AT_LEVEL      (4 * TELU_COEFS)
#define AT_STEP       (AT_LEVEL + 2 * TELU_BANDS)
#define AT_CONFIDENCE (AT_STEP + TELU_BANDS)
#define AT_KIND       (AT_CONFIDENCE + 2)
#define AT_STAGES     (AT_KIND + TELU_POSTNET_KINDS)
#define FEATURES_USED (AT_STAGES + 1)

TELU_STATIC int postnet_coded(const struct telu_postnet_packet *p, int k)
{
    return p->kind == TELU_POSTNET_REFINED && p->q[k] != 0;
}

/* Root mean square of band b of the hop at c; 1 for lanes without a band. */
TELU_STATIC float postnet_rms(const float *c, int b)
{
    float sum = 0.0f;

    if (b >= TELU_BANDS)
        return 1.0f;
    for (int k = telu_band_edge[b]; k < telu_band_edge[b + 1]; k++)
        sum += c[k] * c[k];
    return sqrtf(sum / (float)(telu_band_edge[b + 1] - telu_band_edge[b]) + POWER_FLOOR);
}

/* Logarithm of an amplitude, in a range that suits a network. */
TELU_STATIC float postnet_log(float x)
{
    return 0.3f * telu_log(x) + 1.0f;
}

/* Bounded by 2 whatever x is; a NaN is 0. */
TELU_STATIC float postnet_squash(float x)
{
    float y = 2.0f * x / (1.0f + fabsf(x));

    return fabsf(y) <= 2.0f ? y : 0.0f;
}

/* Sets the features that belong to coefficients, and the levels of their bands. */
#if TELU_LANES > 1
TELU_STATIC void postnet_hops(float *f, const struct telu_postnet_packet *p)
{
    float levels = 1.0f;
    int run;

    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        int k = w.h + w.k;
        float inverse;

        /* Each lane computes one band of the hop; TELU_LANES coefficients never cross hops. */
        if (TELU_LANES == 1 || i % TELU_HOP == 0) {
            int b = TELU_LANES == 1 ? w.b : TELU_LANE;

            levels = postnet_rms(p->c + w.h, b);
            if (b < TELU_BANDS)
                f[AT_LEVEL + (w.h ? TELU_BANDS : 0) + b] = postnet_log(levels);
        }
        inverse = 1.0f / telu_lane_value(levels, w.b);
        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++) {
            f[k] = postnet_squash(p->c[k] * inverse);
            f[AT_BASE + k] = postnet_squash(p->base[k] * inverse);
            f[AT_PREDICTION + k] = postnet_squash(p->prediction[k] * inverse);
            f[AT_CODED + k] = postnet_coded(p, k) ? 1.0f : 0.0f;
        }
    }
}
#else
TELU_VECTORS
static void postnet_hops(float *f, const struct telu_postnet_packet *p)
{
    const int refined = p->kind == TELU_POSTNET_REFINED;

    for (int h = 0; h < TELU_COEFS; h += TELU_HOP) {
        float inverse[TELU_HOP], inverses[TELU_BANDS];

        for (int b = 0; b < TELU_BANDS; b++) {
            float level = postnet_rms(p->c + h, b);

            f[AT_LEVEL + (h ? TELU_BANDS : 0) + b] = postnet_log(level);
            inverses[b] = 1.0f / level;
        }
        telu_spread(inverse, inverses);
        for (int k = 0; k < TELU_HOP; k++) {
            f[h + k] = postnet_squash(p->c[h + k] * inverse[k]);
            f[AT_BASE + h + k] = postnet_squash(p->base[h + k] * inverse[k]);
            f[AT_PREDICTION + h + k] = postnet_squash(p->prediction[h + k] * inverse[k]);
        }
        for (int k = 0; k < TELU_HOP; k++)
            f[AT_CODED + h + k] = refined && p->q[h + k] != 0 ? 1.0f : 0.0f;
    }
}
#endif

TELU_PUBLIC void telu_postnet_features(float *f, const struct telu_postnet_packet *p)
{
    postnet_hops(f, p);
    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES)
        f[AT_STEP + b] = p->kind == TELU_POSTNET_REFINED ? postnet_log(p->step[b]) : 0.0f;
    for (int h = TELU_LANE; h < 2; h += TELU_LANES)
        f[AT_CONFIDENCE + h] = p->confidence[h];
    for (int i = TELU_LANE; i < TELU_POSTNET_KINDS; i += TELU_LANES)
        f[AT_KIND + i] = i == (int)p->kind ? 1.0f : 0.0f;
    for (int i = AT_STAGES + TELU_LANE; i < TELU_POSTNET_FEATURES; i += TELU_LANES)
        f[i] = i < FEATURES_USED ? (float)p->stages / 8.0f : 0.0f;
    TELU_SYNC_LANES();
}

/* Unit of the correction of coefficients with q = 0 in band b of the hop at h: their level, so that
 * silence stays silence. */
TELU_STATIC float postnet_unit(const struct telu_postnet_packet *p, int h, int b)
{
    float sum = 0.0f, count = 0.0f;

    if (b >= TELU_BANDS)
        return 0.0f;
    for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++)
        if (!postnet_coded(p, k)) {
            sum += p->c[k] * p->c[k];
            count += 1.0f;
        }
    return sqrtf(sum / (count + LEAST_COUNT));
}

/* Gain of coefficients with q = 0 in band b, both hops, that gives y the energy of c. */
TELU_STATIC float postnet_gain(const struct telu_postnet_packet *p, const float *y, int b)
{
    float had = POWER_FLOOR, has = POWER_FLOOR, gain;

    if (b >= TELU_BANDS)
        return 0.0f;
    for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
        for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++)
            if (!postnet_coded(p, k)) {
                had += p->c[k] * p->c[k];
                has += y[k] * y[k];
            }
    gain = sqrtf(had / has);
    return gain < MOST_GAIN ? gain : MOST_GAIN;
}

TELU_VECTORS
TELU_PUBLIC void telu_postnet_change(float *change, const float *o,
                                     const struct telu_postnet_packet *p)
{
    const float *to_prediction = o + TELU_COEFS, *to_base = o + 2 * TELU_COEFS;
    float units = 0.0f, gains[GAINS];
    int run;

    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        int k = w.h + w.k;
        float unit;

        if (TELU_LANES == 1 || i % TELU_HOP == 0)
            units = postnet_unit(p, w.h, TELU_LANES == 1 ? w.b : TELU_LANE);
        unit = telu_lane_value(units, w.b);
        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++) {
            float c = p->c[k], step, v;

            if (postnet_coded(p, k)) {
                step = p->step[w.b];
                v = 0.5f * step * o[k] + to_prediction[k] * (p->prediction[k] - c) +
                    to_base[k] * (p->base[k] - c);
                /* A NaN fails the comparisons. */
                change[k] = fabsf(v) <= step ? v : v > 0.0f ? step : v < 0.0f ? -step : 0.0f;
            } else {
                v = c + unit * o[k] + to_prediction[k] * (p->prediction[k] - c) +
                    to_base[k] * (p->base[k] - c);
                v = fabsf(v) < 1e15f ? v : c;
                /* Signs are random there; others would sound like a comb of tones. */
                if (w.b >= TELU_FIRST_NOISE_BAND)
                    v = c < 0.0f ? -fabsf(v) : fabsf(v);
                change[k] = v;
            }
        }
    }
    TELU_SYNC_LANES();
    for (int n = 0; n < GAINS; n++)
        gains[n] = postnet_gain(p, change, TELU_LANES == 1 ? n : TELU_LANE);
    TELU_SYNC_LANES();                 /* all lanes have read change */
    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        float gain = telu_lane_value(gains[w.b % GAINS], w.b);
        int k = w.h + w.k;

        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++)
            if (!postnet_coded(p, k))
                change[k] = (k - w.h < TELU_POSTNET_FILL_END ? gain * change[k] : 0.0f) - p->c[k];
    }
    TELU_SYNC_LANES();
}

#undef POWER_FLOOR
#undef LEAST_COUNT
#undef MOST_GAIN
#undef GAINS
#undef AT_BASE
#undef AT_PREDICTION
#undef AT_CODED
#undef AT_LEVEL
#undef AT_STEP
#undef AT_CONFIDENCE
#undef AT_KIND
#undef AT_STAGES
#undef FEATURES_USED

#endif
