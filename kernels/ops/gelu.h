/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu.h - the tanh form of GELU (Hendrycks, Gimpel 2016).
 *
 *   y = x / (1 + exp(-2 u)),  u = sqrt(2/pi) (x + 0.044715 x^3)
 *
 * x, y (n), may be the same buffer. exp is telu_exp (approx.h).
 */
#ifndef TELU_GELU_H
#define TELU_GELU_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

int telu_gelu_c(struct telu_ctx *ctx, float *y, const float *x, int n);
int telu_gelu_simd(struct telu_ctx *ctx, float *y, const float *x, int n);
int telu_gelu_cuda(struct telu_ctx *ctx, float *y, const float *x, int n);

/* dx += dy * dgelu(x)/dx */
void telu_gelu_grad(float *dx, const float *dy, const float *x, int n);
int telu_gelu_grad_cuda(struct telu_ctx *ctx, float *dx, const float *dy,
                        const float *x, int n);

#ifdef __cplusplus
}
#endif
#endif
