/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_grad.c - see dwconv.h. */
#include "dwconv.h"

#include "target_clones.h"

#define BLOCK 64

/* One tap over `n` channels. Its weights have stride K in memory, so they are copied once for all
 * packets. */
TELU_ALWAYS_INLINE void tap(float *restrict dx, float *restrict dw, const float *restrict dy,
                   const float *restrict x, const float *restrict w, int B, int T,
                   int C, int K, int k, int n)
{
    float wk[BLOCK] = { 0 }, sum[BLOCK] = { 0 };
    int back = K - 1 - k;

    for (int c = 0; c < n; c++)
        wk[c] = w[c * K + k];
    for (int b = 0; b < B; b++)
        for (int t = back; t < T; t++) {
            const float *restrict g = dy + ((size_t)b * T + t) * C;
            const float *restrict v = x + ((size_t)b * T + t - back) * C;
            float *restrict dv = dx + ((size_t)b * T + t - back) * C;

            for (int c = 0; c < n; c++) {
                dv[c] += wk[c] * g[c];
                sum[c] += g[c] * v[c];
            }
        }
    for (int c = 0; c < n; c++)
        dw[c * K + k] += sum[c];
}

TELU_TARGET_CLONES
void telu_dwconv_grad(float *dx, float *dw, float *db, const float *dy,
                      const float *x, const float *w, int B, int T, int C, int K)
{
    for (int c = 0; c < C; c += BLOCK) {
        int n = C - c < BLOCK ? C - c : BLOCK;
        size_t at = (size_t)c * K;

        for (int k = 0; k < K; k++)
            tap(dx + c, dw + at, dy + c, x + c, w + at, B, T, C, K, k, n);
    }
    for (size_t r = 0; r < (size_t)B * T; r++)
        for (int c = 0; c < C; c++)
            db[c] += dy[r * C + c];
}
