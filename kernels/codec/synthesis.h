/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.h - how a decoded packet ends: inverse transform, overlap with the packet before,
 * long-term postfilter (FORMAT.md). On a device: synthesis.cu.
 */
#ifndef TELU_SYNTHESIS_H
#define TELU_SYNTHESIS_H

#include "ltpf.h"
#include "refine.h"

struct telu_synthesis {
    float *wave;               /* [480] inverse transform of two hops */
    float *tail;               /* [80] of the packet before */
    float *plain;              /* [640] the packet before and this one, not filtered */
    float *prediction;              /* [640] what ltpf makes of them; then the change's wave */
    float *change;             /* [320] of the coefficients, by the filter */
    float *added;              /* [80] of what it added to the packet before */
};

/* Floats that a stream needs; memory: that many zeros, multiples of 64 bytes apart. */
size_t telu_synthesis_floats(void);
void telu_synthesis_init(struct telu_synthesis *s, float *memory);
void telu_synthesis_reset(struct telu_synthesis *s);

/* c [320] -> pcm [320]. p, shape: what c was dequantised with; p NULL: it was not, and is
 * not filtered. 0, or -1 and telu_error(). */
int telu_synthesis_run(struct telu_ctx *ctx, struct telu_synthesis *s, const float *c,
                   const struct telu_bands *p, int shape, float *pcm);

#endif
