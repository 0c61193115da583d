/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residual.h - y[r][c] = x[r][c] + s[c] * h[r][c]: end of a block, with one scale per channel
 * of the branch (LayerScale, Touvron et al. 2021).
 *
 * x, h, y (R, C), s (C). y may be x or h.
 */
#ifndef TELU_RESIDUAL_H
#define TELU_RESIDUAL_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

int telu_residual_c(struct telu_ctx *ctx, float *y, const float *x, const float *h,
                    const float *s, int R, int C);
int telu_residual_simd(struct telu_ctx *ctx, float *y, const float *x,
                       const float *h, const float *s, int R, int C);
int telu_residual_cuda(struct telu_ctx *ctx, float *y, const float *x,
                       const float *h, const float *s, int R, int C);

/* dh = s dy (written), ds += sum_r dy h; dx is dy itself. dh may be dy if the
 * caller no longer needs dy. */
void telu_residual_grad(float *dh, float *ds, const float *dy, const float *h,
                        const float *s, int R, int C);
int telu_residual_grad_cuda(struct telu_ctx *ctx, float *dh, float *ds,
                            const float *dy, const float *h, const float *s,
                            int R, int C);

#ifdef __cplusplus
}
#endif
#endif
