/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* row_sums.cuh - sums over the rows of (R, C), for gradients of weights that all rows share. The
 * order of each sum depends only on the sizes.
 *
 * Block (., p) sums the p-th part of the rows into telu_cuda_scratch(). A second launch adds the
 * parts, in order, to the gradient.
 */
#ifndef ROW_SUMS_CUH
#define ROW_SUMS_CUH

#include "device.h"

#define ROW_SUMS_COLUMNS  32   /* channels per block */
#define ROW_SUMS_HEIGHT   8    /* threads per channel in a block */
#define ROW_SUMS_SMS      132  /* multiprocessors that the parts are sized for */
#define ROW_SUMS_REDUCERS 32   /* threads that add the parts of one sum */

/* Number of parts: each thread of a block has work, and all blocks run at once when a
 * multiprocessor holds `blocks`. */
static inline int row_sums_parts(int items, int C, int blocks)
{
    int n = (items + ROW_SUMS_HEIGHT - 1) / ROW_SUMS_HEIGHT;
    int most = ROW_SUMS_SMS * blocks / ((C + ROW_SUMS_COLUMNS - 1) / ROW_SUMS_COLUMNS);

    most = most < 1 ? 1 : most;
    return n < 1 ? 1 : n < most ? n : most;
}

/* Adds the sums of a block's threads per channel and stores sum n of channel c in part[n * C + c]
 * of the block's part. All threads must call it. */
template <int SUMS>
static __device__ inline void row_sums_store(const float *sum, float *part, int c, int C)
{
    __shared__ float all[ROW_SUMS_HEIGHT][ROW_SUMS_COLUMNS];
    int i = threadIdx.x, j = threadIdx.y;

    part += (size_t)blockIdx.y * SUMS * C;
    #pragma unroll
    for (int n = 0; n < SUMS; n++) {
        all[j][i] = sum[n];
        __syncthreads();
        if (j == 0 && c < C) {
            float s = 0.0f;

            for (int k = 0; k < ROW_SUMS_HEIGHT; k++)
                s += all[k][i];
            part[(size_t)n * C + c] = s;
        }
        __syncthreads();
    }
}

/* Adds the parts to the gradients. The first K of a channel's sums belong to its K weights in to0
 * (C, K), last weight first; the last sum belongs to to1 (C). */
static __global__ void __launch_bounds__(ROW_SUMS_COLUMNS * ROW_SUMS_REDUCERS)
row_sums_reduce(float *to0, float *to1, const float *part, int parts, int sums, int K, int C)
{
    __shared__ float all[ROW_SUMS_REDUCERS][ROW_SUMS_COLUMNS];
    int x = threadIdx.x, y = threadIdx.y, i = blockIdx.x * ROW_SUMS_COLUMNS + x;
    int n = i / C, c = i % C;
    float s = 0.0f;

    #pragma unroll 8
    for (int p = y; p < parts; p += ROW_SUMS_REDUCERS)
        s += n < sums ? part[((size_t)p * sums + n) * C + c] : 0.0f;
    all[y][x] = s;
    __syncthreads();
    if (y > 0 || n >= sums)
        return;
    for (int k = 1; k < ROW_SUMS_REDUCERS; k++)
        s += all[k][x];
    if (n < K)
        to0[(size_t)c * K + K - 1 - n] += s;
    else if (n == sums - 1)
        to1[c] += s;
}

/* Launches row_sums_reduce(). */
static inline int row_sums_finish(const struct telu_cuda *cuda, float *to0, float *to1,
                                  const float *part, int parts, int sums, int K, int C,
                                  const char *what)
{
    dim3 block(ROW_SUMS_COLUMNS, ROW_SUMS_REDUCERS);

    TELU_LAUNCH(row_sums_reduce, (sums * C + ROW_SUMS_COLUMNS - 1) / ROW_SUMS_COLUMNS, block, 0,
                cuda->stream, to0, to1, part, parts, sums, K, C);
    return telu_cuda_launched(what);
}

#endif
