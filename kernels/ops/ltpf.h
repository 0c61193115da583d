/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ltpf.h - long-term prediction of the postfilter: predicts both hops of a packet from earlier
 * samples.
 *
 * u (B, 640) holds decoded samples: 320 before the packet and 320 of it, the last that do not
 * overlap the next packet. Hop h reads v = u + 160 h, 480 samples, and correlates the last 160
 * with those 320 - j earlier, j = 0 .. 239 (lags of 50 to 198 Hz; a higher voice matches at a
 * multiple of its period):
 *
 *   r[j] = sum_i v[320+i] v[j+i] / sqrt((sum_i v[320+i]^2 + F) (sum_i v[j+i]^2 + F))
 *   w[j] = exp(32 (r[j] - max r)) / sum of these
 *
 * with i = 0 .. 159 and F = 1.6e-5, so that noise below -70 dB correlates with nothing. Every
 * lag has a weight, and lags near the period have nearly all of it. No lag is selected, so a
 * rounding error changes the result by no more than itself (non-local means: Buades, Coll,
 * Morel 2005; a filter along the pitch period: Chen, Gersho 1995).
 *
 *   y[h][40+m] = sum_j w[j] v[j+m], m = 0 .. 239: prediction; 0 at both ends, as mdct's windows
 *   g[h]       = max(0, sum_j w[j] r[j]) / 2: confidence
 *
 * y (B, 2, 320), g (B, 2); u is finite and overlaps neither. telu_postfilter_change() uses them.
 * Sums over i and j run in order; sums over w have 16 interleaved partial sums, added in order.
 */
#ifndef TELU_LTPF_H
#define TELU_LTPF_H

#include "backend.h"
#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_LTPF_LAGS      240
#define TELU_LTPF_MAX_LAG   TELU_PACKET        /* samples before the packet */
#define TELU_LTPF_SPAN      (TELU_LTPF_MAX_LAG + TELU_PACKET)
#define TELU_LTPF_SHARPNESS 32.0f
#define TELU_LTPF_FLOOR     1.6e-5f

int telu_ltpf_c(struct telu_ctx *ctx, float *y, float *g, const float *u, int B);
int telu_ltpf_simd(struct telu_ctx *ctx, float *y, float *g, const float *u, int B);
int telu_ltpf_cuda(struct telu_ctx *ctx, float *y, float *g, const float *u, int B);

#ifdef __cplusplus
}
#endif
#endif
