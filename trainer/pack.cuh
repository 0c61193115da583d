/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack.cuh - several neighbouring elements of float or bf16 at once: one, or four that lie
 * at a multiple of their size. */
#ifndef PACK_CUH
#define PACK_CUH

#include "gpu.cuh"

static __device__ inline void load(float (&to)[1], const float *p)
{
    to[0] = *p;
}

static __device__ inline void load(float (&to)[1], const struct bf16 *p)
{
    to[0] = get(p, 0);
}

static __device__ inline void load(float (&to)[4], const float *p)
{
    float4 v = *reinterpret_cast<const float4 *>(p);

    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
}

static __device__ inline void load(float (&to)[4], const struct bf16 *p)
{
    uint2 v = *reinterpret_cast<const uint2 *>(p);

    to[0] = __uint_as_float(v.x << 16);
    to[1] = __uint_as_float(v.x & 0xffff0000u);
    to[2] = __uint_as_float(v.y << 16);
    to[3] = __uint_as_float(v.y & 0xffff0000u);
}

static __device__ inline void store(float *p, const float (&from)[1])
{
    *p = from[0];
}

static __device__ inline void store(struct bf16 *p, const float (&from)[1])
{
    set(p, 0, from[0]);
}

static __device__ inline void store(float *p, const float (&from)[4])
{
    *reinterpret_cast<float4 *>(p) = make_float4(from[0], from[1], from[2], from[3]);
}

static __device__ inline void store(struct bf16 *p, const float (&from)[4])
{
    uint2 v;

    v.x = round_bf16(from[0]) | round_bf16(from[1]) << 16;
    v.y = round_bf16(from[2]) | round_bf16(from[3]) << 16;
    *reinterpret_cast<uint2 *>(p) = v;
}

/* Whether rows of C elements may be read by fours from there: arrays of the arena begin
 * where anything may, tensors wherever the one before ends. */
static inline int by_fours(int C, const void *a = 0, const void *b = 0, const void *c = 0)
{
    return C % 4 == 0 && (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) & 15) == 0;
}

#endif
