/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* deficit.h - the level of a packet that was cut before its levels, as the head of a lost one is.
 * By how much a base layer is too soft changes slowly: the last packet with levels tells most of it
 * (over 34 files, rms of the error in a band: 5.4 dB without it, 4.1 with it). FORMAT.md, "Cut
 * packets".
 */
#ifndef TELU_DEFICIT_H
#define TELU_DEFICIT_H

#include "level.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_deficit {
    float level[TELU_BANDS];   /* expected, in the steps of level.h, not whole; zeros at first */
};

TELU_PUBLIC void telu_deficit_reset(struct telu_deficit *p);

/* The next two are not inlined on the device: their caller has few registers left. */

/* Learns from a packet with levels: y [320] dequantised, base [320] of the network. */
TELU_NOINLINE void telu_deficit_learn(struct telu_deficit *p, const float *y, const float *base);

/* Scales y [320], a base layer alone from coefficient `first` on, to the levels that p expects. */
TELU_NOINLINE void telu_deficit_apply(float *y, int first, const struct telu_deficit *p);

#ifdef __cplusplus
}
#endif
#endif
