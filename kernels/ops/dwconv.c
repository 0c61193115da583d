/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv.c - see dwconv.h. */
#include "dwconv.h"

#include "target_clones.h"

#include <string.h>

TELU_ALWAYS_INLINE void convolve(float *restrict y, const float *restrict x,
                        const float *restrict hist, const float *restrict w,
                        const float *restrict b, int T, int C, int K)
{
    for (int t = 0; t < T; t++, y += C) {
        memcpy(y, b, (size_t)C * sizeof(*y));
        for (int k = 0; k < K; k++) {
            int from = t - (K - 1) + k;
            const float *restrict row = from < 0 ? hist : x;

            if (!row)
                continue;
            row += (size_t)(from < 0 ? from + K - 1 : from) * C;
            for (int c = 0; c < C; c++)
                y[c] += w[(size_t)c * K + k] * row[c];
        }
    }
}

/* Rows move only towards the front, so the loop may run in place. */
static void remember(float *hist, const float *x, int T, int C, int K)
{
    for (int j = 0; j < K - 1; j++) {
        const float *row = T + j < K - 1 ? hist + (size_t)(T + j) * C :
                                           x + (size_t)(T + j - (K - 1)) * C;

        memcpy(hist + (size_t)j * C, row, (size_t)C * sizeof(*hist));
    }
}

TELU_ALWAYS_INLINE void dwconv(float *y, const float *x, float *hist, const float *w,
                      const float *b, int B, int T, int C, int K)
{
    for (int i = 0; i < B; i++, x += (size_t)T * C, y += (size_t)T * C) {
        float *h = hist ? hist + (size_t)i * (K - 1) * C : NULL;

        convolve(y, x, h, w, b, T, C, K);
        if (h)
            remember(h, x, T, C, K);
    }
}

int telu_dwconv_c(struct telu_ctx *ctx, float *y, const float *x, float *hist,
                  const float *w, const float *b, int B, int T, int C, int K)
{
    (void)ctx;
    dwconv(y, x, hist, w, b, B, T, C, K);
    return 0;
}

TELU_TARGET_CLONES
int telu_dwconv_simd(struct telu_ctx *ctx, float *y, const float *x, float *hist,
                     const float *w, const float *b, int B, int T, int C, int K)
{
    (void)ctx;
    dwconv(y, x, hist, w, b, B, T, C, K);
    return 0;
}

int telu_dwconv_live_c(struct telu_ctx *ctx, float *y, const float *x, float *const *hist,
                       const float *w, const float *b, int R, int C, int K)
{
    (void)ctx;
    for (int r = 0; r < R; r++, x += C, y += C) {
        memcpy(y, b, (size_t)C * sizeof(*y));
        for (int k = 0; k < K; k++) {
            const float *row = k < K - 1 ? hist[r] + (size_t)k * C : x;

            for (int c = 0; c < C; c++)
                y[c] += w[(size_t)k * C + c] * row[c];
        }
        remember(hist[r], x, 1, C, K);
    }
    return 0;
}
