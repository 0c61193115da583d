/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.h - synthesis of a decoded packet: inverse transform, overlap with the packet before,
 * long-term postfilter or post-network (FORMAT.md). synthesis.cu is the device's version.
 */
#ifndef TELU_SYNTHESIS_H
#define TELU_SYNTHESIS_H

#include "ltpf.h"
#include "network.h"
#include "refine.h"

struct telu_synthesis {
    float *tail;               /* [80] overlap of the packet before */
    float *plain;              /* [640] the packet before and this one, not filtered */
    float *change_tail;        /* [80] overlap of the packet before, of the change */
};

/* _floats() returns the size of a stream's state; _init() gets that many zeros, aligned to 64
 * bytes; _reset() clears the history. */
size_t telu_synthesis_floats(void);
void telu_synthesis_init(struct telu_synthesis *s, float *memory);
void telu_synthesis_reset(struct telu_synthesis *s);

/* The correction of decoded coefficients: by the post-network, or by the postfilter. */
struct telu_correction {
    const struct telu_bands *bands;        /* of a refined packet: the postfilter changes it */
    int shape;
    const struct telu_model *m;            /* not NULL: the post-network changes the packet */
    struct telu_postnet *net;
    struct telu_postnet_packet packet;     /* without c, prediction and confidence */
};

/* c [320] -> pcm [320]. how NULL: nothing corrects the packet. 0, or -1 and telu_error(). */
int telu_synthesis_run(struct telu_ctx *ctx, struct telu_synthesis *s, const float *c,
                       const struct telu_correction *how, float *pcm);

#endif
