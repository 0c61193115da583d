/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena.cuh - making and ending a trainer on a device. All its memory there is one
 * piece, laid out twice: once to see how much it is, once for good. */
#ifndef ARENA_CUH
#define ARENA_CUH

#include "gpu.cuh"

#define ARENA_ALIGN 256
#define BLAS_WORK (32u << 20)  /* what cuBLAS recommends for Hopper */

struct tensor {
    char name[32];
    size_t at, n;              /* floats before it and of it, among its kind */
    int kind, decay;
};

struct list {
    struct tensor *all;
    int count;
    size_t at[2];              /* weights, codebooks */
};

struct arena {
    char *base;
    size_t used;
    struct training *t;
    const struct list *list;
    int *column_to;            /* on the host, once `base` is real */
};

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* training.h: open() and close(). */
void *training_open(int device, const struct telu_config *cfg, int B, int T,
                    enum telu_precision precision);
void training_close(void *t);

/* layout.cu: the trained tensors of a config; and a place for every array of a->t,
 * from a->base on. a->used is then how far that went. */
int make_list(struct list *l, const struct telu_config *cfg);
void lay_out(struct arena *a);

#endif
