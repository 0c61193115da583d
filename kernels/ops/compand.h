/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compand.h - coefficients -> features; both halves stay small at any loudness.
 *
 *   y[r][i]       = 3 sign(x) sqrt(|x| + 1e-6)
 *   y[r][320 + i] = 0.2 log(|x| + 1e-4) + 1
 *
 * x (R, 320), y (R, 640), must not overlap. sign(0) = 0; log is telu_log (approx.h).
 * No gradient: nothing is trained below it.
 */
#ifndef TELU_COMPAND_H
#define TELU_COMPAND_H

#include "backend.h"
#include "sizes.h"

#ifdef __cplusplus
extern "C" {
#endif

int telu_compand_c(struct telu_ctx *ctx, float *y, const float *x, int R);
int telu_compand_simd(struct telu_ctx *ctx, float *y, const float *x, int R);
int telu_compand_cuda(struct telu_ctx *ctx, float *y, const float *x, int R);

#ifdef __cplusplus
}
#endif
#endif
