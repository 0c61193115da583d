/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ltpf.h - long-term postfilter, the part that looks back: what the two hops of a packet
 * would be if speech repeated itself.
 *
 * u (B, 640) is decoded sound: 320 samples before the packet, then 320 of it, the last for
 * which no sample of the next packet is missing. Hop h looks at v = u + 160 h, 480 samples,
 * and compares the last 160 with those that lie 320 - j earlier, j = 0 .. 239 (50 to
 * 198 Hz; a higher voice at a multiple of its period):
 *
 *   r[j] = sum_i v[320+i] v[j+i] / sqrt((sum_i v[320+i]^2 + F) (sum_i v[j+i]^2 + F))
 *   w[j] = exp(32 (r[j] - max r)) / sum of these
 *
 * with i = 0 .. 159 and F = 1.6e-5, by which hiss below -70 dB is like nothing. All lags
 * have a share, near periods nearly the whole: nothing is chosen, so that a rounding
 * changes the result by no more than itself (non-local means: Buades, Coll, Morel 2005; a
 * filter along the pitch period: Chen, Gersho 1995).
 *
 *   y[h][40+m] = sum_j w[j] v[j+m], m = 0 .. 239; 0 at both ends: as mdct wants a window
 *   g[h]       = max(0, sum_j w[j] r[j]) / 2: how much of it to believe
 *
 * y (B, 2, 320), g (B, 2); u is finite, and overlaps neither. What becomes of them:
 * telu_postfilter_change(). Sums over i and j run in order, those over w in 16 interleaved
 * parts, added in order.
 */
#ifndef TELU_LTPF_H
#define TELU_LTPF_H

#include "backend.h"
#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_LTPF_LAGS  240
#define TELU_LTPF_MAX_LAG   TELU_PACKET    /* the longest lag, and what is kept of the past */
#define TELU_LTPF_SPAN (TELU_LTPF_MAX_LAG + TELU_PACKET)
#define TELU_LTPF_SHARPNESS 32.0f
#define TELU_LTPF_FLOOR 1.6e-5f

int telu_ltpf_c(struct telu_ctx *ctx, float *y, float *g, const float *u, int B);
int telu_ltpf_simd(struct telu_ctx *ctx, float *y, float *g, const float *u, int B);
int telu_ltpf_cuda(struct telu_ctx *ctx, float *y, float *g, const float *u, int B);

#ifdef __cplusplus
}
#endif
#endif
