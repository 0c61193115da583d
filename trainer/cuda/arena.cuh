/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena.cuh - opens and closes a trainer on a device. All its memory there is one piece,
 * laid out twice: first to count the bytes, then to set the pointers. */
#ifndef ARENA_CUH
#define ARENA_CUH

#include "gpu.cuh"

#define ARENA_ALIGN 256
#define BLAS_WORK (32u << 20)  /* bytes; cuBLAS recommends them for Hopper */

struct tensor {
    char name[32];
    size_t at, n;              /* its offset and length in floats, among its kind */
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

/* layout.cu: lists the trained tensors of a config, and places every array of a->t from
 * a->base on. a->used becomes the bytes placed. */
int make_list(struct list *l, const struct telu_config *cfg);
void lay_out(struct arena *a);

#endif
