/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* refine_body.h - definitions of refine.h, for host and device (host_device.h).
 * FORMAT.md has the formulas. */
#ifndef TELU_REFINE_BODY_H
#define TELU_REFINE_BODY_H

#include "refine.h"

#include "approx.h"
#include "bands.h"
#include "noise.h"

#include <math.h>
#include <stdlib.h>

#define MAX_ZEROS 16           /* of an Exp-Golomb code */

/* 2^(i / 32): a table, because results of a libm differ. */
TELU_CONST float refine_octave[32] = {
    1.0f,        1.02189715f, 1.04427378f, 1.06714046f,
    1.09050773f, 1.11438674f, 1.13878863f, 1.16372486f,
    1.18920712f, 1.21524736f, 1.24185781f, 1.26905096f,
    1.29683955f, 1.32523664f, 1.35425555f, 1.38390994f,
    1.41421356f, 1.44518081f, 1.47682615f, 1.50916443f,
    1.54221083f, 1.57598085f, 1.61049033f, 1.64575548f,
    1.68179283f, 1.7186193f,  1.75625216f, 1.79470908f,
    1.83400809f, 1.87416763f, 1.91520656f, 1.95714412f,
};

TELU_STATIC int refine_clamp(int x, int least, int most)
{
    return x < least ? least : x > most ? most : x;
}

/* floor(log2 x) of 1 <= x < 2^24, negative for 0. Unlike a count of zeros it has vector forms. */
TELU_INLINE int log2_floor(int x)
{
    return (int)(telu_float_bits((float)x) >> 23) - 127;
}

/* --- Band parameters ------------------------------------------------------ */

TELU_PUBLIC uint32_t telu_refine_seed(const int *codes, int S)
{
    uint32_t u = 0;

    for (int s = 0; s < S; s++)
        u = telu_noise(u) + (uint32_t)codes[s];
    return u;
}

TELU_PUBLIC void telu_bands_envelope(struct telu_bands *p, const struct telu_tables *t,
                        const int *codes, int S)
{
    int known = S < t->env_stages ? S : t->env_stages;
    uint32_t seed = telu_refine_seed(codes, S);

    if (TELU_LANE == 0) {
        p->stages = S;
        p->seed = seed;
    }
    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES) {
        int e = t->bias[b];

        TELU_UNROLL
        for (int s = 0; s < known; s++)
            e += t->env[((size_t)s * t->codes + codes[s]) * TELU_BANDS + b];
        p->env[b] = e;
        p->gain[b] = t->gain[S * TELU_BANDS + b] / 128.0f;
    }
    TELU_SYNC_LANES();
}

TELU_PUBLIC int telu_refine_first_class(int S)
{
    return S == 0 ? 0 : TELU_C_NO_BASE + TELU_C_BASE * (S <= 2 ? 0 : S <= 5 ? 1 : 2);
}

TELU_NOINLINE void telu_bands_step(struct telu_bands *p, const struct telu_tables *t, int step,
                    int shape)
{
    int first = telu_refine_first_class(p->stages);

    if (TELU_LANE == 0)
        p->noise = telu_noise(p->seed) + (uint32_t)step;
    for (int b = TELU_LANE; b < TELU_BANDS; b += TELU_LANES) {
        int L = refine_clamp(4 * (step - TELU_STEP_ONE) + ((t->shape[shape] * p->env[b]) >> 6) +
                      t->tilt[shape * TELU_BANDS + b], -640, 64);

        p->level[b] = L;
        p->step[b] = refine_octave[L & 31] * telu_bits_float((uint32_t)((L >> 5) + 127) << 23);
        p->inverse[b] = 1.0f / p->step[b];
        p->ctx[b] = p->stages == 0 ? (TELU_C_NO_BASE * b) / TELU_BANDS
                  : first + refine_clamp((p->env[b] - L + 64) / 24, 0, TELU_C_BASE - 1);
    }
    TELU_SYNC_LANES();
}

/* --- Contexts ------------------------------------------------------------- */

/* By n: how many of 1 2 3 5 8 13 21 34 are <= n. */
TELU_CONST int refine_classes[35] = {
    0, 1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8,
};

TELU_INLINE int refine_class_of(int n)
{
    return refine_classes[n < 34 ? n : 34];
}

/* The context's n of coefficient k of hop q. */
TELU_STATIC int lower_neighbours(const int *q, int k)
{
    return (k > 0 ? 2 * abs(q[k - 1]) : 0) + (k > 1 ? abs(q[k - 2]) : 0);
}

/* Shift of the raw bits. n and p measure the neighbours; second: 1 in hop 1. */
TELU_INLINE int context_shift(int second, int n, int p)
{
    int more = log2_floor(second ? (n + p) / 7 : n / 3) - 3;

    return more > 0 ? more : 0;
}

/* First of the table's rows for n and p, in units of TELU_C_CLASSES; sets the shift. */
TELU_INLINE int context_rows(int second, int n, int p, int *shift)
{
    *shift = context_shift(second, n, p);
    return ((second ? TELU_CLASSES : 0) + refine_class_of(n)) * TELU_CLASSES + refine_class_of(p);
}

/* The context's p of coefficient k of hop 1. */
TELU_STATIC int hop_neighbours(const int *q0, int k)
{
    return (k > 0 ? abs(q0[k - 1]) : 0) + 2 * abs(q0[k]) +
           (k < TELU_HOP - 1 ? abs(q0[k + 1]) : 0);
}

TELU_PUBLIC int telu_refine_context(const int *q, const int *q0, int k, int cclass, int *shift)
{
    int p = 0;

    if (q0)
        p = hop_neighbours(q0, k);
    else if (k >= 8)
        for (int i = 1; i <= 8; i++)
            p += abs(q[k - i]);
    else
        for (int i = 0; i < k; i++)
            p += abs(q[i]);
    return context_rows(q0 != NULL, lower_neighbours(q, k), p, shift) * TELU_C_CLASSES + cclass;
}

/* --- Integers <-> bytes ---------------------------------------------------- */

#if TELU_LANES > 1
TELU_STATIC int position_context(const struct telu_position *w, const int *q,
                                 const struct telu_bands *p, int *shift)
{
    return telu_refine_context(q + w->h, w->h ? q : NULL, w->k, p->ctx[w->b], shift);
}
#endif

TELU_CONST int log2_fraction[64] = {    /* 64 log2(1 + (i + 1/2) / 64) */
    1,  2,  4,  5,  6,  8,  9,  10, 12, 13, 14, 15, 16, 18, 19, 20,
    21, 22, 23, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,
    38, 39, 40, 41, 42, 43, 43, 44, 45, 46, 47, 48, 49, 50, 50, 51,
    52, 53, 54, 55, 55, 56, 57, 58, 58, 59, 60, 61, 61, 62, 63, 64,
};

/* telu_frequency_cost(), without branches. */
TELU_INLINE int frequency_cost(int f)
{
    uint32_t bits = telu_float_bits((float)f);         /* exponent, then mantissa */
    int e = (int)(bits >> 23) - 127;
    int cost = 64 * (TELU_RANGE_BITS - e) - log2_fraction[bits >> 17 & 63];

    return cost > 0 ? cost : 0;
}

TELU_PUBLIC uint32_t telu_frequency_cost(uint32_t f)
{
    return (uint32_t)frequency_cost((int)f);
}

/* Code of one coefficient: a symbol of its context, then raw bits. */
struct refine_token {
    uint32_t symbol;           /* c, and 2^16 times f */
    int count;                 /* number of raw bits, 0 .. 46 */
    uint64_t bits;
};

/* v: the coefficient; ctx, shift: as telu_refine_context() returns and sets them. */
TELU_STATIC struct refine_token refine_token_of(int v, int ctx, int shift,
                                                const struct telu_tables *t)
{
    int a = abs(v), s = a >> shift, symbol = s < TELU_ESCAPE ? s : TELU_ESCAPE;
    const uint16_t *cumul = t->cumul + ctx * (TELU_SYMBOLS + 1) + symbol;
    struct refine_token y = { cumul[0] | ((uint32_t)cumul[1] - cumul[0]) << 16, 0, 0 };

    if (symbol == TELU_ESCAPE) {       /* each bit below the first one has a zero */
        y.bits = (uint64_t)(s - TELU_ESCAPE) + 1;
        y.count = 2 * log2_floor((int)y.bits) + 1;
    }
    y.bits = y.bits << shift | (uint64_t)(a & ((1 << shift) - 1));
    y.count += shift;
    if (a) {
        y.bits = y.bits << 1 | (v < 0);
        y.count++;
    }
    return y;
}

#if TELU_LANES > 1
/* Each lane computes the token of one coefficient; all lanes write the tokens in order. */
TELU_PUBLIC void telu_refine_put(struct telu_range_enc *e, const int *q,
                     const struct telu_bands *p, const struct telu_tables *t)
{
    for (int i = 0; i < TELU_COEFS; i += TELU_LANES) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        int shift, ctx = position_context(&w, q, p, &shift);
        struct refine_token mine = refine_token_of(q[w.h + w.k], ctx, shift, t);
        uint32_t next_symbol = telu_lane_value(mine.symbol, 0);
        int next_count = telu_lane_value(mine.count, 0);

        for (int lane = 0; lane < TELU_LANES; lane++) {
            uint32_t symbol = next_symbol;
            int count = next_count;

            /* The next token is exchanged while this one is written. */
            next_symbol = telu_lane_value(mine.symbol, (lane + 1) % TELU_LANES);
            next_count = telu_lane_value(mine.count, (lane + 1) % TELU_LANES);
            telu_range_put(e, symbol & 0xffff, symbol >> 16, TELU_RANGE_BITS);
            if (count) {
                uint64_t bits = telu_lane_value(mine.bits, lane);

                if (count > 32)
                    telu_range_put_bits(e, (uint32_t)(bits >> 32), count - 32);
                telu_range_put_bits(e, (uint32_t)bits, count < 32 ? count : 32);
            }
        }
    }
}

#else
/* Writes hop q; q0 is hop 0, or NULL when q is. */
static void put_hop(struct telu_range_enc *e, const int *q, const int *q0,
                    const struct telu_bands *p, const struct telu_tables *t)
{
    int sum = 0;                       /* sum of the last eight magnitudes */

    for (int b = 0, k = 0; b < TELU_BANDS; b++)
        for (; k < telu_band_edge[b + 1]; k++) {
            int side = q0 ? hop_neighbours(q0, k) : sum, shift;
            int rows = context_rows(q0 != NULL, lower_neighbours(q, k), side, &shift);
            struct refine_token y = refine_token_of(q[k], rows * TELU_C_CLASSES + p->ctx[b], shift,
                                                    t);

            telu_range_put(e, y.symbol & 0xffff, y.symbol >> 16, TELU_RANGE_BITS);
            if (y.count > 32)
                telu_range_put_bits(e, (uint32_t)(y.bits >> 32), y.count - 32);
            if (y.count)
                telu_range_put_bits(e, (uint32_t)y.bits, y.count < 32 ? y.count : 32);
            sum += abs(q[k]) - (k >= 8 ? abs(q[k - 8]) : 0);
        }
}

void telu_refine_put(struct telu_range_enc *e, const int *q, const struct telu_bands *p,
                     const struct telu_tables *t)
{
    for (int h = 0; h < 2; h++)
        put_hop(e, q + h * TELU_HOP, h ? q : NULL, p, t);
}
#endif

/* Reads an Exp-Golomb code of order 0. Returns its value, or -1. */
TELU_STATIC int read_exp_golomb(struct telu_range_dec *d)
{
    int zeros = 0;

    while (!telu_range_get_bits(d, 1))
        if (++zeros > MAX_ZEROS)
            return -1;
    return (int)(1u << zeros | telu_range_get_bits(d, zeros)) - 1;
}

/* Reads the raw bits after a symbol. Returns the coefficient, or more than TELU_MAX_Q on
 * damage. */
TELU_STATIC int read_coefficient(struct telu_range_dec *d, int symbol, int shift)
{
    int rest = symbol == TELU_ESCAPE ? read_exp_golomb(d) : 0, a;

    if (rest < 0)
        return TELU_MAX_Q + 1;
    a = (int)((uint32_t)(symbol + rest) << shift | telu_range_get_bits(d, shift));
    if (a > TELU_MAX_Q)
        return TELU_MAX_Q + 1;
    return a && telu_range_get_bits(d, 1) ? -a : a;
}

/* 1 while a coefficient that was just read is known: the decoder looks four bytes ahead, and when
 * no more than three of them lie behind the end it was most likely the right one. */
TELU_STATIC int refine_known(const struct telu_range_dec *d)
{
    return d->at <= d->n + 3;
}

#if TELU_LANES > 1
/* Magnitude of coefficient i; 0 from k on, which is not decoded yet. */
TELU_STATIC int read_magnitude(const int *q, int k, int i)
{
    return i >= 0 && i < k ? abs(q[i]) : 0;
}

/* Reads a symbol of a context, after telu_range_begin(). */
TELU_STATIC int read_symbol(struct telu_range_dec *d, const uint16_t *cumul)
{
    int s = TELU_LANE < TELU_SYMBOLS ? TELU_LANE : TELU_ESCAPE, symbol;
    uint32_t c = cumul[s], f = cumul[s + 1] - c, mine = c | f << 16;

    symbol = telu_lanes_count(TELU_LANE < TELU_ESCAPE && telu_range_above(d, c + f));
    mine = telu_lane_value(mine, symbol);
    telu_range_consume(d, mine & 0xffff, mine >> 16);
    return symbol;
}

/* Reads hop q; q0 is hop 0, or NULL when q is. Returns as telu_refine_get() does. The lanes prepare
 * the contexts of the next TELU_LANES coefficients as if zeros preceded them, which holds up to the
 * first non-zero coefficient. */
TELU_STATIC int read_hop(struct telu_range_dec *d, int *q, const int *q0,
                       const struct telu_bands *p, const struct telu_tables *t)
{
    int known = 0;

    for (int k = 0; k < TELU_HOP; ) {
        int most = TELU_HOP - k < TELU_LANES ? TELU_HOP - k : TELU_LANES, run = 0, cut;
        int i = k + TELU_LANE < TELU_HOP ? k + TELU_LANE : TELU_HOP - 1, side = 0, shift, at;
        int n = 2 * read_magnitude(q, k, i - 1) + read_magnitude(q, k, i - 2);
        uint32_t zero, next;

        if (q0)
            side = hop_neighbours(q0, i);
        else
            #pragma unroll
            for (int e = 1; e <= 8; e++)
                side += read_magnitude(q, k, i - e);
        at = (context_rows(q0 != NULL, n, side, &shift) * TELU_C_CLASSES +
              p->ctx[telu_band_of[i]]) * (TELU_SYMBOLS + 1);
        zero = shift ? 0 : t->cumul[at + 1];       /* symbol 0 with raw bits is no zero */
        next = telu_lane_value(zero, 0);
        for (;; run++) {
            uint32_t f = next;

            cut = telu_range_exhausted(d);
            if (cut || run == most)
                break;
            next = telu_lane_value(zero, (run + 1) % TELU_LANES);
            telu_range_begin(d, TELU_RANGE_BITS);
            if (telu_range_above(d, f))
                break;
            telu_range_consume(d, 0, f);
            known += refine_known(d);
        }
        for (int z = k + TELU_LANE; z < (cut ? TELU_HOP : k + run); z += TELU_LANES)
            q[z] = 0;
        k = cut ? TELU_HOP : k + run;
        if (!cut && run < most) {
            int symbol = read_symbol(d, t->cumul + telu_lane_value(at, run));
            int v = read_coefficient(d, symbol, telu_lane_value(shift, run));

            if (v > TELU_MAX_Q)
                return -1;
            if (TELU_LANE == 0)
                q[k] = v;
            known += refine_known(d);
            k++;
        }
        TELU_SYNC_LANES();
    }
    return known;
}
#else
/* Reads hop q; q0 is hop 0, or NULL when q is. Returns as telu_refine_get() does. */
static int read_hop(struct telu_range_dec *d, int *q, const int *q0,
                    const struct telu_bands *p, const struct telu_tables *t)
{
    int sum = 0;                       /* sum of the last eight magnitudes */
    int known = 0;

    for (int b = 0, k = 0; b < TELU_BANDS; b++)
        for (; k < telu_band_edge[b + 1]; k++) {
            int side = q0 ? hop_neighbours(q0, k) : sum, shift, symbol = 0;
            int rows = context_rows(q0 != NULL, lower_neighbours(q, k), side, &shift);
            const uint16_t *cumul = t->cumul + (rows * TELU_C_CLASSES + p->ctx[b]) *
                                    (TELU_SYMBOLS + 1);

            q[k] = 0;
            if (!telu_range_exhausted(d)) {
                telu_range_begin(d, TELU_RANGE_BITS);
                while (symbol < TELU_ESCAPE && telu_range_above(d, cumul[symbol + 1]))
                    symbol++;
                telu_range_consume(d, cumul[symbol], (uint32_t)cumul[symbol + 1] - cumul[symbol]);
                q[k] = read_coefficient(d, symbol, shift);
                known += refine_known(d);
            }
            if (q[k] > TELU_MAX_Q)
                return -1;
            sum += abs(q[k]) - (k >= 8 ? abs(q[k - 8]) : 0);
        }
    return known;
}
#endif

TELU_PUBLIC int telu_refine_get(struct telu_range_dec *d, int *q, const struct telu_bands *p,
                    const struct telu_tables *t)
{
    int known = 0;

    for (int h = 0; h < 2; h++) {
        int n = read_hop(d, q + h * TELU_HOP, h ? q : NULL, p, t);

        if (n < 0)
            return -1;
        known += n;
    }
    return known;
}

#undef MAX_ZEROS

#endif
