/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.cuh - keeps the nearest code, and of equal distances the lowest index, as on the CPU.
 * A NaN or an infinite distance is never nearer than INFINITY. */
#ifndef NEAREST_CUH
#define NEAREST_CUH

#include "device.h"

struct nearest {
    float distance;
    int index;
};

static __device__ inline void keep_nearer(struct nearest *a, float distance, int index)
{
    if (distance < a->distance || (distance == a->distance && index < a->index)) {
        a->distance = distance;
        a->index = index;
    }
}

/* Adds one dimension to the distances of four rows and four codes. */
static __device__ inline void add_squares(float (&sum)[4][4], float4 row, float4 code)
{
    const float r[4] = { row.x, row.y, row.z, row.w };
    const float c[4] = { code.x, code.y, code.z, code.w };

    #pragma unroll
    for (int i = 0; i < 4; i++)
        #pragma unroll
        for (int j = 0; j < 4; j++) {
            float diff = r[i] - c[j];

            sum[i][j] += diff * diff;
        }
}

/* Sets lane 0 to the nearest of the warp. */
static __device__ inline void nearest_of_warp(struct nearest *a)
{
    #pragma unroll
    for (int by = 16; by > 0; by /= 2) {
        float distance = __shfl_down_sync(0xffffffffu, a->distance, by);
        int index = __shfl_down_sync(0xffffffffu, a->index, by);

        keep_nearer(a, distance, index);
    }
}

#endif
