/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest_simd.c - see nearest.h: LANES codes at once. */
#include "nearest.h"

#include "target_clones.h"

#include <math.h>

#define LANES 64

/* Distances of the n <= LANES codes at the head of book; each lane keeps its nearest
 * code so far, and of equal distances the earlier one. */
TELU_ALWAYS_INLINE void lanes(float *restrict best, int32_t *restrict at,
                     const float *restrict z, const float *restrict book,
                     const float *restrict bias, int first, int n, int N, int D)
{
    float sum[LANES] = { 0 };

    for (int j = 0; bias && j < n; j++)
        sum[j] = bias[j];

    for (int d = 0; d < D; d++, book += N) {
        float zd = z[d];

        for (int j = 0; j < n; j++) {
            float diff = zd - book[j];

            sum[j] += diff * diff;
        }
    }
    for (int j = 0; j < n; j++) {
        int nearer = sum[j] < best[j];

        best[j] = nearer ? sum[j] : best[j];
        at[j] = nearer ? first + j : at[j];
    }
}

TELU_TARGET_CLONES
int telu_nearest_simd(struct telu_ctx *ctx, int32_t *index, const float *z,
                      const float *book, const float *bias, int R, int N, int D)
{
    (void)ctx;
    for (int r = 0; r < R; r++, z += D) {
        float best[LANES], least = INFINITY;
        int32_t at[LANES] = { 0 };
        int n = 0;

        for (int j = 0; j < LANES; j++)
            best[j] = INFINITY;
        for (; n + LANES <= N; n += LANES)
            lanes(best, at, z, book + n, bias ? bias + n : NULL, n, LANES, N, D);
        if (n < N)
            lanes(best, at, z, book + n, bias ? bias + n : NULL, n, N - n, N, D);

        index[r] = 0;
        for (int j = 0; j < LANES; j++)
            if (best[j] < least || (best[j] == least && at[j] < index[r])) {
                least = best[j];
                index[r] = at[j];
            }
    }
    return 0;
}
