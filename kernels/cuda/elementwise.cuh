/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elementwise.cuh - an elementwise op over an array: four floats of it to a thread where the
 * arrays allow that, so that memory is what it waits for.
 *
 * An Op has  run(i): element i, and  run4(i): elements 4i .. 4i + 3 as float4.
 */
#ifndef EACH_CUH
#define EACH_CUH

#include "device.h"

#define EACH_THREADS 256

template <class Op>
static __global__ void __launch_bounds__(EACH_THREADS) each_one(Op op, unsigned n)
{
    unsigned i = blockIdx.x * EACH_THREADS + threadIdx.x;

    if (i < n)
        op.run(i);
}

template <class Op>
static __global__ void __launch_bounds__(EACH_THREADS) each_four(Op op, unsigned n)
{
    unsigned i = blockIdx.x * EACH_THREADS + threadIdx.x;

    if (i < n)
        op.run4(i);
}

/* 1 when all are float4's too; NULL is. */
static inline int each_aligned(const void *a, const void *b = 0, const void *c = 0,
                               const void *d = 0, const void *e = 0)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)d | (uintptr_t)e) &
            15) == 0;
}

/* n < 2^32; fours: all arrays are aligned and n, or a row, is a multiple of 4. */
template <class Op>
static int each_run(const struct telu_ctx *ctx, Op op, size_t n, int fours,
                    const char *what)
{
    void (*kernel)(Op, unsigned) = fours ? each_four<Op> : each_one<Op>;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    unsigned todo = (unsigned)(fours ? n / 4 : n);

    if (!cuda)
        return -1;
    if (!todo)
        return 0;
    TELU_LAUNCH(kernel, (unsigned)(((size_t)todo + EACH_THREADS - 1) / EACH_THREADS),
                EACH_THREADS, 0, cuda->stream, op, todo);
    return telu_cuda_launched(what);
}

static __device__ inline float4 each_load(const float *p, unsigned i)
{
    return reinterpret_cast<const float4 *>(p)[i];
}

static __device__ inline void each_store(float *p, unsigned i, float4 v)
{
    reinterpret_cast<float4 *>(p)[i] = v;
}

#endif
