/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* level_body.h - definitions of level.h, for host and device (host_device.h). */
#ifndef TELU_LEVEL_BODY_H
#define TELU_LEVEL_BODY_H

#include "level.h"

#include "approx.h"
#include "bands.h"

#define STEPS_PER_LOG 0.96179669f      /* 1 / (1.5 log 2): steps of 4.5 dB in a log of power */
#define ROUND         0.35f            /* a level is rounded up from 0.65 steps on: fewer bits */
#define ROUND_REFINED 0.5f             /* with refinement; 0.35 left bands 1.3 dB low at 6 kbit/s */
#define POWER_FLOOR   1e-9f            /* added to the power of a coefficient: -90 dB */

#define LOG_PER_STEP  0.519860385f     /* 0.75 log 2 */

/* Number of coefficients in band b of both hops. */
TELU_STATIC int level_width(int b)
{
    return 2 * (telu_band_edge[b + 1] - telu_band_edge[b]);
}

/* Kind of band b, or -1: it has no level. */
TELU_STATIC int level_kind(const int *q, int S, int b)
{
    int n = level_width(b), coded = 0;

    if (!q)
        return S <= 3 ? 4 : S <= 7 ? 5 : 6;
    for (int k = telu_band_edge[b]; k < telu_band_edge[b + 1]; k++)
        coded += (q[k] != 0) + (q[TELU_HOP + k] != 0);
    return 2 * coded > n ? -1 : coded == 0 ? 0 : 8 * coded <= n ? 1 : 4 * coded <= n ? 2 : 3;
}

/* The kind of the lane's own band; the host needs none, see level_kind_of(). */
TELU_STATIC int level_own_kind(const int *q, int S)
{
    return TELU_LANES > 1 && TELU_LANE < TELU_BANDS ? level_kind(q, S, TELU_LANE) : -1;
}

TELU_STATIC int level_kind_of(int own, const int *q, int S, int b)
{
    return TELU_LANES > 1 ? telu_lane_value(own, b) : level_kind(q, S, b);
}

/* Context of band b of that kind; one and two: the levels of the bands below. */
TELU_STATIC int level_index(int kind, int one, int two, int b)
{
    int m = (2 * one + two + 1 + 3 * 16) / 3 - 16;

    m = m < -3 ? -3 : m > 3 ? 3 : m;
    return (kind * TELU_LEVEL_NEIGHBOURS + m + 3) * TELU_BANDS + b;
}

TELU_PUBLIC int telu_level_context(const int *level, const int *q, int S, int b)
{
    int kind = level_kind(q, S, b);

    return kind < 0 ? -1 : level_index(kind, b > 0 ? level[b - 1] : 0, b > 1 ? level[b - 2] : 0, b);
}

TELU_PUBLIC float telu_level_steps(float has, float wants, int n)
{
    float r = STEPS_PER_LOG * (telu_log(wants + POWER_FLOOR * (float)n + 1e-30f) -
                               telu_log(has + POWER_FLOOR * (float)n + 1e-30f));

    return wants >= 0.0f && has >= 0.0f ? r : 0.0f;        /* telu_log() hides a NaN */
}

/* Level of a band of n coefficients that has and wants these powers. */
TELU_STATIC int level_of_powers(float has, float wants, int n, float dead, float round)
{
    float r = telu_level_steps(has, wants, n);
    int v = r >= dead ? (int)(r + round) : r <= -dead ? -(int)(round - r) : 0;

    return v < TELU_LEVEL_LEAST ? TELU_LEVEL_LEAST
        : v >= TELU_LEVEL_LEAST + TELU_LEVEL_SYMBOLS
            ? TELU_LEVEL_LEAST + TELU_LEVEL_SYMBOLS - 1 : v;
}

#if TELU_LANES > 1
TELU_PUBLIC void telu_level_choose(int *level, const float *c, const float *y, const int *q,
                                   float dead)
{
    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES) {
        float has = 0.0f, wants = 0.0f;
        int n = 0;

        for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
            for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++)
                if (!q || q[k] == 0) {
                    has += y[k] * y[k];
                    wants += c[k] * c[k];
                    n++;
                }
        level[b] = q && 2 * (level_width(b) - n) > level_width(b) ? 0
            : level_of_powers(has, wants, n, dead, q ? ROUND_REFINED : ROUND);
    }
    TELU_SYNC_LANES();
}
#else
/* Adds 0 for a coefficient that q codes, where the device branches. */
TELU_VECTORS
void telu_level_choose(int *level, const float *c, const float *y, const int *q, float dead)
{
    float has[TELU_COEFS], wants[TELU_COEFS];
    int open[TELU_COEFS];

    for (int k = 0; k < TELU_COEFS; k++) {
        open[k] = q ? q[k] == 0 : 1;
        has[k] = open[k] ? y[k] * y[k] : 0.0f;
        wants[k] = open[k] ? c[k] * c[k] : 0.0f;
    }
    for (int b = 0; b < TELU_BANDS; b++) {
        float had = 0.0f, wanted = 0.0f;
        int n = 0;

        for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
            for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++) {
                had += has[k];
                wanted += wants[k];
                n += open[k];
            }
        level[b] = q && 2 * (level_width(b) - n) > level_width(b) ? 0
            : level_of_powers(had, wanted, n, dead, q ? ROUND_REFINED : ROUND);
    }
}
#endif

TELU_NOINLINE uint32_t telu_level_cost(const int *level, const int *q, int S,
                                     const struct telu_tables *t)
{
    uint32_t cost = 0;

    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES) {
        int context = telu_level_context(level, q, S, b);

        if (context >= 0)
            cost += telu_frequency_cost(t->level[context * TELU_LEVEL_SYMBOLS + level[b] -
                                                 TELU_LEVEL_LEAST]);
    }
    return telu_lanes_sum(cost);
}

TELU_PUBLIC void telu_level_put(struct telu_range_enc *e, const int *level, const int *q, int S,
                                const struct telu_tables *t)
{
    int own = level_own_kind(q, S), one = 0, two = 0;

    TELU_ROLLED
    for (int b = 0; b < TELU_BANDS; b++) {
        int kind = level_kind_of(own, q, S, b), v = level[b];

        if (kind >= 0) {
            const uint16_t *cumul = t->level_cumul + level_index(kind, one, two, b) *
                                    (TELU_LEVEL_SYMBOLS + 1) + v - TELU_LEVEL_LEAST;

            telu_range_put(e, cumul[0], (uint32_t)cumul[1] - cumul[0], TELU_RANGE_BITS);
        }
        two = one;
        one = v;
    }
}

TELU_PUBLIC void telu_level_get(struct telu_range_dec *d, int *level, const int *q, int S,
                                const struct telu_tables *t)
{
    int own = level_own_kind(q, S), one = 0, two = 0;

    TELU_ROLLED
    for (int b = 0; b < TELU_BANDS; b++) {
        int kind = level_kind_of(own, q, S, b), s = -TELU_LEVEL_LEAST;

        if (kind >= 0 && !telu_range_exhausted(d)) {
            const uint16_t *cumul = t->level_cumul + level_index(kind, one, two, b) *
                                    (TELU_LEVEL_SYMBOLS + 1);

            telu_range_begin(d, TELU_RANGE_BITS);
            for (s = 0; s < TELU_LEVEL_SYMBOLS - 1 && telu_range_above(d, cumul[s + 1]); s++)
                ;
            telu_range_consume(d, cumul[s], (uint32_t)cumul[s + 1] - cumul[s]);
        }
        two = one;
        one = s + TELU_LEVEL_LEAST;
        if (TELU_LANE == 0)
            level[b] = one;
    }
    TELU_SYNC_LANES();
    if (!telu_range_exhausted(d))
        return;

    /* Some of the last levels were read from zeros behind a cut, and might be loud. */
    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES)
        level[b] = 0;
    TELU_SYNC_LANES();
}

/* Twice the middle of band b, in coefficients. */
TELU_STATIC int level_middle(int b)
{
    return telu_band_edge[b] + telu_band_edge[b + 1] - 1;
}

TELU_PUBLIC int telu_level_line(int b, int k, float *way)
{
    int middle = level_middle(b), to = 2 * k < middle ? b - 1 : b + 1;

    *way = 0.0f;
    if (to < 0 || to >= TELU_BANDS)
        return b;
    *way = (float)(2 * k - middle) / (float)(level_middle(to) - middle);
    return to;
}

TELU_PUBLIC float telu_level_gain(float x)
{
    return x == 0.0f ? 1.0f : telu_exp(LOG_PER_STEP * x);
}

#if TELU_LANES > 1
TELU_PUBLIC void telu_level_apply(float *y, const int *level, const int *q)
{
    int run;

    for (int i = 0; i < TELU_COEFS; i += TELU_LANES * run) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        int k = w.h + w.k;

        run = telu_position_run(&w);
        for (int end = k + run; k < end; k++)
            if (!q || q[k] == 0) {
                float way;
                int to = telu_level_line(w.b, k - w.h, &way);

                y[k] *= telu_level_gain((float)level[w.b] + (float)(level[to] - level[w.b]) * way);
            }
    }
    TELU_SYNC_LANES();
}
#else
/* Computes the gains once, since both hops have the same. */
TELU_VECTORS
void telu_level_apply(float *y, const int *level, const int *q)
{
    float gain[TELU_HOP];
    int own[TELU_HOP], more[TELU_HOP], at[TELU_HOP], distance[TELU_HOP];

    for (int k = 0; k < TELU_HOP; k++) {
        int b = telu_band_of[k], middle = level_middle(b), to = 2 * k < middle ? b - 1 : b + 1;
        int outside = to < 0 || to >= TELU_BANDS;

        own[k] = level[b];
        more[k] = outside ? 0 : level[to] - level[b];
        at[k] = 2 * k - middle;
        distance[k] = outside ? 1 : level_middle(to) - middle;
    }
    for (int k = 0; k < TELU_HOP; k++) {
        float x = (float)own[k] + (float)more[k] * ((float)at[k] / (float)distance[k]);
        float g = telu_exp(LOG_PER_STEP * x);

        gain[k] = x == 0.0f ? 1.0f : g;
    }
    for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
        for (int k = 0; k < TELU_HOP; k++)
            y[h + k] = q && q[h + k] ? y[h + k] : y[h + k] * gain[k];
}
#endif

#undef STEPS_PER_LOG
#undef ROUND
#undef ROUND_REFINED
#undef LOG_PER_STEP
#undef POWER_FLOOR

#endif
