/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ltpf.cuh - see ltpf.h: a packet, by a block, half of it a hop. A thread has four lags,
 * then four samples, and keeps the window of sound that they slide over in registers.
 */
#ifndef LTPF_CUH
#define LTPF_CUH

#include "ltpf.h"

#include "approx.h"
#include "device.h"
#include "mdct.h"

#define LTPF_SIDE    64        /* threads of a hop: one for four lags, and some idle */
#define LTPF_WARPS   (LTPF_SIDE / 32)
#define LTPF_THREADS (2 * LTPF_SIDE)

struct ltpf_room {
    float u[TELU_LTPF_SPAN];  /* as the op's */
    float w[2][TELU_LTPF_LAGS];
    float part[2][LTPF_WARPS], most[2][LTPF_WARPS], like[2][LTPF_WARPS];
};

/* out[k] += sum_i x[i] v[i + k], and square[k] += sum_i v[i + k]^2: i < n, a multiple of 4;
 * both at multiples of 16 bytes. */
template <int SQUARES>
static __device__ inline void slide(float *out, float *square, const float *x,
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
        for (int j = 0; j < 4; j++)
            #pragma unroll
            for (int k = 0; k < 4; k++) {
                out[k] = fmaf(in[j], s[j + k], out[k]);
                if (SQUARES)
                    square[k] = fmaf(s[j + k], s[j + k], square[k]);
            }
        near = far;
    }
}

static __device__ inline float warp_sum(float v)
{
    for (int by = 16; by > 0; by /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, by);
    return v;
}

/* LTPF_THREADS, a block, that have put the sound there. y (2, 320) and g (2): the op's, in
 * whatever memory. */
static __device__ inline void look_back(float *y, float *g, struct ltpf_room *s)
{
    const int lags = TELU_LTPF_LAGS;
    int h = threadIdx.x / LTPF_SIDE, t = threadIdx.x % LTPF_SIDE, warp = t / 32;
    int j = 4 * t < lags ? 4 * t : lags - 4, mine = 4 * t < lags;
    const float *v = s->u + h * TELU_HOP;
    float r[4] = {}, there[4] = {}, here = 0.0f, most, sum = 0.0f, like = 0.0f;

    y += h * 2 * TELU_HOP;
    slide<1>(r, there, v + TELU_LTPF_MAX_LAG, v + j, TELU_HOP);
    for (int i = t % 32; i < TELU_HOP; i += 32)
        here = fmaf(v[TELU_LTPF_MAX_LAG + i], v[TELU_LTPF_MAX_LAG + i], here);
    here = warp_sum(here) + TELU_LTPF_FLOOR;
    for (int k = 0; k < 4; k++)
        r[k] /= sqrtf(here * (there[k] + TELU_LTPF_FLOOR));

    most = fmaxf(fmaxf(r[0], r[1]), fmaxf(r[2], r[3]));
    for (int by = 16; by > 0; by /= 2)
        most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, by));
    if (t % 32 == 0)
        s->most[h][warp] = most;
    __syncthreads();
    most = fmaxf(s->most[h][0], s->most[h][1]);
    for (int k = 0; k < 4; k++) {
        float w = telu_exp(TELU_LTPF_SHARPNESS * (r[k] - most));

        if (mine) {
            s->w[h][j + k] = w;
            sum += w;
            like += w * r[k];
        }
    }
    sum = warp_sum(sum);
    like = warp_sum(like);
    if (t % 32 == 0) {
        s->part[h][warp] = sum;
        s->like[h][warp] = like;
    }
    __syncthreads();
    sum = s->part[h][0] + s->part[h][1];
    like = (s->like[h][0] + s->like[h][1]) / sum;
    if (t == 0)
        g[h] = like > 0.0f ? 0.5f * like : 0.0f;

    /* m is as j was: a sample for each lag */
    float out[4] = {};

    slide<0>(out, NULL, s->w[h], v + j, lags);
    if (mine)
        for (int k = 0; k < 4; k++)
            y[TELU_EDGE + j + k] = out[k] / sum;
    for (int i = t; i < TELU_EDGE; i += LTPF_SIDE)
        y[i] = y[TELU_EDGE + lags + i] = 0.0f;
}

#endif
