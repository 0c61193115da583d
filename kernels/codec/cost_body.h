/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cost_body.h - estimates the length of the coefficients' code: that definition of refine.h, for
 * host and device (host_device.h). */
#ifndef TELU_COST_BODY_H
#define TELU_COST_BODY_H

#include "refine_body.h"

#include "unroll.h"

/* Symbol of magnitude a; adds the cost of the raw bits behind it. */
TELU_INLINE int symbol_of(int a, int shift, int *cost)
{
    int s = a >> shift, symbol = s < TELU_ESCAPE ? s : TELU_ESCAPE;
    int bits = 2 * log2_floor(s - symbol + (s >= TELU_ESCAPE)) + 1;

    *cost += 64 * (shift + (a != 0) + (bits > 0 ? bits : 0));
    return symbol;
}

#if TELU_LANES > 1
TELU_NOINLINE uint32_t telu_refine_cost(const int *q, const struct telu_bands *p,
                          const struct telu_tables *t)
{
    int cost = 0;

    TELU_UNROLL
    for (int i = 0; i < TELU_COEFS; i += TELU_LANES) {
        struct telu_position w = telu_position_of(i + TELU_LANE);
        int shift, ctx = position_context(&w, q, p, &shift);
        int symbol = symbol_of(abs(q[w.h + w.k]), shift, &cost);

        cost += frequency_cost(t->freq[ctx * TELU_SYMBOLS + symbol]);
    }
    return telu_lanes_sum((uint32_t)cost);
}
#else
#define BEFORE 8               /* zeros before a hop, which has as many neighbours */

/* refine_class_of() by comparisons: a vector would look up each of its numbers. */
TELU_ALWAYS_INLINE int class_by_comparing(int n)
{
    return (n >= 1) + (n >= 2) + (n >= 3) + (n >= 5) + (n >= 8) + (n >= 13) + (n >= 21) + (n >= 34);
}

/* frequency_cost() likewise: a cubic gives each number of log2_fraction. */
TELU_ALWAYS_INLINE int cost_by_cubic(int f)
{
    uint32_t bits = telu_float_bits((float)f);
    int e = (int)(bits >> 23) - 127, i = bits >> 17 & 63;
    int fraction = (6788434 + i * (5745068 + i * (-32830 + i * 123))) >> 22;
    int cost = 64 * (TELU_RANGE_BITS - e) - fraction;

    return cost > 0 ? cost : 0;
}

/* Cost of the symbols of a hop, at these places of the frequencies. */
TELU_ALWAYS_INLINE int cost_of_symbols(const int *at, const uint16_t *freq)
{
    int f[TELU_HOP], cost = 0;

    UNROLL for (int k = 0; k < TELU_HOP; k++)
        f[k] = freq[at[k]];
    for (int k = 0; k < TELU_HOP; k++)
        cost += cost_by_cubic(f[k]);
    return cost;
}

/* Cost of hop `second`, whose magnitudes are a; those of hop 0 are a0. C: of each coefficient.
 * All loops but the look-up of frequencies have vector forms. */
TELU_ALWAYS_INLINE int cost_of_hop(int second, const int *a, const int *a0, const int *C,
                                   const uint16_t *freq)
{
    int at[TELU_HOP], cost = 0;

    for (int k = 0; k < TELU_HOP; k++) {
        int n = 2 * a[k - 1] + a[k - 2], shift;
        int p = second ? a0[k - 1] + 2 * a0[k] + a0[k + 1]
                : a[k - 1] + a[k - 2] + a[k - 3] + a[k - 4] + a[k - 5] + a[k - 6] + a[k - 7] +
                  a[k - 8];
        int rows = ((second ? TELU_CLASSES : 0) + class_by_comparing(n)) * TELU_CLASSES +
                   class_by_comparing(p);

        shift = context_shift(second, n, p);
        at[k] = (rows * TELU_C_CLASSES + C[k]) * TELU_SYMBOLS + symbol_of(a[k], shift, &cost);
    }
    return cost + cost_of_symbols(at, freq);
}

/* --- Small magnitudes, as coarse steps have them ----------------------------- */

/* Up to here no coefficient has raw bits but its sign, whatever its neighbours: (3 + 4) SMALL / 7
 * is below 16, and sums of neighbours fit into a byte. */
#define SMALL 15
#define LANES 32

typedef int8_t small_lanes __attribute__((vector_size(LANES)));

/* refine_class_of() of each, in place. */
TELU_ALWAYS_INLINE void classify(small_lanes *n)
{
    *n = -((*n > 0) + (*n > 1) + (*n > 2) + (*n > 4) + (*n > 7) + (*n > 12) + (*n > 20) +
           (*n > 33));
}

/* The cost of a hop as cost_of_hop() has it. C: the column of each coefficient. */
TELU_ALWAYS_INLINE int cost_of_small_hop(int second, const int8_t *a, const int8_t *a0,
                                         const int *C, const uint16_t *freq)
{
    const int first = second ? TELU_CLASSES * TELU_CLASSES : 0;
    int8_t row[TELU_HOP];
    int at[TELU_HOP], cost = 0;

    for (int k = 0; k < TELU_HOP; k += LANES) {
        small_lanes near[BEFORE], n, p;

        UNROLL for (int i = 0; i < 2; i++)
            memcpy(&near[i], a + k - 1 - i, LANES);
        n = near[0] + near[0] + near[1];
        p = near[0] + near[1];
        if (second) {
            UNROLL for (int i = 0; i < 3; i++)
                memcpy(&near[i], a0 + k - 1 + i, LANES);
            p = near[0] + near[1] + near[1] + near[2];
        } else {
            UNROLL for (int i = 2; i < BEFORE; i++) {
                memcpy(&near[i], a + k - 1 - i, LANES);
                p += near[i];
            }
        }
        classify(&n);
        classify(&p);
        n += n + n;
        n += n + n + p;                        /* 9 n + p */
        memcpy(row + k, &n, LANES);
    }
    for (int k = 0; k < TELU_HOP; k++) {
        at[k] = (first + row[k]) * (TELU_C_CLASSES * TELU_SYMBOLS) + C[k] + a[k];
        cost += a[k] ? 64 : 0;
    }
    return cost + cost_of_symbols(at, freq);
}

/* --- All ---------------------------------------------------------------------- */

TELU_ALWAYS_INLINE int small_cost(const int *q, const int *C, const uint16_t *freq)
{
    int8_t a[2][BEFORE + TELU_HOP + 1] = { { 0 } };
    int columns[TELU_HOP];

    for (int h = 0; h < 2; h++)
        for (int k = 0; k < TELU_HOP; k++)
            a[h][BEFORE + k] = (int8_t)abs(q[h * TELU_HOP + k]);
    for (int k = 0; k < TELU_HOP; k++)
        columns[k] = C[k] * TELU_SYMBOLS;
    return cost_of_small_hop(0, a[0] + BEFORE, NULL, columns, freq) +
           cost_of_small_hop(1, a[1] + BEFORE, a[0] + BEFORE, columns, freq);
}

TELU_ALWAYS_INLINE int any_cost(const int *q, const int *C, const uint16_t *freq)
{
    int a[2][BEFORE + TELU_HOP + 1] = { { 0 } };

    for (int h = 0; h < 2; h++)
        for (int k = 0; k < TELU_HOP; k++)
            a[h][BEFORE + k] = abs(q[h * TELU_HOP + k]);
    return cost_of_hop(0, a[0] + BEFORE, NULL, C, freq) +
           cost_of_hop(1, a[1] + BEFORE, a[0] + BEFORE, C, freq);
}

TELU_VECTORS
uint32_t telu_refine_cost(const int *q, const struct telu_bands *p, const struct telu_tables *t)
{
    int C[TELU_HOP];
    unsigned bits = 0;

    for (int k = 0; k < TELU_COEFS; k++)
        bits |= (unsigned)abs(q[k]);
    telu_spread_int(C, p->ctx);
    return (uint32_t)(bits <= SMALL ? small_cost(q, C, t->freq) : any_cost(q, C, t->freq));
}
#undef BEFORE
#undef SMALL
#undef LANES
#endif

#endif
