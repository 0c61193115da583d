/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.h - y = x w^T + b.
 *
 *   y[r][o] = b[o] + sum_{i = 0 .. I-1, in this order} x[r][i] * w[o][i]
 *
 * x (R, I), w (O, I), b (O) or NULL, y (R, O); y must not overlap the inputs.
 * Products and sums are rounded separately (no FMA), so that every CPU gives the
 * same bits whatever its vector width.
 *
 * linear16 is the same with w rounded to bfloat16 and packed for one live stream,
 * whose time goes to reading weights. Outputs form panels of 64, the last
 * one padded with zeros; panel p is I rows of 32 words; word j of row i holds
 * output 64p + j in its low half and output 64p + 32 + j in its high half.
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
int telu_linear16_c(struct telu_ctx *ctx, float *y, const float *x,
                    const uint32_t *w, const float *b, int R, int I, int O);
int telu_linear16_simd(struct telu_ctx *ctx, float *y, const float *x,
                       const uint32_t *w, const float *b, int R, int I, int O);
int telu_linear_cuda(struct telu_ctx *ctx, float *y, const float *x,
                     const float *w, const float *b, int R, int I, int O);
int telu_linear16_cuda(struct telu_ctx *ctx, float *y, const float *x,
                       const uint32_t *w, const float *b, int R, int I, int O);

/* 32-bit words of a packed (O, I) matrix. */
size_t telu_linear16_words(int I, int O);

/* (O, I) bfloat16 bits, as in the weight file -> panels, on the host. */
void telu_linear16_pack(uint32_t *packed, const uint16_t *w, int I, int O);

/* Round to nearest even; a NaN stays a NaN. */
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
