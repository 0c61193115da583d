/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vector_types.h - CUDA's qualifiers of functions and variables, and its small structs.
 *
 * A __shared__ variable is static, in its own section. The section is poisoned before each
 * block, since blocks run one after the other. A template with a __shared__ variable must be
 * static, since its section would otherwise get conflicting types.
 */
#ifndef TELU_SHIM_VECTOR_TYPES_H
#define TELU_SHIM_VECTOR_TYPES_H

#define __host__
#define __device__
#define __global__
#define __constant__
#define __shared__         static __attribute__((section("telu_shared")))
#define __forceinline__    inline __attribute__((always_inline))
#define __align__(n)       __attribute__((aligned(n)))
#define __launch_bounds__(...)

#define TELU_VECTORS(T, name, align2, align4)                                         \
    struct name##1 { T x; };                                                          \
    struct align2 name##2 { T x, y; };                                                \
    struct name##3 { T x, y, z; };                                                    \
    struct align4 name##4 { T x, y, z, w; };                                          \
    static inline name##1 make_##name##1(T x) { return {x}; }                         \
    static inline name##2 make_##name##2(T x, T y) { return {x, y}; }                 \
    static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }         \
    static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

TELU_VECTORS(signed char, char, alignas(2), alignas(4))
TELU_VECTORS(unsigned char, uchar, alignas(2), alignas(4))
TELU_VECTORS(short, short, alignas(4), alignas(8))
TELU_VECTORS(unsigned short, ushort, alignas(4), alignas(8))
TELU_VECTORS(int, int, alignas(8), alignas(16))
TELU_VECTORS(unsigned int, uint, alignas(8), alignas(16))
TELU_VECTORS(float, float, alignas(8), alignas(16))
TELU_VECTORS(long long, longlong, alignas(16), alignas(16))
TELU_VECTORS(unsigned long long, ulonglong, alignas(16), alignas(16))
TELU_VECTORS(double, double, alignas(16), alignas(16))
#undef TELU_VECTORS

struct dim3 {
    unsigned x, y, z;

    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};

/* Indices of the running thread, set at every switch. */
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

#endif
