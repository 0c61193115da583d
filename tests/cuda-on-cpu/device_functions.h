/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_functions.h - functions that a kernel may call. One thread of a block runs at a time
 * and yields only at a barrier or warp operation, so atomics are plain code.
 */
#ifndef TELU_SHIM_DEVICE_FUNCTIONS_H
#define TELU_SHIM_DEVICE_FUNCTIONS_H

#include "vector_types.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmath>
#include <type_traits>

/* --- block.cpp --- */

enum telu_shim_warp_op { TELU_WARP_SYNC, TELU_WARP_SHUFFLE, TELU_WARP_BALLOT };

struct telu_shim_place {
    const char *file;
    int line;
};

/* how: 0: plain barrier; else sum, and, or of `word` over the block. */
int telu_shim_barrier(int how, int word, telu_shim_place at);
/* Waits for the lanes of mask. Shuffle: the word of lane `from`; ballot: the mask of
 * lanes whose word is not 0. */
uint64_t telu_shim_warp(telu_shim_warp_op op, unsigned mask, uint64_t word, int from,
                        telu_shim_place at);
unsigned telu_shim_active(void);
[[noreturn]] void telu_shim_stop(const char *why, telu_shim_place at);
void *telu_shim_shared(size_t align);

/* The source position of a call, as a default argument. */
#define TELU_HERE telu_shim_place at = {__builtin_FILE(), __builtin_LINE()}

static inline void __syncthreads(TELU_HERE) { telu_shim_barrier(0, 0, at); }
static inline int __syncthreads_count(int p, TELU_HERE) { return telu_shim_barrier(1, p != 0, at); }
static inline int __syncthreads_and(int p, TELU_HERE) { return telu_shim_barrier(2, p != 0, at); }
static inline int __syncthreads_or(int p, TELU_HERE) { return telu_shim_barrier(3, p != 0, at); }
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
static inline void __trap(TELU_HERE) { telu_shim_stop("__trap()", at); }

/* --- warps --- */

static inline void __syncwarp(unsigned mask = ~0u, TELU_HERE)
{
    telu_shim_warp(TELU_WARP_SYNC, mask, 0, 0, at);
}

static inline unsigned __ballot_sync(unsigned mask, int p, TELU_HERE)
{
    return (unsigned)telu_shim_warp(TELU_WARP_BALLOT, mask, p != 0, 0, at);
}

static inline int __any_sync(unsigned mask, int p, TELU_HERE)
{
    return telu_shim_warp(TELU_WARP_BALLOT, mask, p != 0, 0, at) != 0;
}

static inline int __all_sync(unsigned mask, int p, TELU_HERE)
{
    return telu_shim_warp(TELU_WARP_BALLOT, mask, p == 0, 0, at) == 0;
}

static inline unsigned __activemask() { return telu_shim_active(); }

/* Index of the thread within its block, counted along x, then y, then z. */
static inline unsigned telu_shim_thread()
{
    return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
}

template <class T>
static inline T telu_shim_shuffle(unsigned mask, T value, int from, telu_shim_place at)
{
    static_assert(std::is_arithmetic<T>::value && sizeof(T) <= 8, "no such shuffle");
    uint64_t word = 0;

    memcpy(&word, &value, sizeof(T));
    word = telu_shim_warp(TELU_WARP_SHUFFLE, mask, word, from, at);
    memcpy(&value, &word, sizeof(T));
    return value;
}

template <class T>
static inline T __shfl_sync(unsigned mask, T v, int lane, int width = 32, TELU_HERE)
{
    int me = telu_shim_thread() % 32;

    return telu_shim_shuffle(mask, v, me / width * width + (lane & (width - 1)), at);
}

template <class T>
static inline T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32, TELU_HERE)
{
    int me = telu_shim_thread() % 32, from = me - (int)by;

    return telu_shim_shuffle(mask, v, from < me / width * width ? me : from, at);
}

template <class T>
static inline T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32, TELU_HERE)
{
    int me = telu_shim_thread() % 32, from = me + (int)by;

    return telu_shim_shuffle(mask, v, from >= me / width * width + width ? me : from, at);
}

template <class T>
static inline T __shfl_xor_sync(unsigned mask, T v, int with, int width = 32, TELU_HERE)
{
    int me = telu_shim_thread() % 32, from = me ^ with;

    return telu_shim_shuffle(mask, v, from >= me / width * width + width ? me : from, at);
}

/* --- atomics: the old value --- */

#define TELU_ATOMIC(name, T, next)                                                    \
    static inline T name(T *p, T v) { T old = *p; *p = (next); return old; }
#define TELU_ATOMIC_INT(T)                                                            \
    TELU_ATOMIC(atomicAdd, T, old + v)                                                \
    TELU_ATOMIC(atomicExch, T, v)                                                     \
    TELU_ATOMIC(atomicMin, T, v < old ? v : old)                                      \
    TELU_ATOMIC(atomicMax, T, v > old ? v : old)                                      \
    TELU_ATOMIC(atomicAnd, T, old & v)                                                \
    TELU_ATOMIC(atomicOr, T, old | v)                                                 \
    TELU_ATOMIC(atomicXor, T, old ^ v)                                                \
    static inline T atomicCAS(T *p, T is, T v) { T old = *p; *p = old == is ? v : old; return old; }
TELU_ATOMIC_INT(int)
TELU_ATOMIC_INT(unsigned)
TELU_ATOMIC_INT(unsigned long long)
TELU_ATOMIC(atomicSub, int, old - v)
TELU_ATOMIC(atomicSub, unsigned, old - v)
TELU_ATOMIC(atomicAdd, float, old + v)
TELU_ATOMIC(atomicAdd, double, old + v)
TELU_ATOMIC(atomicExch, float, v)
TELU_ATOMIC(atomicInc, unsigned, old >= v ? 0 : old + 1)
TELU_ATOMIC(atomicDec, unsigned, old == 0 || old > v ? v : old - 1)
#undef TELU_ATOMIC_INT
#undef TELU_ATOMIC

template <class T> static inline T __ldg(const T *p) { return *p; }
template <class T> static inline T __ldcg(const T *p) { return *p; }
template <class T> static inline T __ldcs(const T *p) { return *p; }
template <class T> static inline void __stcg(T *p, T v) { *p = v; }
template <class T> static inline void __stcs(T *p, T v) { *p = v; }

/* --- bits --- */

static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }

static inline unsigned __brev(unsigned x)
{
    unsigned y = 0;

    for (int i = 0; i < 32; i++)
        y |= (x >> i & 1) << (31 - i);
    return y;
}

static inline int __mulhi(int a, int b) { return (int)((int64_t)a * b >> 32); }

static inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)((uint64_t)a * b >> 32);
}

static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

/* c + two of a's 16 bits times two of b's 8, the lower two or the upper two; all signed. */
static inline int telu_shim_dp2a(int a, int b, int c)
{
    return (int)((unsigned)c + (unsigned)((int16_t)a * (int8_t)b) +
                 (unsigned)((int16_t)(a >> 16) * (int8_t)(b >> 8)));
}

static inline int __dp2a_lo(int a, int b, int c) { return telu_shim_dp2a(a, b, c); }
static inline int __dp2a_hi(int a, int b, int c) { return telu_shim_dp2a(a, b >> 16, c); }

static inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n)
{
    return (unsigned)(((uint64_t)hi << 32 | lo) << (n & 31) >> 32);
}

static inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n)
{
    return (unsigned)(((uint64_t)hi << 32 | lo) >> (n & 31));
}

template <class To, class From> static inline To telu_shim_cast(From x)
{
    static_assert(sizeof(To) == sizeof(From), "another size");
    To y;

    memcpy(&y, &x, sizeof(y));
    return y;
}

static inline unsigned __float_as_uint(float x) { return telu_shim_cast<unsigned>(x); }
static inline int __float_as_int(float x) { return telu_shim_cast<int>(x); }
static inline float __uint_as_float(unsigned x) { return telu_shim_cast<float>(x); }
static inline float __int_as_float(int x) { return telu_shim_cast<float>(x); }
static inline long long __double_as_longlong(double x) { return telu_shim_cast<long long>(x); }
static inline double __longlong_as_double(long long x) { return telu_shim_cast<double>(x); }

/* --- numbers, rounded to nearest even (the files are compiled without contraction) --- */

static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __frcp_rn(float a) { return 1.0f / a; }
static inline float __frsqrt_rn(float a) { return (float)(1.0 / sqrt((double)a)); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __dsqrt_rn(double a) { return sqrt(a); }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
#define __expf(a)    expf(a)   /* names that libm has too */
#define __powf(a, b) powf(a, b)
static inline float __fdividef(float a, float b) { return a / b; }
static inline float rsqrtf(float a) { return 1.0f / sqrtf(a); }
static inline double rsqrt(double a) { return 1.0 / sqrt(a); }
static inline float __saturatef(float a) { return a > 0.0f ? a < 1.0f ? a : 1.0f : 0.0f; }

/* Converts a float to an integer like the device: clamped, NaN gives 0. */
template <class To> static inline To telu_shim_whole(double x, double least, double most)
{
    return x != x ? 0 : x <= least ? (To)least : x >= most ? (To)most : (To)x;
}

#define TELU_WHOLE(suffix, round)                                                     \
    static inline int __float2int_##suffix(float x)                                   \
    {                                                                                 \
        return telu_shim_whole<int>(round((double)x), -2147483648.0, 2147483647.0);   \
    }                                                                                 \
    static inline unsigned __float2uint_##suffix(float x)                             \
    {                                                                                 \
        return telu_shim_whole<unsigned>(round((double)x), 0.0, 4294967295.0);        \
    }                                                                                 \
    static inline int __double2int_##suffix(double x)                                 \
    {                                                                                 \
        return telu_shim_whole<int>(round(x), -2147483648.0, 2147483647.0);           \
    }
TELU_WHOLE(rn, rint)
TELU_WHOLE(rz, trunc)
TELU_WHOLE(rd, floor)
TELU_WHOLE(ru, ceil)
#undef TELU_WHOLE

static inline float __int2float_rn(int x) { return (float)x; }
static inline float __uint2float_rn(unsigned x) { return (float)x; }
static inline float __double2float_rn(double x) { return (float)x; }

#define TELU_LESSER(T)                                                                \
    static inline T min(T a, T b) { return a < b ? a : b; }                           \
    static inline T max(T a, T b) { return a > b ? a : b; }
TELU_LESSER(int)
TELU_LESSER(unsigned)
TELU_LESSER(long)
TELU_LESSER(unsigned long)
TELU_LESSER(long long)
TELU_LESSER(unsigned long long)
#undef TELU_LESSER
/* NaN and a number give the number */
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }

#endif
