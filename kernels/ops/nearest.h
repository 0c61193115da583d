/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.h - the search of one residual-VQ stage.
 *
 *   index[r] = argmin_n bias[line[r]][n] + sum_{d in order} (z[r][d] - book[n][d])^2
 *
 * z (R, D), index (R). bias (lines, N) begins the sums; NULL: zeros. line (R) tells which of
 * its lines is a row's, -1: zeros; NULL: line 0. The lowest index of equal sums wins. D <= 64,
 * N <= 1024. book is in tiles of TELU_NEAREST_TILE codes, the last one of those left: a tile of n
 * codes is (D, n). So neighbouring codes lie side by side for the vector unit, and a search reads
 * the book from one end to the other.
 * A row with a NaN gives index 0. No fast math and no FMA: the plain and the vector
 * path choose the same code, bit for bit.
 */
#ifndef TELU_NEAREST_H
#define TELU_NEAREST_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_NEAREST_TILE 64

int telu_nearest_c(struct telu_ctx *ctx, int32_t *index, const float *z,
                   const float *book, const float *bias, const int32_t *line, int R, int N,
                   int D);
int telu_nearest_simd(struct telu_ctx *ctx, int32_t *index, const float *z,
                      const float *book, const float *bias, const int32_t *line, int R, int N,
                      int D);
int telu_nearest_cuda(struct telu_ctx *ctx, int32_t *index, const float *z,
                      const float *book, const float *bias, const int32_t *line, int R, int N,
                      int D);

#ifdef __CUDACC__
#define TELU_NEAREST static inline __host__ __device__
#else
#define TELU_NEAREST static inline
#endif

/* Returns the place of number d of code n. */
TELU_NEAREST size_t telu_nearest_place(int n, int d, int N, int D)
{
    int first = n / TELU_NEAREST_TILE * TELU_NEAREST_TILE;
    int width = N - first < TELU_NEAREST_TILE ? N - first : TELU_NEAREST_TILE;

    return (size_t)first * D + (size_t)d * width + (n - first);
}

/* Returns that line of row r, or NULL: zeros. */
TELU_NEAREST const float *telu_nearest_bias(const float *bias, const int32_t *line, int r, int N)
{
    int at = line ? line[r] : 0;

    return bias && at >= 0 ? bias + (size_t)at * N : NULL;
}

#ifdef __cplusplus
}
#endif
#endif
