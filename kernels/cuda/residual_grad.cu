/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residual_grad.cu - see residual.h and residual_grad.c. */
#include "residual.h"

#include "row_sums.cuh"

#define BLOCKS 6               /* per multiprocessor */

/* dh may be dy: the same thread reads an element before it writes it. */
static __global__ void __launch_bounds__(ROW_SUMS_COLUMNS * ROW_SUMS_HEIGHT)
residual_rows(float *dh, float *part, const float *dy, const float *h, const float *s,
              int R, int C)
{
    int c = blockIdx.x * ROW_SUMS_COLUMNS + threadIdx.x;
    int share = (R + gridDim.y - 1) / gridDim.y;
    int first = blockIdx.y * share, end = min(first + share, R);
    float k = c < C ? s[c] : 0.0f, sum = 0.0f;

    for (int r = first + threadIdx.y; r < end && c < C; r += 4 * ROW_SUMS_HEIGHT) {
        float g[4], v[4];

        #pragma unroll
        for (int u = 0; u < 4; u++) {
            size_t i = (size_t)min(r + u * ROW_SUMS_HEIGHT, end - 1) * C + c;

            g[u] = dy[i];
            v[u] = h[i];
        }
        #pragma unroll
        for (int u = 0; u < 4; u++) {
            int row = r + u * ROW_SUMS_HEIGHT;

            if (row >= end)
                break;
            sum += g[u] * v[u];
            dh[(size_t)row * C + c] = k * g[u];
        }
    }
    row_sums_store<1>(&sum, part, c, C);
}

int telu_residual_grad_cuda(struct telu_ctx *ctx, float *dh, float *ds, const float *dy,
                            const float *h, const float *s, int R, int C)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    int parts = row_sums_parts(R, C, BLOCKS);
    float *part = (float *)telu_cuda_scratch(ctx, sizeof(float) * parts * C);
    dim3 grid((C + ROW_SUMS_COLUMNS - 1) / ROW_SUMS_COLUMNS, parts);
    dim3 block(ROW_SUMS_COLUMNS, ROW_SUMS_HEIGHT);

    if (!cuda || !part)
        return -1;
    TELU_LAUNCH(residual_rows, grid, block, 0, cuda->stream, dh, part, dy, h, s, R, C);
    if (telu_cuda_launched("residual backward"))
        return -1;
    return row_sums_finish(cuda, ds, NULL, part, parts, 1, 1, C, "residual backward");
}
