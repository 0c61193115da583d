/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* columns.cuh - runs an elementwise op over (R, C) that also sums over the rows, for the
 * gradients of vectors. The order of the sums is fixed.
 *
 * Block (., p) takes the p-th share of the rows and writes its sums to row p of t->part;
 * gather_columns() adds up those rows into the gradient at the end. A thread has V
 * neighbouring channels, and loads several rows before it computes the first.
 *
 * An Op has N sums per channel, and for any V: keep<V>, filled by start() for channels c
 * .. c + V - 1 before the first row; in<V>, loaded by take() from row r at element i;
 * row(), which adds to the sums and stores; column(n, c), the index of sum n of channel c
 * in a row of t->part, or -1.
 */
#ifndef COLUMNS_CUH
#define COLUMNS_CUH

#include "pack.cuh"

#define COLUMN_LANES 32
#define COLUMN_ROWS  8
#define COLUMN_AHEAD 4         /* rows */

template <class Op, int V>
static __global__ void __launch_bounds__(COLUMN_LANES * COLUMN_ROWS)
columns(const Op op, float *part, int width, int R, int C)
{
    __shared__ float all[Op::N][COLUMN_ROWS][COLUMN_LANES * V];
    int i = threadIdx.x, j = threadIdx.y, c = (blockIdx.x * COLUMN_LANES + i) * V;
    int share = (R + gridDim.y - 1) / gridDim.y;
    int first = blockIdx.y * share, end = min(first + share, R);
    float sum[Op::N][V];

    #pragma unroll
    for (int n = 0; n < Op::N * V; n++)
        sum[n / V][n % V] = 0.0f;
    if (c < C) {
        typename Op::template keep<V> keep;

        op.start(keep, c);
        for (int r = first + j; r < end; r += COLUMN_AHEAD * COLUMN_ROWS) {
            typename Op::template in<V> in[COLUMN_AHEAD];

            /* rows behind the end repeat the last one */
            #pragma unroll
            for (int u = 0; u < COLUMN_AHEAD; u++) {
                int row = min(r + u * COLUMN_ROWS, end - 1);

                op.take(in[u], (size_t)row * C + c, row);
            }
            #pragma unroll
            for (int u = 0; u < COLUMN_AHEAD; u++) {
                int row = r + u * COLUMN_ROWS;

                if (row < end)
                    op.row(sum, in[u], keep, (size_t)row * C + c, row);
            }
        }
    }
    #pragma unroll
    for (int n = 0; n < Op::N * V; n++)
        all[n / V][j][i * V + n % V] = sum[n / V][n % V];
    __syncthreads();
    for (int k = j * COLUMN_LANES + i; k < Op::N * COLUMN_LANES * V;
         k += COLUMN_ROWS * COLUMN_LANES) {
        int n = k / (COLUMN_LANES * V), at = k % (COLUMN_LANES * V);
        int channel = blockIdx.x * COLUMN_LANES * V + at;
        float s = 0.0f;

        if (channel >= C)
            continue;
        for (int y = 0; y < COLUMN_ROWS; y++)
            s += all[n][y][at];
        if (op.column(n, channel) >= 0)
            part[(size_t)blockIdx.y * width + op.column(n, channel)] = s;
    }
}

/* The arrays that take() reads are aligned to two of their elements. */
template <class Op>
static int columns_run(struct training *t, Op op, int R, int C, const char *what)
{
    int pair = C % 2 == 0, wide = COLUMN_LANES * (pair ? 2 : 1);
    void (*kernel)(Op, float *, int, int, int) = pair ? columns<Op, 2> : columns<Op, 1>;
    dim3 grid((C + wide - 1) / wide, t->parts), block(COLUMN_LANES, COLUMN_ROWS);

    TELU_LAUNCH(kernel, grid, block, 0, t->cuda.stream, op, t->part, t->columns, R, C);
    return telu_cuda_launched(what);
}

/* Calls op.run<V>(i, c) for the elements i .. i + V - 1 of (R, C), from channel c on. */
template <class Op, int V>
static __global__ void __launch_bounds__(GPU_THREADS) each(const Op op, unsigned n, int C)
{
    unsigned i = blockIdx.x * GPU_THREADS + threadIdx.x;

    if (i < n)
        op.template run<V>((size_t)i * V, (int)(i % (unsigned)(C / V) * V));
}

/* n < 2^32. The op's aligned() is true when all its arrays lie at multiples of 16 bytes. */
template <class Op>
static int elementwise_run(struct training *t, Op op, size_t n, int C, const char *what)
{
    int many = C % 8 == 0 && op.aligned();
    void (*kernel)(Op, unsigned, int) = many ? each<Op, 8> : each<Op, 1>;
    unsigned todo = (unsigned)(many ? n / 8 : n);

    TELU_LAUNCH(kernel, gpu_blocks(todo, GPU_THREADS), GPU_THREADS, 0, t->cuda.stream, op,
                todo, C);
    return telu_cuda_launched(what);
}

#endif
