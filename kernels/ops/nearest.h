/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.h - the search of one residual-VQ stage.
 *
 *   index[r] = argmin_n bias[n] + sum_{d in order} (z[r][d] - book[d][n])^2
 *
 * z (R, D), index (R); bias (N), with which the sum begins, or NULL: zeros. The lowest index of
 * equal sums wins. book is transposed, (D, N), so that neighbouring codes lie side by side for the
 * vector unit. D <= 64, N <= 1024.
 * A row with a NaN gives index 0. No fast math and no FMA: the plain and the vector
 * path choose the same code, bit for bit.
 */
#ifndef TELU_NEAREST_H
#define TELU_NEAREST_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

int telu_nearest_c(struct telu_ctx *ctx, int32_t *index, const float *z,
                   const float *book, const float *bias, int R, int N, int D);
int telu_nearest_simd(struct telu_ctx *ctx, int32_t *index, const float *z,
                      const float *book, const float *bias, int R, int N, int D);
int telu_nearest_cuda(struct telu_ctx *ctx, int32_t *index, const float *z,
                      const float *book, const float *bias, int R, int N, int D);

#ifdef __cplusplus
}
#endif
#endif
