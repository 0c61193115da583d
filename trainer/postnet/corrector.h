/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corrector.h - the post-network in training: traces -> features -> network -> corrected
 * coefficients -> inverse MDCT, forward and backward. The network is that of
 * kernels/codec/postnet.c with all packets at once.
 */
#ifndef CORRECTOR_H
#define CORRECTOR_H

#include "stack.h"
#include "traces.h"

struct corrector {
    struct telu_config cfg;
    struct telu_postnet_config post;
    struct params *p;
    struct stack stack;
    struct param *in_w, *in_b, *out_w, *out_b;
    float *features, *x, *o;   /* (B T, 1352), (B T, width), (B T, 960) */
    float *y, *wave;           /* (B T, 320), (B, (2 T + 1) 160) */
    float *dx, *dy, *doo;
    struct stack_scratch scratch;
};

/* For batches of B pieces of T packets. The new network changes nothing. */
struct corrector *corrector_new(const struct telu_config *cfg,
                                const struct telu_postnet_config *post, int B, int T,
                                struct rng *rng);
void corrector_free(struct corrector *m);

/* Computes m->wave of the B pieces row[b] (T packets each). */
void corrector_forward(struct corrector *m, const struct trace_row *const *row, int B, int T);

/* Adds gradients to m->p->grad from dwave, which has wave's shape, after a forward. */
void corrector_backward(struct corrector *m, const float *dwave,
                        const struct trace_row *const *row, int B, int T);

#endif
