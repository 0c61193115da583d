/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm.cuh - norm of one row by sixteen lanes. Lane j adds channels j, j + 16 ..., the CPU's
 * partial sum j, which gives the CPU's bits. */
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

/* Mean and scale of a row. */
struct norm_scale {
    float mean, scale;

    __device__ float operator()(float v, float g, float b) const
    {
        return g * ((v - mean) * scale) + b;
    }
};

/* v[i]: channel i * NORM_LANES + j of a row of C. live: C, or 0 in lanes that only take part in the
 * sums, which need the whole warp. EACH: channels per lane, at least C / NORM_LANES. */
template <int EACH>
static __device__ inline struct norm_scale norm_measure(const float *v, int j, int live, int C)
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
    return { mean, 1.0f / sqrtf(norm_sum(part) / (float)C + TELU_NORM_EPS) };
}

/* The same of a row v in shared memory. */
static __device__ inline struct norm_scale norm_measure_shared(const float *v, int j, int C)
{
    float part = 0.0f;

    #pragma unroll 20
    for (int c = j; c < C; c += NORM_LANES)
        part += v[c];
    float mean = norm_sum(part) / (float)C;

    part = 0.0f;
    #pragma unroll 20
    for (int c = j; c < C; c += NORM_LANES) {
        float d = v[c] - mean;

        part += d * d;
    }
    return { mean, 1.0f / sqrtf(norm_sum(part) / (float)C + TELU_NORM_EPS) };
}

#endif
