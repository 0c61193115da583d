/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct_body.h - the loops that the versions of the transform share: fold 320 samples to 160, then
 * a matrix, in float.
 *
 * With the windowed samples in quarters (a, b, c, d) and r for reversed,
 *   MDCT(a, b, c, d) = DCT-IV(-c_r - d, a - b_r)
 *   IMDCT of v = DCT-IV(X), v in halves (v1, v2): (v2, -v2_r, -v1_r, -v1)
 * A hop takes 25600 multiplications, some microseconds, which an FFT would not repay in code.
 */
#ifndef TELU_MDCT_BODY_H
#define TELU_MDCT_BODY_H

#include "mdct.h"

#include "mdct_table.h"
#include "target_clones.h"

#include <string.h>

#define N     TELU_HOP
#define HALF  (N / 2)
#define BLOCK 32               /* sums in registers */

/* Each sum begins with 0 and goes in order of n. */
TELU_ALWAYS_INLINE void dct(float *y, const float *x,
                            const struct telu_mdct_table *m)
{
    for (int k = 0; k < N; k += BLOCK) {
        float sum[BLOCK] = { 0 };

        for (int n = 0; n < N; n++)
            for (int j = 0; j < BLOCK; j++)
                sum[j] += x[n] * m->dct[n][k + j];
        memcpy(y + k, sum, sizeof(sum));
    }
}

TELU_ALWAYS_INLINE void mdct(float *y, const float *x, int B, int H)
{
    const struct telu_mdct_table *m = telu_mdct_table();

    for (int b = 0; b < B; b++, x += N)        /* a hop more than coefficients */
        for (int h = 0; h < H; h++, x += N, y += N) {
            float z[2 * N], u[N];

            for (int t = 0; t < 2 * N; t++)
                z[t] = m->window[t] * x[t];
            for (int n = 0; n < HALF; n++) {
                u[n] = -z[3 * HALF - 1 - n] - z[3 * HALF + n];
                u[HALF + n] = z[n] - z[N - 1 - n];
            }
            dct(y, u, m);
        }
}

/* Adds one hop's samples to y [320]. */
TELU_ALWAYS_INLINE void unfold(float *y, const float *x,
                               const struct telu_mdct_table *m)
{
    float v[N], z[2 * N];

    dct(v, x, m);
    for (int n = 0; n < HALF; n++) {
        z[n] = v[HALF + n];
        z[HALF + n] = -v[N - 1 - n];
        z[N + n] = -v[HALF - 1 - n];
        z[3 * HALF + n] = -v[n];
    }
    for (int t = 0; t < 2 * N; t++)
        y[t] += m->window[t] * z[t];
}

TELU_ALWAYS_INLINE void imdct(float *y, const float *x, int B, int H)
{
    const struct telu_mdct_table *m = telu_mdct_table();

    for (int b = 0; b < B; b++, y += N) {
        memset(y, 0, (size_t)(H + 1) * N * sizeof(*y));
        for (int h = 0; h < H; h++, x += N, y += N)
            unfold(y, x, m);
    }
}

#endif
