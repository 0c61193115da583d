/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.h - y = x w^T + b.
 *
 *   y[r][o] = b[o] + sum_{i = 0 .. I-1, in this order} x[r][i] * w[o][i]
 *
 * x (R, I), w (O, I), b (O) or NULL, y (R, O); y must not overlap the inputs.
 * Products and sums are rounded separately (no FMA), so that every CPU gives the
 * same bits whatever its vector width.
 *
 * No packet runs it: layers are linear8.h, and codec/rvq.c multiplies by the quantiser's
 * matrices transposed, in the same order of sums. The trainer fits its tables with it, and
 * tests judge gradients and the quantiser's search by it.
 */
#ifndef TELU_LINEAR_H
#define TELU_LINEAR_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

int telu_linear_c(struct telu_ctx *ctx, float *y, const float *x, const float *w,
                  const float *b, int R, int I, int O);
int telu_linear_simd(struct telu_ctx *ctx, float *y, const float *x,
                     const float *w, const float *b, int R, int I, int O);
int telu_linear_cuda(struct telu_ctx *ctx, float *y, const float *x,
                     const float *w, const float *b, int R, int I, int O);

/* Bfloat16, as in the weight file. Round to nearest even; a NaN stays a NaN. */
uint16_t telu_to_bf16(float x);
float telu_from_bf16(uint16_t x);

/* Gradient, accumulating: dx (R, I) or NULL, dw (O, I), db (O) or NULL:
 *   dx += dy w, dw += dy^T x, db += sum_r dy */
void telu_linear_grad(float *dx, float *dw, float *db, const float *dy,
                      const float *x, const float *w, int R, int I, int O);
int telu_linear_grad_cuda(struct telu_ctx *ctx, float *dx, float *dw, float *db,
                          const float *dy, const float *x, const float *w, int R,
                          int I, int O);

#ifdef __cplusplus
}
#endif
#endif
