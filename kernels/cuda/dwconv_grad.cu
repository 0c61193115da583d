/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_grad.cu - see dwconv.h and dwconv_grad.cuh. */
#include "dwconv.h"

#include "dwconv_grad.cuh"
#include "row_sums.cuh"

#define LONG 25                /* packets per item */
#define BLOCKS(taps) ((taps) > DWCONV_USUAL ? 1 : 3)    /* per multiprocessor */

template <int TAPS>
static __global__ void __launch_bounds__(ROW_SUMS_COLUMNS * ROW_SUMS_HEIGHT, BLOCKS(TAPS))
dwconv_rows(float *dx, float *part, const float *dy, const float *x, const float *w, int B,
            int T, int C, int K)
{
    int c = blockIdx.x * ROW_SUMS_COLUMNS + threadIdx.x;
    int first = blockIdx.y * ROW_SUMS_HEIGHT + threadIdx.y;
    float sum[TAPS + 1];

    if (c < C)
        dwconv_along<TAPS>(sum, dx, dy, x, w, B, T, C, K, LONG, c, first,
                           gridDim.y * ROW_SUMS_HEIGHT);
    row_sums_store<TAPS + 1>(sum, part, c, C);
}

int telu_dwconv_grad_cuda(struct telu_ctx *ctx, float *dx, float *dw, float *db,
                          const float *dy, const float *x, const float *w, int B, int T,
                          int C, int K)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    void (*kernel)(float *, float *, const float *, const float *, const float *, int, int,
                   int, int) =
        K <= DWCONV_USUAL ? dwconv_rows<DWCONV_USUAL> : dwconv_rows<DWCONV_MOST>;
    int taps = K <= DWCONV_USUAL ? DWCONV_USUAL : DWCONV_MOST;
    int parts = row_sums_parts(dwconv_items(B, T, LONG), C, BLOCKS(taps));
    float *part = (float *)telu_cuda_scratch(ctx, sizeof(float) * parts * (taps + 1) * C);
    dim3 grid((C + ROW_SUMS_COLUMNS - 1) / ROW_SUMS_COLUMNS, parts);
    dim3 block(ROW_SUMS_COLUMNS, ROW_SUMS_HEIGHT);

    if (!cuda || !part)
        return -1;
    if (K < 1 || K > DWCONV_MOST)
        return telu_fail("dwconv backward: %d taps, expected 1 to %d", K, DWCONV_MOST);
    TELU_LAUNCH(kernel, grid, block, 0, cuda->stream, dx, part, dy, x, w, B, T, C, K);
    if (telu_cuda_launched("dwconv backward"))
        return -1;
    return row_sums_finish(cuda, dw, db, part, parts, taps + 1, K, C, "dwconv backward");
}
