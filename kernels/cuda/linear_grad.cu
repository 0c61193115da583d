/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear_grad.cu - see linear.h. cuBLAS, which is column-major and sees each matrix as its
 * transpose, computes the products; the bias's sum has a fixed order. */
#include "linear.h"

#include "row_sums.cuh"

static __global__ void bias_rows(float *part, const float *dy, int R, int O)
{
    int o = blockIdx.x * ROW_SUMS_COLUMNS + threadIdx.x;
    int share = (R + gridDim.y - 1) / gridDim.y;
    int first = blockIdx.y * share, end = min(first + share, R);
    float sum = 0.0f;

    #pragma unroll 8
    for (int r = first + threadIdx.y; r < end; r += ROW_SUMS_HEIGHT)
        sum += o < O ? dy[(size_t)r * O + o] : 0.0f;
    row_sums_store<1>(&sum, part, o, O);
}

static int bias(const struct telu_ctx *ctx, const struct telu_cuda *cuda, float *db,
                const float *dy, int R, int O)
{
    int parts = row_sums_parts(R, O, 4);
    float *part = (float *)telu_cuda_scratch(ctx, sizeof(float) * parts * O);
    dim3 grid((O + ROW_SUMS_COLUMNS - 1) / ROW_SUMS_COLUMNS, parts);
    dim3 block(ROW_SUMS_COLUMNS, ROW_SUMS_HEIGHT);

    if (!part)
        return -1;
    TELU_LAUNCH(bias_rows, grid, block, 0, cuda->stream, part, dy, R, O);
    if (telu_cuda_launched("linear backward, bias"))
        return -1;
    return row_sums_finish(cuda, db, NULL, part, parts, 1, 1, O, "linear backward, bias");
}

int telu_linear_grad_cuda(struct telu_ctx *ctx, float *dx, float *dw, float *db,
                          const float *dy, const float *x, const float *w, int R, int I,
                          int O)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const float one = 1.0f;

    if (!cuda ||
        telu_cublas_check(cublasSgemm(cuda->blas, CUBLAS_OP_N, CUBLAS_OP_T, I, O, R, &one,
                                      x, I, dy, O, &one, dw, I), "linear backward, dw"))
        return -1;
    if (dx && telu_cublas_check(cublasSgemm(cuda->blas, CUBLAS_OP_N, CUBLAS_OP_N, I, R, O,
                                            &one, w, I, dy, O, &one, dx, I),
                                "linear backward, dx"))
        return -1;
    return db ? bias(ctx, cuda, db, dy, R, O) : 0;
}
