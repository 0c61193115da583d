/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* level.h - the level of what a packet does not code exactly: a gain for each band, in steps of
 * 4.5 dB, that the decoder gives to its coefficients with q = 0 (all of them without refinement).
 * The gain is relative to what the decoder has anyway, so a base layer of the right level costs
 * few bits, and no entropy-coded number depends on a float. FORMAT.md, "Levels".
 *
 * A packet of a base layer alone has kind 4 .. 6 by its number of codes; a band of a refined
 * packet has kind 0 .. 3 by its share of coefficients that are not 0, and no level (it is 0 and
 * takes no bits) where these are more than half.
 */
#ifndef TELU_LEVEL_H
#define TELU_LEVEL_H

#include "refine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_LEVEL_KINDS      7
#define TELU_LEVEL_NEIGHBOURS 7        /* classes of the two bands below */
#define TELU_LEVEL_SYMBOLS    10       /* levels LEAST .. LEAST + 9 */
#define TELU_LEVEL_LEAST      (-4)
#define TELU_LEVEL_CONTEXTS   (TELU_LEVEL_KINDS * TELU_LEVEL_NEIGHBOURS * TELU_BANDS)

/* In all functions: level [21]; q [320] the integers, or NULL without refinement; S the number
 * of codes, 1 .. 16. */

/* Sets the levels that bring y [320], what the decoder has, closest to c [320], the original.
 * dead: distance from 0, in steps, below which a level is 0, 0.65 or more. */
TELU_PUBLIC void telu_level_choose(int *level, const float *c, const float *y, const int *q,
                                   float dead);

/* Index of the context of band b, 0 .. TELU_LEVEL_CONTEXTS - 1, or -1: it has no level. */
TELU_PUBLIC int telu_level_context(const int *level, const int *q, int S, int b);

/* Estimates the length of the levels' code in 1/64 bit. */
TELU_NOINLINE uint32_t telu_level_cost(const int *level, const int *q, int S,
                                     const struct telu_tables *t);

TELU_PUBLIC void telu_level_put(struct telu_range_enc *e, const int *level, const int *q, int S,
                                const struct telu_tables *t);

/* A packet that was cut here or before gives zeros. */
TELU_PUBLIC void telu_level_get(struct telu_range_dec *d, int *level, const int *q, int S,
                                const struct telu_tables *t);

/* Steps from the power `has` of n coefficients to the power `wants`; 0 when one is a NaN. */
TELU_PUBLIC float telu_level_steps(float has, float wants, int n);

/* Levels go in dB on a straight line from the middle of a band to that of the next, and are
 * constant outside: steps at the edges of bands cost 0.07 PESQ at 6 kbit/s. Returns the band that
 * the line of coefficient k, 0 .. 159, in band b, leads to, and sets how far it is on that way, 0
 * .. 1; outside b and 0. */
TELU_PUBLIC int telu_level_line(int b, int k, float *way);

/* Gain of a level on that line. */
TELU_PUBLIC float telu_level_gain(float x);

/* Scales the coefficients y [320]. */
TELU_PUBLIC void telu_level_apply(float *y, const int *level, const int *q);

#ifdef __cplusplus
}
#endif
#endif
