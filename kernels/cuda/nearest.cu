/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.cu - see nearest.h. One thread sums a code's distance in the CPU's order without FMA,
 * and the lowest index of equal distances wins, so the index is the CPU's.
 *
 * A NaN or an infinite distance is never less than INFINITY, and index 0 stays.
 */
#include "nearest.h"

#include "sizes.h"
#include "small_batch.h"
#include "nearest.cuh"

#define THREADS 256
#define LANES   32

/* One block per row, for live streams. */
static __global__ void __launch_bounds__(THREADS)
nearest_few(int32_t *index, const float *z, const float *book, const float *bias,
            const int32_t *line, int N, int D)
{
    const float *begin = telu_nearest_bias(bias, line, (int)blockIdx.x, N);
    __shared__ float row[TELU_MAX_DIM];
    __shared__ struct nearest warps[THREADS / LANES];
    int t = threadIdx.x;
    struct nearest a = { INFINITY, 0 };

    if (t < D)
        row[t] = z[(size_t)blockIdx.x * D + t];
    __syncthreads();
    for (int n = t; n < N; n += THREADS) {
        float sum = begin ? begin[n] : 0.0f;

        for (int d = 0; d < D; d++) {
            float diff = row[d] - book[telu_nearest_place(n, d, N, D)];

            sum += diff * diff;
        }
        if (sum < a.distance) {
            a.distance = sum;
            a.index = n;
        }
    }
    nearest_of_warp(&a);
    if (t % LANES == 0)
        warps[t / LANES] = a;
    __syncthreads();
    if (t == 0) {
        for (int i = 1; i < THREADS / LANES; i++)
            keep_nearer(&a, warps[i].distance, warps[i].index);
        index[blockIdx.x] = a.index;
    }
}

#define EACH  4                /* rows x EACH codes per thread */
#define ROWS  (THREADS / LANES * EACH)
#define CODES (LANES * EACH)   /* per pass */

/* Large batches: EACH rows per warp, EACH x EACH sums per thread. */
static __global__ void __launch_bounds__(THREADS)
nearest_many(int32_t *index, const float *z, const float *book, const float *bias,
             const int32_t *line, int R, int N, int D)
{
    TELU_SHARED(float, scratch);  /* (D, CODES) of the book, (D, ROWS) of z */
    float *codes = scratch, *rows = scratch + D * CODES;
    int t = threadIdx.x, lane = t % LANES, warp = t / LANES, first = blockIdx.x * ROWS;
    int begin[EACH];           /* place of a row's line of the bias, -1: zeros */
    struct nearest a[EACH];

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int r = first + warp * EACH + i;
        const float *its = telu_nearest_bias(bias, line, r < R ? r : R - 1, N);

        begin[i] = its ? (int)(its - bias) : -1;
        a[i] = { INFINITY, 0 };
    }
    for (int i = t; i < D * ROWS; i += THREADS) {
        int r = i / D, d = i % D;

        rows[d * ROWS + r] = first + r < R ? z[(size_t)(first + r) * D + d] : 0.0f;
    }
    for (int n = 0; n < N; n += CODES) {
        __syncthreads();
        for (int i = t; i < D * CODES; i += THREADS) {
            int d = i / CODES, c = i % CODES;

            codes[i] = n + c < N ? book[telu_nearest_place(n + c, d, N, D)] : 0.0f;
        }
        __syncthreads();
        float sum[EACH][EACH] = {};

        #pragma unroll
        for (int j = 0; j < EACH; j++) {
            int code = n + EACH * lane + j;

            #pragma unroll
            for (int i = 0; i < EACH; i++)
                sum[i][j] = begin[i] >= 0 && code < N ? bias[begin[i] + code] : 0.0f;
        }
        #pragma unroll 4
        for (int d = 0; d < D; d++) {
            float4 c4 = *reinterpret_cast<const float4 *>(&codes[d * CODES + EACH * lane]);
            float4 r4 = *reinterpret_cast<const float4 *>(&rows[d * ROWS + EACH * warp]);

            add_squares(sum, r4, c4);
        }
        #pragma unroll
        for (int j = 0; j < EACH; j++) {
            int code = n + EACH * lane + j;

            #pragma unroll
            for (int i = 0; i < EACH; i++)
                if (code < N && sum[i][j] < a[i].distance) {
                    a[i].distance = sum[i][j];
                    a[i].index = code;
                }
        }
    }
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int r = first + warp * EACH + i;

        nearest_of_warp(&a[i]);
        if (lane == 0 && r < R)
            index[r] = a[i].index;
    }
}

int telu_nearest_cuda(struct telu_ctx *ctx, int32_t *index, const float *z,
                      const float *book, const float *bias, const int32_t *line, int R, int N,
                      int D)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    if (D < 1 || D > TELU_MAX_DIM)
        return telu_fail("nearest: %d dimensions, expected 1 to %d", D, TELU_MAX_DIM);
    if (R <= TELU_SMALL_NEAREST)
        TELU_LAUNCH(nearest_few, R, THREADS, 0, cuda->stream, index, z, book, bias, line,
                    N, D);
    else
        TELU_LAUNCH(nearest_many, (R + ROWS - 1) / ROWS, THREADS,
                    sizeof(float) * D * (CODES + ROWS), cuda->stream, index, z, book,
                    bias, line, R, N, D);
    return telu_cuda_launched("nearest");
}
