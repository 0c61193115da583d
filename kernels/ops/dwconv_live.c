/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_live.c - see dwconv.h: the convolution of live streams. Rows share weights that were
 * transposed, and a history moves on while it is read, since it comes from far. A row alone has the
 * loop of dwconv.
 */
#include "dwconv.h"

#include "target_clones.h"
#include "unroll.h"

#include <string.h>

#define TURNED 2304            /* transposed weights, 9 KB: of the default network all */
#define WIDE   32              /* channels whose sums are in registers */
#define PARTS  (WIDE / 8)

typedef float eight __attribute__((vector_size(32)));

/* t [K][n] = the weights of the n channels from w on. */
TELU_ALWAYS_INLINE void turn(float *restrict t, const float *restrict w, int n, int K)
{
    for (int k = 0; k < K; k++, t += n)
        for (int c = 0; c < n; c++)
            t[c] = w[c * K + k];
}

/* Adds tap k of WIDE channels, and moves the packet that it reads one back in their history. */
TELU_ALWAYS_INLINE void tap(eight *sum, const float *restrict row, float *restrict back,
                            const float *restrict t)
{
    UNROLL for (int i = 0; i < PARTS; i++) {
        eight a, weight;

        memcpy(&a, row + 8 * i, sizeof(a));
        memcpy(&weight, t + 8 * i, sizeof(weight));
        sum[i] += weight * a;
        if (back)
            memcpy(back + 8 * i, &a, sizeof(a));
    }
}

/* Convolves WIDE channels: t, their weights, has a row of n for each tap; hist has one of C. next:
 * the history of the next row, fetched ahead. */
TELU_ALWAYS_INLINE void wide(float *restrict y, const float *restrict x, float *restrict hist,
                             const float *next, const float *restrict t, const float *restrict b,
                             int n, int C, int K)
{
    eight sum[PARTS];

    UNROLL for (int i = 0; i < PARTS; i++)
        memcpy(&sum[i], b + 8 * i, sizeof(sum[i]));
    for (int k = 0; k < K - 1; k++, t += n, hist += C, next += C) {
        __builtin_prefetch(next);
        __builtin_prefetch(next + 16);
        tap(sum, hist, k > 0 ? hist - C : NULL, t);
    }
    tap(sum, x, K > 1 ? hist - C : NULL, t);
    UNROLL for (int i = 0; i < PARTS; i++)
        memcpy(y + 8 * i, &sum[i], sizeof(sum[i]));
}

TELU_ALWAYS_INLINE void narrow(float *restrict y, const float *restrict x, float *restrict hist,
                               const float *restrict t, const float *restrict b, int n, int C,
                               int K)
{
    float sum = *b;

    for (int k = 0; k < K; k++, t += n) {
        float row = k < K - 1 ? *hist : *x;

        sum += *t * row;
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
    const int most = TURNED / K / WIDE * WIDE;

    if (R == 1)                /* transposing its weights would be most of the work */
        return telu_dwconv_simd(ctx, y, x, hist[0], w, b, 1, 1, C, K);
    for (int first = 0; first < C; first += most) {
        _Alignas(64) float t[TURNED];
        int n = C - first < most ? C - first : most;

        turn(t, w + (size_t)first * K, n, K);
        for (int r = 0; r < R; r++) {
            float *to = y + (size_t)r * C + first, *past = hist[r] + first;
            const float *from = x + (size_t)r * C + first;
            const float *next = hist[r + 1 < R ? r + 1 : r] + first;
            int c = 0;

            for (; c + WIDE <= n; c += WIDE)
                wide(to + c, from + c, past + c, next + c, t + c, b + first + c, n, C, K);
            for (; c < n; c++)
                narrow(to + c, from + c, past + c, t + c, b + first + c, n, C, K);
        }
    }
    return 0;
}
