/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residual_grad.cu - see residual.h and residual_grad.c. */
#include "residual.h"

#include "rows.cuh"

#define BLOCKS 6               /* on a multiprocessor */

/* dh may be dy: an element is read before it is written, by the same thread. */
static __global__ void __launch_bounds__(ROWS_LANES * ROWS_TALL)
residual_rows(float *dh, float *part, const float *dy, const float *h, const float *s,
              int R, int C)
{
    int c = blockIdx.x * ROWS_LANES + threadIdx.x;
    int share = (R + gridDim.y - 1) / gridDim.y;
    int first = blockIdx.y * share, end = min(first + share, R);
    float k = c < C ? s[c] : 0.0f, sum = 0.0f;

    for (int r = first + threadIdx.y; r < end && c < C; r += 4 * ROWS_TALL) {
        float g[4], v[4];

        #pragma unroll
        for (int u = 0; u < 4; u++) {
            size_t i = (size_t)min(r + u * ROWS_TALL, end - 1) * C + c;

            g[u] = dy[i];
            v[u] = h[i];
        }
        #pragma unroll
        for (int u = 0; u < 4; u++) {
            int row = r + u * ROWS_TALL;

            if (row >= end)
                break;
            sum += g[u] * v[u];
            dh[(size_t)row * C + c] = k * g[u];
        }
    }
    rows_leave<1>(&sum, part, c, C);
}

int telu_residual_grad_cuda(struct telu_ctx *ctx, float *dh, float *ds, const float *dy,
                            const float *h, const float *s, int R, int C)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    int parts = rows_parts(R, C, BLOCKS);
    float *part = (float *)telu_cuda_scratch(ctx, sizeof(float) * parts * C);
    dim3 grid((C + ROWS_LANES - 1) / ROWS_LANES, parts), block(ROWS_LANES, ROWS_TALL);

    if (!cuda || !part)
        return -1;
    TELU_LAUNCH(residual_rows, grid, block, 0, cuda->stream, dh, part, dy, h, s, R, C);
    if (telu_cuda_launched("residual backward"))
        return -1;
    return rows_finish(cuda, ds, NULL, part, parts, 1, 1, C, "residual backward");
}
