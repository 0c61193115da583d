/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct_body.h - the loops that the versions of the transform share: fold 320 samples to 160, then
 * a matrix, in float, which up to four hops share.
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
#include "unroll.h"

#include <string.h>

#define N     TELU_HOP
#define HALF  (N / 2)
#define HOPS  4                /* that share the matrix */
#define SUMS  8                /* vectors of sums in registers, of all hops together */

/* An array of sums would stay in memory. */
typedef float eight __attribute__((vector_size(32)));

/* Transforms `hops` hops, 1, 2 or 4, `vectors` of sums of each at a time: x, y [hops][N]. Each sum
 * begins with 0 and goes in order of n. */
TELU_ALWAYS_INLINE void dct(float *y, const float *x, const struct telu_mdct_table *m, int hops,
                            int vectors)
{
    for (int k = 0; k < N; k += 8 * vectors) {
        eight sum[HOPS][SUMS];

        UNROLL for (int h = 0; h < hops; h++)
            UNROLL for (int j = 0; j < vectors; j++)
                sum[h][j] = (eight){ 0 };
        for (int n = 0; n < N; n++)
            UNROLL for (int j = 0; j < vectors; j++) {
                eight cosines;

                memcpy(&cosines, &m->dct[n][k + 8 * j], sizeof(cosines));
                UNROLL for (int h = 0; h < hops; h++)
                    sum[h][j] += x[h * N + n] * cosines;
            }
        UNROLL for (int h = 0; h < hops; h++)
            UNROLL for (int j = 0; j < vectors; j++)
                memcpy(y + h * N + k + 8 * j, &sum[h][j], sizeof(sum[h][j]));
    }
}

/* Transforms `hops` hops, at most HOPS. */
TELU_ALWAYS_INLINE void transform(float *y, const float *x, const struct telu_mdct_table *m,
                                  int hops)
{
    if (hops == HOPS) {
        dct(y, x, m, HOPS, SUMS / HOPS);
        return;
    }
    if (hops >= 2)
        dct(y, x, m, 2, SUMS / 2);
    if (hops % 2)
        dct(y + (hops - 1) * N, x + (hops - 1) * N, m, 1, SUMS / 2);
}

/* u [N] = the 320 samples x, windowed and folded. */
TELU_ALWAYS_INLINE void fold(float *u, const float *x, const struct telu_mdct_table *m)
{
    float z[2 * N];

    for (int t = 0; t < 2 * N; t++)
        z[t] = m->window[t] * x[t];
    for (int n = 0; n < HALF; n++) {
        u[n] = -z[3 * HALF - 1 - n] - z[3 * HALF + n];
        u[HALF + n] = z[n] - z[N - 1 - n];
    }
}

TELU_ALWAYS_INLINE void mdct(float *y, const float *x, int B, int H)
{
    const struct telu_mdct_table *m = telu_mdct_table();
    float u[HOPS * N];
    int waiting = 0;

    for (int b = 0; b < B; b++, x += N)        /* a hop more than coefficients */
        for (int h = 0; h < H; h++, x += N) {
            fold(u + waiting * N, x, m);
            if (++waiting == HOPS) {
                transform(y, u, m, HOPS);
                y += HOPS * N;
                waiting = 0;
            }
        }
    transform(y, u, m, waiting);
}

/* Adds one hop's samples to y [320]; v [N]: their transform. */
TELU_ALWAYS_INLINE void unfold(float *y, const float *v, const struct telu_mdct_table *m)
{
    float z[2 * N];

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
    const int all = B * H;
    float v[HOPS * N];

    memset(y, 0, (size_t)B * (H + 1) * N * sizeof(*y));
    for (int i = 0, n; i < all; i += n, x += n * N) {
        n = all - i < HOPS ? all - i : HOPS;
        transform(v, x, m, n);
        for (int h = 0; h < n; h++)
            unfold(y + (size_t)((i + h) / H * (H + 1) + (i + h) % H) * N, v + h * N, m);
    }
}

#endif
