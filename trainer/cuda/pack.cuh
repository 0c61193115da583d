/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack.cuh - loads and stores 1, 2, 4 or 8 neighbouring numbers as floats, aligned to
 * their size; deals a batch's samples to blocks. */
#ifndef PACK_CUH
#define PACK_CUH

#include "gpu.cuh"

#include "elementwise.cuh"

#include <cuda_bf16.h>
#include <string.h>

static __device__ inline void load(float (&to)[1], const float *p)
{
    to[0] = *p;
}

static __device__ inline void load(float (&to)[2], const float *p)
{
    float2 v = *reinterpret_cast<const float2 *>(p);

    to[0] = v.x;
    to[1] = v.y;
}

static __device__ inline void load(float (&to)[4], const float *p)
{
    float4 v = load_float4(p, 0);

    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
}

static __device__ inline void load(float (&to)[8], const float *p)
{
    float4 v = load_float4(p, 0), w = load_float4(p, 1);

    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
    to[4] = w.x;
    to[5] = w.y;
    to[6] = w.z;
    to[7] = w.w;
}

static __device__ inline void store(float *p, const float (&from)[1])
{
    *p = from[0];
}

static __device__ inline void store(float *p, const float (&from)[2])
{
    *reinterpret_cast<float2 *>(p) = make_float2(from[0], from[1]);
}

static __device__ inline void store(float *p, const float (&from)[4])
{
    store_float4(p, 0, make_float4(from[0], from[1], from[2], from[3]));
}

static __device__ inline void store(float *p, const float (&from)[8])
{
    store_float4(p, 0, make_float4(from[0], from[1], from[2], from[3]));
    store_float4(p, 1, make_float4(from[4], from[5], from[6], from[7]));
}

/* --- bfloat16, two to a word --- */

static __device__ inline void unpack_bf16(float *to, unsigned word)
{
    to[0] = __uint_as_float(word << 16);
    to[1] = __uint_as_float(word & 0xffff0000u);
}

static __device__ inline unsigned pack_bf16(float a, float b)
{
    __nv_bfloat162 both = __floats2bfloat162_rn(a, b);
    unsigned word;

    memcpy(&word, &both, sizeof(word));
    return word;
}

static __device__ inline void load(float (&to)[1], const struct bf16 *p)
{
    to[0] = get(p, 0);
}

static __device__ inline void load(float (&to)[2], const struct bf16 *p)
{
    unpack_bf16(to, *reinterpret_cast<const unsigned *>(p));
}

static __device__ inline void load(float (&to)[8], const struct bf16 *p)
{
    uint4 v = *reinterpret_cast<const uint4 *>(p);

    unpack_bf16(to, v.x);
    unpack_bf16(to + 2, v.y);
    unpack_bf16(to + 4, v.z);
    unpack_bf16(to + 6, v.w);
}

static __device__ inline void store(struct bf16 *p, const float (&from)[1])
{
    set(p, 0, from[0]);
}

static __device__ inline void store(struct bf16 *p, const float (&from)[2])
{
    *reinterpret_cast<unsigned *>(p) = pack_bf16(from[0], from[1]);
}

static __device__ inline void store(struct bf16 *p, const float (&from)[8])
{
    *reinterpret_cast<uint4 *>(p) = make_uint4(pack_bf16(from[0], from[1]),
                                               pack_bf16(from[2], from[3]),
                                               pack_bf16(from[4], from[5]),
                                               pack_bf16(from[6], from[7]));
}

/* Piece k of item b: its samples first .. end - 1. */
struct piece {
    int b, k, first, end;
};

/* Returns the calling block's piece; an item has `blocks` pieces. */
static __device__ inline struct piece piece_of(int blocks, int samples)
{
    int b = blockIdx.x / blocks, k = blockIdx.x - b * blocks, first = k * GPU_PIECE;

    return { b, k, first, first + GPU_PIECE < samples ? first + GPU_PIECE : samples };
}

#endif
