/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_grad.cu - see dwconv.h. A thread goes along the packets of a channel with the
 * next gradients in registers: packet u of x is in the sums of u .. u + K-1, so
 *
 *   dx[u] += sum_k w[k] dy[u + K-1-k],  dw[k] += sum_u x[u] dy[u + K-1-k]
 */
#include "dwconv.h"

#include "rows.cuh"

#define USUAL 7
#define MOST  15
#define LONG  25               /* packets of an item */

/* TAPS >= K; those beyond have no weight. */
template <int TAPS>
static __global__ void __launch_bounds__(ROWS_LANES * ROWS_TALL)
dwconv_rows(float *__restrict__ dx, float *__restrict__ part,
            const float *__restrict__ dy, const float *__restrict__ x,
            const float *__restrict__ w, int B, int T, int C, int K)
{
    int c = blockIdx.x * ROWS_LANES + threadIdx.x, each = (T + LONG - 1) / LONG;
    int items = c < C ? B * each : 0, step = gridDim.y * ROWS_TALL;
    float taps[TAPS], next[TAPS], sum[TAPS + 1];

    /* taps[j] is for the gradient j packets on */
    #pragma unroll
    for (int j = 0; j < TAPS; j++) {
        taps[j] = j < K && c < C ? w[(size_t)c * K + K - 1 - j] : 0.0f;
        sum[j] = 0.0f;
    }
    sum[TAPS] = 0.0f;
    for (int item = blockIdx.y * ROWS_TALL + threadIdx.y; item < items; item += step) {
        int from = item % each * LONG, end = min(from + LONG, T);
        size_t at = (size_t)(item / each) * T * C + c;

        #pragma unroll
        for (int j = 0; j < TAPS - 1; j++)
            next[j] = from + j < T ? dy[at + (size_t)(from + j) * C] : 0.0f;
        for (int t = from; t < end; t += TAPS)
            #pragma unroll
            for (int u = 0; u < TAPS; u++) {
                int row = t + u, last = row + TAPS - 1;

                if (row >= end)
                    break;
                float v = x[at + (size_t)row * C], d = 0.0f;

                next[(u + TAPS - 1) % TAPS] = last < T ? dy[at + (size_t)last * C] : 0.0f;
                #pragma unroll
                for (int j = 0; j < TAPS; j++) {
                    float g = next[(u + j) % TAPS];

                    d += taps[j] * g;
                    sum[j] += v * g;
                }
                sum[TAPS] += next[u % TAPS];
                dx[at + (size_t)row * C] += d;
            }
    }
    rows_leave<TAPS + 1>(sum, part, c, C);
}

int telu_dwconv_grad_cuda(struct telu_ctx *ctx, float *dx, float *dw, float *db,
                          const float *dy, const float *x, const float *w, int B, int T,
                          int C, int K)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    void (*kernel)(float *, float *, const float *, const float *, const float *, int, int,
                   int, int) = K <= USUAL ? dwconv_rows<USUAL> : dwconv_rows<MOST>;
    int taps = K <= USUAL ? USUAL : MOST, parts = rows_parts(B * ((T + LONG - 1) / LONG));
    float *part = (float *)telu_cuda_room(ctx, sizeof(float) * parts * (taps + 1) * C);
    dim3 grid((C + ROWS_LANES - 1) / ROWS_LANES, parts), block(ROWS_LANES, ROWS_TALL);

    if (!cuda || !part)
        return -1;
    if (K < 1 || K > MOST)
        return telu_fail("dwconv backward: %d taps, expected 1 to %d", K, MOST);
    TELU_LAUNCH(kernel, grid, block, 0, cuda->stream, dx, part, dy, x, w, B, T, C, K);
    if (telu_cuda_launched("dwconv backward"))
        return -1;
    return rows_finish(cuda, dw, db, part, parts, taps + 1, K, C, "dwconv backward");
}
