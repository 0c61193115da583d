/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rows.cuh - sums over the rows of (R, C) for the gradients of weights that all rows
 * share, in an order that depends on the sizes alone.
 *
 * Block (., p) adds up the p-th share of the rows and leaves its sums in telu_cuda_scratch();
 * a second launch adds the shares up, in order, to what the gradient was.
 */
#ifndef ROWS_CUH
#define ROWS_CUH

#include "device.h"

#define ROWS_LANES 32          /* channels of a block */
#define ROWS_TALL  8           /* and its threads for each */
#define ROWS_CARD  132         /* multiprocessors that the shares are meant for */
#define ROWS_ADD   32          /* threads that add up the shares of a sum */

/* How many shares: a block has work for each of its threads, and all of them run at once
 * where a multiprocessor takes `blocks`. */
static inline int rows_parts(int items, int C, int blocks)
{
    int n = (items + ROWS_TALL - 1) / ROWS_TALL;
    int most = ROWS_CARD * blocks / ((C + ROWS_LANES - 1) / ROWS_LANES);

    most = most < 1 ? 1 : most;
    return n < 1 ? 1 : n < most ? n : most;
}

/* Adds up a block's threads of a channel; sum n of channel c goes to part[n * C + c] of
 * the block's share. All threads come here. */
template <int SUMS>
static __device__ inline void rows_leave(const float *sum, float *part, int c, int C)
{
    __shared__ float all[ROWS_TALL][ROWS_LANES];
    int i = threadIdx.x, j = threadIdx.y;

    part += (size_t)blockIdx.y * SUMS * C;
    #pragma unroll
    for (int n = 0; n < SUMS; n++) {
        all[j][i] = sum[n];
        __syncthreads();
        if (j == 0 && c < C) {
            float s = 0.0f;

            for (int k = 0; k < ROWS_TALL; k++)
                s += all[k][i];
            part[(size_t)n * C + c] = s;
        }
        __syncthreads();
    }
}

/* Adds the shares up. Of `sums` sums of a channel the first K belong to its K weights,
 * from the last to the first, in to0 (C, K), and the one at the end to to1 (C). */
static __global__ void __launch_bounds__(ROWS_LANES * ROWS_ADD)
rows_gather(float *to0, float *to1, const float *part, int parts, int sums, int K, int C)
{
    __shared__ float all[ROWS_ADD][ROWS_LANES];
    int x = threadIdx.x, y = threadIdx.y, i = blockIdx.x * ROWS_LANES + x;
    int n = i / C, c = i % C;
    float s = 0.0f;

    #pragma unroll 8
    for (int p = y; p < parts; p += ROWS_ADD)
        s += n < sums ? part[((size_t)p * sums + n) * C + c] : 0.0f;
    all[y][x] = s;
    __syncthreads();
    if (y > 0 || n >= sums)
        return;
    for (int k = 1; k < ROWS_ADD; k++)
        s += all[k][x];
    if (n < K)
        to0[(size_t)c * K + K - 1 - n] += s;
    else if (n == sums - 1)
        to1[c] += s;
}

static inline int rows_finish(const struct telu_cuda *cuda, float *to0, float *to1,
                              const float *part, int parts, int sums, int K, int C,
                              const char *what)
{
    dim3 block(ROWS_LANES, ROWS_ADD);

    TELU_LAUNCH(rows_gather, (sums * C + ROWS_LANES - 1) / ROWS_LANES, block, 0,
                cuda->stream, to0, to1, part, parts, sums, K, C);
    return telu_cuda_launched(what);
}

#endif
