/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm.cuh - norm of one row by sixteen lanes, which keep it in registers. Lane j holds channels
 * j, j + 16 ... and the CPU's partial sum j, which gives the CPU's bits. */
#ifndef NORM_CUH
#define NORM_CUH

#include "device.h"
#include "norm.h"

#define NORM_LANES 16

/* Adds the lanes' partial sums in lane order; every lane gets the sum. */
static __device__ inline float norm_sum(float part)
{
    float sum = 0.0f;

    #pragma unroll
    for (int j = 0; j < NORM_LANES; j++)
        sum += __shfl_sync(0xffffffffu, part, j, NORM_LANES);
    return sum;
}

/* v[i]: channel i * NORM_LANES + j of a row of C; g, b: the norm's; to(c, y) takes channel c of
 * the result. live: C, or 0 in lanes that only take part in the sums, which need the whole
 * warp. EACH: channels per lane, at least C / NORM_LANES. */
template <int EACH, class To>
static __device__ inline void norm_row(To to, const float *v, const float *g, const float *b,
                                       int j, int live, int C)
{
    float part = 0.0f;

    #pragma unroll
    for (int i = 0; i < EACH; i++)
        if (i * NORM_LANES + j < live)
            part += v[i];
    float mean = norm_sum(part) / (float)C;

    part = 0.0f;
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        if (i * NORM_LANES + j < live) {
            float d = v[i] - mean;

            part += d * d;
        }
    float scale = 1.0f / sqrtf(norm_sum(part) / (float)C + TELU_NORM_EPS);

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * NORM_LANES + j;

        if (c < live)
            to(c, g[c] * ((v[i] - mean) * scale) + b[c]);
    }
}

#endif
