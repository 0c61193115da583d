/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stack.h - a stack of ConvNeXt blocks (kernels/codec/network.c) in training, all packets at once,
 * forward and backward. */
#ifndef STACK_H
#define STACK_H

#include "params.h"

struct block {
    struct param *dw_w, *dw_b, *norm_g, *norm_b;
    struct param *up_w, *up_b, *down_w, *down_b, *scale;
    float *x, *a, *b, *h, *g, *d;      /* of the last forward: see block_forward() */
};

struct stack {
    int width, hidden, kernel, n;
    struct block block[TELU_MAX_BLOCKS];
};

/* Gradients inside a block: da, db (rows, widest), dh, dg (rows, widest hidden layer). */
struct stack_scratch {
    float *da, *db, *dh, *dg;
};

/* Finds the tensors "NAME.i.part" of the blocks. */
void stack_init(struct stack *s, struct params *p, const char *name, int width, int blocks,
                int kernel, int expand);

/* _reserve() allocates the arrays of a forward of `rows` rows, _release() frees them. */
void stack_reserve(struct stack *s, size_t rows);
void stack_release(struct stack *s);

/* block[0].x already holds the input (B T, width); out gets the output. */
void stack_forward(struct stack *s, float *out, int B, int T);

/* dx is d out on the way in and d x on the way out; adds the gradients of the weights. */
void stack_backward(struct stack *s, const struct stack_scratch *scratch, float *dx, int B, int T);

#endif
