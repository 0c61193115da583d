/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* columns.cuh - an elementwise op over (R, C) that also sums over the rows, for the
 * gradients of biases, scales and the like, always in the same order.
 *
 * Block (., p) takes the p-th share of the rows and leaves its sums in row p of
 * t->part; gather_columns() adds up those rows into the gradient at the end.
 *
 * An Op has N sums per channel; start(c) before the first row, row(sum, r, c, C) for each
 * one, column(n, c): where sum n of channel c stands in a row of t->part, or -1.
 */
#ifndef COLUMNS_CUH
#define COLUMNS_CUH

#include "gpu.cuh"

#define COLUMN_LANES 32
#define COLUMN_ROWS  8

template <class Op>
static __global__ void columns(Op op, float *part, int width, int R, int C)
{
    __shared__ float all[Op::N][COLUMN_ROWS][COLUMN_LANES];
    int i = threadIdx.x, j = threadIdx.y, c = blockIdx.x * COLUMN_LANES + i;
    int share = (R + gridDim.y - 1) / gridDim.y;
    int first = blockIdx.y * share, end = first + share < R ? first + share : R;
    float sum[Op::N];

    for (int n = 0; n < Op::N; n++)
        sum[n] = 0.0f;
    if (c < C) {
        op.start(c);
        for (int r = first + j; r < end; r += COLUMN_ROWS)
            op.row(sum, r, c, C);
    }
    for (int n = 0; n < Op::N; n++)
        all[n][j][i] = sum[n];
    __syncthreads();
    for (int n = j; n < Op::N && c < C; n += COLUMN_ROWS) {
        int to = op.column(n, c);
        float s = 0.0f;

        for (int k = 0; k < COLUMN_ROWS; k++)
            s += all[n][k][i];
        if (to >= 0)
            part[(size_t)blockIdx.y * width + to] = s;
    }
}

template <class Op>
static int columns_run(struct training *t, Op op, int R, int C, const char *what)
{
    void (*kernel)(Op, float *, int, int, int) = columns<Op>;
    dim3 grid((C + COLUMN_LANES - 1) / COLUMN_LANES, t->parts);
    dim3 block(COLUMN_LANES, COLUMN_ROWS);

    TELU_LAUNCH(kernel, grid, block, 0, t->cuda.stream, op, t->part, t->columns, R, C);
    return telu_cuda_launched(what);
}

#define EACH 4                 /* elements of a thread, a block's width apart */

/* op(i, c) for the elements i = r C + c of (R, C). */
template <class Op>
static __global__ void each(Op op, size_t n, int C)
{
    size_t first = (size_t)blockIdx.x * EACH * blockDim.x + threadIdx.x;

    #pragma unroll
    for (int k = 0; k < EACH; k++) {
        size_t i = first + (size_t)k * blockDim.x;

        if (i < n)
            op(i, (int)((unsigned)i % (unsigned)C));
    }
}

/* n < 2^32 */
template <class Op>
static int each_run(struct training *t, Op op, size_t n, int C, const char *what)
{
    void (*kernel)(Op, size_t, int) = each<Op>;

    TELU_LAUNCH(kernel, gpu_blocks(n, EACH * GPU_THREADS), GPU_THREADS, 0,
                t->cuda.stream, op, n, C);
    return telu_cuda_launched(what);
}

#endif
