/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cuda_bf16.h - bfloat16: the upper half of a float, rounded to nearest even. */
#ifndef TELU_SHIM_CUDA_BF16_H
#define TELU_SHIM_CUDA_BF16_H

#include "device_functions.h"

struct __nv_bfloat16_raw {
    unsigned short x;
};

static inline unsigned short telu_shim_bf16(float f)
{
    unsigned u = __float_as_uint(f);

    return (unsigned short)(f != f ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

struct __nv_bfloat16 {
    unsigned short bits;

    __nv_bfloat16() = default;
    __nv_bfloat16(float f) : bits(telu_shim_bf16(f)) {}
    __nv_bfloat16(__nv_bfloat16_raw r) : bits(r.x) {}
    operator float() const { return __uint_as_float((unsigned)bits << 16); }
    operator __nv_bfloat16_raw() const { return {bits}; }
};

struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};

typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

static inline __nv_bfloat16 __float2bfloat16(float f) { return __nv_bfloat16(f); }
static inline __nv_bfloat16 __float2bfloat16_rn(float f) { return __nv_bfloat16(f); }
static inline float __bfloat162float(__nv_bfloat16 b) { return (float)b; }

static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y)
{
    return {__nv_bfloat16(x), __nv_bfloat16(y)};
}

static inline float2 __bfloat1622float2(__nv_bfloat162 b)
{
    return {(float)b.x, (float)b.y};
}

static inline float __low2float(__nv_bfloat162 b) { return (float)b.x; }
static inline float __high2float(__nv_bfloat162 b) { return (float)b.y; }
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 b) { return b.bits; }

static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short u)
{
    return __nv_bfloat16(__nv_bfloat16_raw{u});
}

#endif
