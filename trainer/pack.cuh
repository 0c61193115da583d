/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack.cuh - several neighbouring floats at once: one, or four that lie at a multiple of
 * their size; and which samples of a batch are a block's. */
#ifndef PACK_CUH
#define PACK_CUH

#include "gpu.cuh"

#include "each.cuh"

static __device__ inline void load(float (&to)[1], const float *p)
{
    to[0] = *p;
}

static __device__ inline void load(float (&to)[4], const float *p)
{
    float4 v = each_load(p, 0);

    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
}

static __device__ inline void store(float *p, const float (&from)[1])
{
    *p = from[0];
}

static __device__ inline void store(float *p, const float (&from)[4])
{
    each_store(p, 0, make_float4(from[0], from[1], from[2], from[3]));
}

/* Piece k of item b: samples first .. end - 1 of it. */
struct piece {
    int b, k, first, end;
};

/* The calling block's; an item has `blocks` of them. */
static __device__ inline struct piece piece_of(int blocks, int samples)
{
    int b = blockIdx.x / blocks, k = blockIdx.x - b * blocks, first = k * GPU_PIECE;

    return { b, k, first, first + GPU_PIECE < samples ? first + GPU_PIECE : samples };
}

#endif
