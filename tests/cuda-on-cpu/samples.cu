/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* samples.cu - kernels that use each function of the shim, for test_shim.cpp. */
#include "samples.h"

static __device__ float table[4];

/* Runs each warp operation: five numbers for each of n threads. */
static __global__ void warps(int *y)
{
    unsigned i = threadIdx.x, all = 0xffffffffu;
    int v = (int)i * 3;

    y[5 * i] = __shfl_sync(all, v, 7);
    y[5 * i + 1] = __shfl_up_sync(all, v, 2);
    y[5 * i + 2] = __shfl_down_sync(all, v, 4, 8);
    y[5 * i + 3] = (int)__ballot_sync(all, i % 3 == 0);
    if (i % 32 < 16)           /* half a warp votes differently */
        y[5 * i + 4] = __all_sync(0xffff, i % 32 < 16) + 2 * __any_sync(0xffff, i == 3);
    else
        y[5 * i + 4] = __popc(__activemask());
}

static __global__ void votes(int *y, int n)
{
    int i = (int)(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));

    y[3 * i] = __syncthreads_count(i < n);
    y[3 * i + 1] = __syncthreads_and(i < n);
    y[3 * i + 2] = __syncthreads_or(i < n);
}

static __global__ void add(float *y, const float *x, float by)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    y[i] = x[i] + by;
    atomicAdd((float *)&y[0], 0.0f);
}

static __global__ void look_up(float *y)
{
    y[threadIdx.x] = table[threadIdx.x];
}

/* Reads shared memory that no thread has written. */
static __global__ void fresh(float *y)
{
    __shared__ float tile[8];

    y[2 * blockIdx.x] = tile[3];
    tile[3] = 1.0f;
    TELU_SHARED(float, more);
    y[2 * blockIdx.x + 1] = more[5];
    more[5] = 1.0f;
}

void sample_warps(int *y, int n, cudaStream_t s)
{
    TELU_LAUNCH(warps, 1, n, 0, s, y);
}

void sample_votes(int *y, dim3 block, int n, cudaStream_t s)
{
    TELU_LAUNCH(votes, 1, block, 0, s, y, n);
}

void sample_add(float *y, const float *x, float by, int n, cudaStream_t s)
{
    TELU_LAUNCH(add, n / 32, 32, 0, s, y, x, by);
}

void sample_look_up(float *y, const float *values, cudaStream_t s)
{
    cudaMemcpyToSymbol(table, values, sizeof(table));
    TELU_LAUNCH(look_up, 1, 4, 0, s, y);
}

void sample_fresh(float *y, int blocks, size_t shared, cudaStream_t s)
{
    TELU_LAUNCH(fresh, blocks, 1, shared, s, y);
}

int sample_fresh_may(int bytes)
{
    return (int)cudaFuncSetAttribute(fresh, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}
