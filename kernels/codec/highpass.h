/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* highpass.h - takes the offset out of an encoder's input: a first-order high-pass at 3 Hz.
 *
 *   y[i] = R y[i-1] + x[i] - x[i-1],   R = exp(-2 pi 3 / 16000)
 *
 * An offset of 1 % of full scale, as sound cards have, costs 0.2 to 0.4 PESQ without it. The cutoff
 * is that low because a higher one turns the phase of the voice: see DESIGN.md, "Decisions".
 * It begins with x[-1] = the mean of the first packet, so that a constant offset is gone from
 * the first sample on.
 */
#ifndef TELU_HIGHPASS_H
#define TELU_HIGHPASS_H

#include "host_device.h"
#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All 0 at the start of a stream. */
struct telu_highpass {
    int runs;                  /* 1: x and y are those of the packet before */
    float x, y;                /* last sample in, and out */
};

/* 1 when packets of that rate are filtered: not when tuned for SNR, where the waveform stays. */
TELU_INLINE int telu_highpass_wanted(const struct telu_rate *rate)
{
    return rate->highpass && rate->tune != TELU_SNR;
}

/* Filters the next packet, x [320], in place; with wanted = 0 it leaves x and begins anew after
 * it. x is finite. Each lane has its own copy of f, all equal. */
TELU_PUBLIC void telu_highpass_run(struct telu_highpass *f, float *x, int wanted);

#ifdef __cplusplus
}
#endif
#endif
