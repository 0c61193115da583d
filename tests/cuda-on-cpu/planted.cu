/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* planted.cu - kernels with one mistake each, and the same without. test_planted.cpp checks
 * that the shim finds each mistake. Not part of the module. */
#include "planted.h"

/* Reverses each block of 64. planted: no barrier before reading. */
static __global__ void race(float *y, const float *x, int planted)
{
    __shared__ float tile[64];
    unsigned i = threadIdx.x, at = blockIdx.x * 64;

    tile[i] = x[at + i];
    if (!planted)
        __syncthreads();
    y[at + i] = tile[63 - i];
}

/* Writes the last block's number to y[0]; planted: that of the block that runs last. */
static __global__ void race_of_blocks(float *y, int planted)
{
    if (planted || blockIdx.x == gridDim.x - 1)
        y[0] = (float)blockIdx.x;
}

/* planted: writes one too many. */
static __global__ void beyond(float *y, int n, int planted)
{
    int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);

    if (planted ? i <= n : i < n)
        y[i] = (float)i;
}

/* Uses dynamic shared memory of blockDim.x floats; planted: one more. */
static __global__ void beyond_shared(float *y, int planted)
{
    TELU_SHARED(float, tile);
    unsigned i = threadIdx.x;

    tile[i + (planted ? 1 : 0)] = (float)i;
    __syncthreads();
    y[i] = tile[i];
}

/* The same in a shared array of 64: only AddressSanitizer finds it. */
static __global__ void beyond_array(float *y, int planted)
{
    __shared__ float tile[64];
    unsigned i = threadIdx.x;

    tile[i + (planted ? 1 : 0)] = (float)i;
    __syncthreads();
    y[i] = tile[i];
}

/* planted 1: half of the threads leave before the barrier; 2: two barriers; 3: a lane is
 * missing in a warp's sum. */
static __global__ void missing(float *y, int planted)
{
    unsigned i = threadIdx.x;
    float x = 1.0f;

    if (planted == 1 && i >= blockDim.x / 2)
        return;
    if (planted == 2 && i % 2)
        __syncthreads();
    else
        __syncthreads();
    if (planted == 3 && i == 5)
        __syncthreads();
    for (int d = 16; d > 0; d /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, d);
    y[i] = x;
}

int planted_race(float *y, const float *x, int blocks, int planted)
{
    TELU_LAUNCH(race, blocks, 64, 0, 0, y, x, planted);
    return (int)cudaGetLastError();
}

int planted_race_of_blocks(float *y, int blocks, int planted)
{
    TELU_LAUNCH(race_of_blocks, blocks, 32, 0, 0, y, planted);
    return (int)cudaGetLastError();
}

int planted_beyond(float *y, int n, int planted)
{
    TELU_LAUNCH(beyond, (n + 32) / 32, 32, 0, 0, y, n, planted);
    return (int)cudaGetLastError();
}

int planted_beyond_shared(float *y, int n, int planted)
{
    TELU_LAUNCH(beyond_shared, 1, n, n * sizeof(float), 0, y, planted);
    return (int)cudaGetLastError();
}

int planted_beyond_array(float *y, int planted)
{
    TELU_LAUNCH(beyond_array, 1, 64, 0, 0, y, planted);
    return (int)cudaGetLastError();
}

int planted_missing(float *y, int n, int planted)
{
    TELU_LAUNCH(missing, 1, n, 0, 0, y, planted);
    return (int)cudaGetLastError();
}
