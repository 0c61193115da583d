/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv.h - causal depthwise convolution over packets, history as an argument.
 *
 *   y[b][t][c] = b[c] + sum_{k = 0 .. K-1} w[c][k] * x[b][t - (K-1) + k][c]
 *
 * x, y (B, T, C), w (C, K), b (C); must not overlap. hist (B, K-1, C) holds the
 * packets before t = 0, oldest first, and is replaced by the last K-1 packets of
 * hist and x together; NULL stands for zeros and is not written.
 */
#ifndef TELU_DWCONV_H
#define TELU_DWCONV_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

int telu_dwconv_c(struct telu_ctx *ctx, float *y, const float *x, float *hist,
                  const float *w, const float *b, int B, int T, int C, int K);
int telu_dwconv_simd(struct telu_ctx *ctx, float *y, const float *x, float *hist,
                     const float *w, const float *b, int B, int T, int C, int K);
int telu_dwconv_cuda(struct telu_ctx *ctx, float *y, const float *x, float *hist,
                     const float *w, const float *b, int B, int T, int C,
                     int K);

/* R packets of streams whose histories lie apart: hist[r] is that of row r, in the host's memory;
 * rows of one stream name it again. x, y (R, C); w is transposed, (K, C). The same as
 * telu_dwconv_c() of each row with B = T = 1, in their order. */
int telu_dwconv_live_c(struct telu_ctx *ctx, float *y, const float *x, float *const *hist,
                       const float *w, const float *b, int R, int C, int K);
int telu_dwconv_live_simd(struct telu_ctx *ctx, float *y, const float *x, float *const *hist,
                          const float *w, const float *b, int R, int C, int K);
int telu_dwconv_live_cuda(struct telu_ctx *ctx, float *y, const float *x, float *const *hist,
                          const float *w, const float *b, int R, int C, int K);

/* Gradient with zero history, accumulating into dx (B, T, C), dw (C, K), db (C). */
void telu_dwconv_grad(float *dx, float *dw, float *db, const float *dy,
                      const float *x, const float *w, int B, int T, int C, int K);
int telu_dwconv_grad_cuda(struct telu_ctx *ctx, float *dx, float *dw, float *db,
                          const float *dy, const float *x, const float *w, int B,
                          int T, int C, int K);

#ifdef __cplusplus
}
#endif
#endif
