/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ltpf.cuh - see ltpf.h: one block per packet, half a block per hop. A thread computes four lags,
 * then four samples, and keeps the sliding window of samples in registers. Sums go in the CPU's
 * order and give its bits.
 */
#ifndef LTPF_CUH
#define LTPF_CUH

#include "ltpf.h"

#include "approx.h"
#include "device.h"
#include "mdct.h"

#define LTPF_HOP_THREADS 64    /* threads per hop: one for four lags; some idle */
#define LTPF_WARPS       (LTPF_HOP_THREADS / 32)
#define LTPF_THREADS     (2 * LTPF_HOP_THREADS)

#define LTPF_LANES       16    /* partial sums over the lags */

struct ltpf_scratch {
    float u[TELU_LTPF_SPAN];   /* input of the op */
    float w[2][TELU_LTPF_LAGS], wr[2][TELU_LTPF_LAGS]; /* weights; those times correlations */
    float max_r[2][LTPF_WARPS], sum[2];
};

/* out[k] += sum_i x[i] v[i + k], square[k] += sum_i v[i + k]^2, energy += sum_i x[i]^2: i < n, a
 * multiple of 4; both at multiples of 16 bytes. */
template <int SQUARES>
static __device__ inline void slide(float *out, float *square, float *energy, const float *x,
                                    const float *v, int n)
{
    float4 near = *reinterpret_cast<const float4 *>(v);

    #pragma unroll 2
    for (int i = 0; i < n; i += 4) {
        float4 a = *reinterpret_cast<const float4 *>(x + i);
        float4 far = *reinterpret_cast<const float4 *>(v + i + 4);
        const float in[4] = { a.x, a.y, a.z, a.w };
        const float s[8] = { near.x, near.y, near.z, near.w, far.x, far.y, far.z, far.w };

        #pragma unroll
        for (int j = 0; j < 4; j++) {
            if (SQUARES)
                *energy += in[j] * in[j];
            #pragma unroll
            for (int k = 0; k < 4; k++) {
                out[k] += in[j] * s[j + k];
                if (SQUARES)
                    square[k] += s[j + k] * s[j + k];
            }
        }
        near = far;
    }
}

/* Sum over the lags of a hop by the lanes of its first warp, where t < 32; others get 0. */
static __device__ inline float lag_sum(const float *x, int t)
{
    float part = 0.0f, sum = 0.0f;

    if (t >= 32)
        return 0.0f;
    for (int j = t % LTPF_LANES; j < TELU_LTPF_LAGS; j += LTPF_LANES)
        part += x[j];
    #pragma unroll
    for (int k = 0; k < LTPF_LANES; k++)
        sum += __shfl_sync(0xffffffffu, part, k, LTPF_LANES);
    return sum;
}

/* Predicts both hops of s->u, which LTPF_THREADS, a block, have written. y (2, 320), g (2): outputs
 * of the op, in any memory. */
static __device__ inline void predict(float *y, float *g, struct ltpf_scratch *s)
{
    const int lags = TELU_LTPF_LAGS;
    int h = threadIdx.x / LTPF_HOP_THREADS, t = threadIdx.x % LTPF_HOP_THREADS, warp = t / 32;
    int j = 4 * t < lags ? 4 * t : lags - 4, mine = 4 * t < lags;
    const float *v = s->u + h * TELU_HOP;
    float r[4] = {}, lag_energy[4] = {}, energy = TELU_LTPF_FLOOR, max_r, sum, similarity, w[4];

    y += h * 2 * TELU_HOP;
    slide<1>(r, lag_energy, &energy, v + TELU_LTPF_MAX_LAG, v + j, TELU_HOP);
    for (int k = 0; k < 4; k++)
        r[k] /= sqrtf(energy * (lag_energy[k] + TELU_LTPF_FLOOR));

    max_r = fmaxf(fmaxf(r[0], r[1]), fmaxf(r[2], r[3]));
    for (int by = 16; by > 0; by /= 2)
        max_r = fmaxf(max_r, __shfl_xor_sync(0xffffffffu, max_r, by));
    if (t % 32 == 0)
        s->max_r[h][warp] = max_r;
    __syncthreads();
    max_r = fmaxf(s->max_r[h][0], s->max_r[h][1]);
    for (int k = 0; k < 4; k++) {
        w[k] = telu_exp(TELU_LTPF_SHARPNESS * (r[k] - max_r));
        if (mine)
            s->w[h][j + k] = w[k];
    }
    __syncthreads();
    sum = lag_sum(s->w[h], t);
    if (t == 0)
        s->sum[h] = sum;
    __syncthreads();
    sum = s->sum[h];
    for (int k = 0; k < 4; k++)
        if (mine) {
            w[k] /= sum;
            s->w[h][j + k] = w[k];
            s->wr[h][j + k] = r[k] * w[k];
        }
    __syncthreads();
    similarity = lag_sum(s->wr[h], t);
    if (t == 0)
        g[h] = similarity > 0.0f ? 0.5f * similarity : 0.0f;

    /* here j counts samples: one per lag */
    float out[4] = {};

    slide<0>(out, NULL, NULL, s->w[h], v + j, lags);
    if (mine)
        for (int k = 0; k < 4; k++)
            y[TELU_EDGE + j + k] = out[k];
    for (int i = t; i < TELU_EDGE; i += LTPF_HOP_THREADS)
        y[i] = y[TELU_EDGE + lags + i] = 0.0f;
}

#endif
