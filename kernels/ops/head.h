/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head.h - the decoder's last step: y = v * exp(clamp(s, -8, 3)).
 *
 * v, s, y (n); y may be v or s. v is signed and unbounded, and so is y: no tanh or
 * clamp limits the samples. exp is telu_exp (approx.h).
 */
#ifndef TELU_HEAD_H
#define TELU_HEAD_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_HEAD_LEAST (-8.0f)
#define TELU_HEAD_MOST  3.0f

int telu_head_c(struct telu_ctx *ctx, float *y, const float *v, const float *s,
                int n);
int telu_head_simd(struct telu_ctx *ctx, float *y, const float *v, const float *s,
                   int n);
int telu_head_cuda(struct telu_ctx *ctx, float *y, const float *v,
                   const float *s, int n);

/* Writes dv, ds (n): dv = dy exp(..), ds = dy y inside the clamp. Outside the clamp ds is 0, unless
 * a descent step leads back inside; else a coefficient below the clamp would stay there. */
void telu_head_grad(float *dv, float *ds, const float *dy, const float *v,
                    const float *s, int n);
int telu_head_grad_cuda(struct telu_ctx *ctx, float *dv, float *ds,
                        const float *dy, const float *v, const float *s, int n);

#ifdef __cplusplus
}
#endif
#endif
