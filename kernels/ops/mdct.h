/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct.h - hops of samples <-> coefficients, low-overlap window, orthonormal.
 *
 *   X[k] = sqrt(2/N) sum_{t=0}^{2N-1} w[t] x[t] cos(pi/N (t + 1/2 + N/2)(k + 1/2))
 *   x[t] = sqrt(2/N) w[t] sum_k X[k] cos(...), overlapped and added
 *
 * N = TELU_HOP = 160 (Princen, Johnson, Bradley 1987). w[t] rises over 80 samples
 * by the power-complementary slope of the Vorbis I specification, 1.3.2:
 *   0 for t < 40, sin(pi/2 sin^2(pi (t - 40 + 1/2) / 160)) for 40 <= t < 120,
 *   1 for 120 <= t < 200, and symmetric: w[319 - t] = w[t].
 *
 * forward    x (B, (H+1)*160), y (B, H, 160); hop h sees samples [160h, 160h + 320)
 * inverse    x (B, H, 160), y (B, (H+1)*160): the overlap-added sum; its first and
 *            last 160 samples lack their outer neighbour.
 * x and y must not overlap. Both are computed by folding to a DCT-IV in float, with each sum in
 * order (mdct_body.h), so that every CPU gives the same bits; tests/ops/test_mdct.c holds that to
 * the formulas above.
 */
#ifndef TELU_MDCT_H
#define TELU_MDCT_H

#include "backend.h"
#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_EDGE    40        /* samples at each end where the window is 0 */
#define TELU_OVERLAP 80        /* samples of neighbouring hops, and packets */
#define TELU_FLAT    (TELU_EDGE + TELU_OVERLAP)  /* first sample at which the window is 1 */
#define TELU_HALF    (TELU_HOP / 2)              /* middle of a hop: the DCT-IV folds there */
#define TELU_WAVE    (TELU_PACKET + TELU_HOP)  /* samples that a packet spans */

/* w[0 .. 319] */
void telu_mdct_window(float *w);

int telu_mdct_c(struct telu_ctx *ctx, float *y, const float *x, int B, int H);
int telu_imdct_c(struct telu_ctx *ctx, float *y, const float *x, int B, int H);
int telu_mdct_simd(struct telu_ctx *ctx, float *y, const float *x, int B, int H);
int telu_imdct_simd(struct telu_ctx *ctx, float *y, const float *x, int B, int H);
int telu_mdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H);
int telu_imdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H);

/* Fills the tables of the two above, once per device and outside of a graph's capture; they call
 * it themselves at first use. 0, or -1 and telu_error(). */
int telu_mdct_ready_cuda(void);

/* The transform is orthonormal, so each is the other's gradient:
 * dx of forward = imdct(dy), dx of inverse = mdct(dy). */

#ifdef __cplusplus
}
#endif
#endif
