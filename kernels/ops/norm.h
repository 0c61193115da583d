/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm.h - layer normalisation over channels (Ba, Kiros, Hinton 2016).
 *
 *   y[r][c] = g[c] * (x[r][c] - mean_r) / sqrt(var_r + 1e-5) + b[c]
 *
 * x, y (R, C), may be the same buffer; g, b (C). Mean and variance are summed in
 * 16 interleaved partial sums (partial j takes c = j, j + 16, ...), added in order,
 * so that vectors and plain loops give the same bits.
 */
#ifndef TELU_NORM_H
#define TELU_NORM_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_NORM_EPS 1e-5f

int telu_norm_c(struct telu_ctx *ctx, float *y, const float *x, const float *g,
                const float *b, int R, int C);
int telu_norm_simd(struct telu_ctx *ctx, float *y, const float *x, const float *g,
                   const float *b, int R, int C);
int telu_norm_cuda(struct telu_ctx *ctx, float *y, const float *x,
                   const float *g, const float *b, int R, int C);

/* Gradient, accumulating into dx (R, C), dg (C), db (C); dx must not be dy. */
void telu_norm_grad(float *dx, float *dg, float *db, const float *dy,
                    const float *x, const float *g, int R, int C);
int telu_norm_grad_cuda(struct telu_ctx *ctx, float *dx, float *dg, float *db,
                        const float *dy, const float *x, const float *g, int R,
                        int C);

#ifdef __cplusplus
}
#endif
#endif
