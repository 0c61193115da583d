/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elementwise.cuh - runs an elementwise op over arrays; each thread takes four floats where
 * alignment allows it, so that memory bandwidth is the limit.
 *
 * An Op has  run(i): element i, and  run4(i): elements 4i .. 4i + 3 as float4.
 */
#ifndef ELEMENTWISE_CUH
#define ELEMENTWISE_CUH

#include "device.h"

#define ELEMENTWISE_THREADS 256

template <class Op>
static __global__ void __launch_bounds__(ELEMENTWISE_THREADS) elementwise_1(Op op, unsigned n)
{
    unsigned i = blockIdx.x * ELEMENTWISE_THREADS + threadIdx.x;

    if (i < n)
        op.run(i);
}

template <class Op>
static __global__ void __launch_bounds__(ELEMENTWISE_THREADS) elementwise_4(Op op, unsigned n)
{
    unsigned i = blockIdx.x * ELEMENTWISE_THREADS + threadIdx.x;

    if (i < n)
        op.run4(i);
}

/* 1: all pointers are aligned to float4; NULL is. */
static inline int float4_aligned(const void *a, const void *b = 0, const void *c = 0,
                                 const void *d = 0, const void *e = 0)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)d | (uintptr_t)e) &
            15) == 0;
}

/* n < 2^32; fours: 1 when all arrays are aligned and n, or a row, is a multiple of 4. */
template <class Op>
static int elementwise_run(const struct telu_ctx *ctx, Op op, size_t n, int fours,
                           const char *what)
{
    void (*kernel)(Op, unsigned) = fours ? elementwise_4<Op> : elementwise_1<Op>;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    unsigned todo = (unsigned)(fours ? n / 4 : n);

    if (!cuda)
        return -1;
    if (!todo)
        return 0;
    TELU_LAUNCH(kernel, (unsigned)(((size_t)todo + ELEMENTWISE_THREADS - 1) / ELEMENTWISE_THREADS),
                ELEMENTWISE_THREADS, 0, cuda->stream, op, todo);
    return telu_cuda_launched(what);
}

static __device__ inline float4 load_float4(const float *p, unsigned i)
{
    return reinterpret_cast<const float4 *>(p)[i];
}

static __device__ inline void store_float4(float *p, unsigned i, float4 v)
{
    reinterpret_cast<float4 *>(p)[i] = v;
}

#endif
