/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_live.c - see dwconv.h: the convolution of live streams. A history moves on while it is
 * read, since it comes from far. */
#include "dwconv.h"

#include "target_clones.h"
#include "unroll.h"

#include <string.h>

#define WIDE   32              /* channels whose sums are in registers */
#define PARTS  (WIDE / 8)

typedef float eight __attribute__((vector_size(32)));

/* Adds tap k of WIDE channels, and moves the packet that it reads one back in their history. */
TELU_ALWAYS_INLINE void tap(eight *sum, const float *restrict row, float *restrict back,
                            const float *restrict w)
{
    UNROLL for (int i = 0; i < PARTS; i++) {
        eight a, weight;

        memcpy(&a, row + 8 * i, sizeof(a));
        memcpy(&weight, w + 8 * i, sizeof(weight));
        sum[i] += weight * a;
        if (back)
            memcpy(back + 8 * i, &a, sizeof(a));
    }
}

/* Convolves WIDE channels of C. next: the history of the next row, fetched ahead. */
TELU_ALWAYS_INLINE void wide(float *restrict y, const float *restrict x, float *restrict hist,
                             const float *next, const float *restrict w, const float *restrict b,
                             int C, int K)
{
    eight sum[PARTS];

    UNROLL for (int i = 0; i < PARTS; i++)
        memcpy(&sum[i], b + 8 * i, sizeof(sum[i]));
    for (int k = 0; k < K - 1; k++, w += C, hist += C, next += C) {
        __builtin_prefetch(next);
        __builtin_prefetch(next + 16);
        tap(sum, hist, k > 0 ? hist - C : NULL, w);
    }
    tap(sum, x, K > 1 ? hist - C : NULL, w);
    UNROLL for (int i = 0; i < PARTS; i++)
        memcpy(y + 8 * i, &sum[i], sizeof(sum[i]));
}

TELU_ALWAYS_INLINE void narrow(float *restrict y, const float *restrict x, float *restrict hist,
                               const float *restrict w, const float *restrict b, int C, int K)
{
    float sum = *b;

    for (int k = 0; k < K; k++, w += C) {
        float row = k < K - 1 ? *hist : *x;

        sum += *w * row;
        if (k > 0)
            hist[-C] = row;
        hist += C;
    }
    *y = sum;
}

TELU_TARGET_CLONES
int telu_dwconv_live_simd(struct telu_ctx *ctx, float *y, const float *x, float *const *hist,
                          const float *w, const float *b, int R, int C, int K)
{
    (void)ctx;
    for (int r = 0; r < R; r++, x += C, y += C) {
        const float *next = hist[r + 1 < R ? r + 1 : r];
        int c = 0;

        for (; c + WIDE <= C; c += WIDE)
            wide(y + c, x + c, hist[r] + c, next + c, w + c, b + c, C, K);
        for (; c < C; c++)
            narrow(y + c, x + c, hist[r] + c, w + c, b + c, C, K);
    }
    return 0;
}
