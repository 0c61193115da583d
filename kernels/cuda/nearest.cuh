/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.cuh - the better of two codes: the nearer, of equal ones the lower, as on the
 * CPU. A NaN or an infinite distance is never better than INFINITY. */
#ifndef NEAREST_CUH
#define NEAREST_CUH

#include "device.h"

struct found {
    float best;
    int index;
};

static __device__ inline void better(struct found *a, float best, int index)
{
    if (best < a->best || (best == a->best && index < a->index)) {
        a->best = best;
        a->index = index;
    }
}

/* One element more of the distances of four rows and four codes. */
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

/* The best of a warp, in lane 0. */
static __device__ inline void best_of_warp(struct found *a)
{
    #pragma unroll
    for (int by = 16; by > 0; by /= 2) {
        float best = __shfl_down_sync(0xffffffffu, a->best, by);
        int index = __shfl_down_sync(0xffffffffu, a->index, by);

        better(a, best, index);
    }
}

#endif
