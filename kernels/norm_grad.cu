/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm_grad.cu - see norm.h and norm_grad.c for the formula. A row is read once: its
 * lanes keep it in registers, and with it the sums of dg and db of their channels, over
 * the rows that come to them. */
#include "norm.h"

#include "config.h"
#include "rows.cuh"

#define THREADS 128

template <int LANES>
static __device__ inline float all_lanes(float x)
{
    #pragma unroll
    for (int by = LANES / 2; by > 0; by /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, by, LANES);
    return x;
}

/* LANES to a row, EACH channels to a lane. */
template <int LANES, int EACH>
static __global__ void __launch_bounds__(THREADS)
norm_rows(float *dx, float *part, const float *dy, const float *x, const float *g, int R,
          int C)
{
    __shared__ float room[2][THREADS];
    const int groups = THREADS / LANES;
    int t = threadIdx.x, lane = t % LANES;
    int share = (R + gridDim.x - 1) / gridDim.x;
    int first = blockIdx.x * share, end = min(first + share, R);
    float dg[EACH], db[EACH];

    #pragma unroll
    for (int i = 0; i < EACH; i++)
        dg[i] = db[i] = 0.0f;
    /* All groups go round equally often: lanes of a warp meet in the sums. */
    for (int base = first; base < end; base += groups) {
        int r = base + t / LANES, live = r < end ? C : 0;
        size_t at = (size_t)r * C;
        float v[EACH], d[EACH], s = 0.0f, a = 0.0f, an = 0.0f;

        #pragma unroll
        for (int i = 0; i < EACH; i++) {
            int c = i * LANES + lane;

            v[i] = c < live ? x[at + c] : 0.0f;
            d[i] = c < live ? dy[at + c] : 0.0f;
            s += v[i];
        }
        float mean = all_lanes<LANES>(s) / (float)C;

        s = 0.0f;
        #pragma unroll
        for (int i = 0; i < EACH; i++) {
            int c = i * LANES + lane;
            float w = c < live ? d[i] * g[c] : 0.0f;

            v[i] = c < live ? v[i] - mean : 0.0f;
            s += v[i] * v[i];
            a += w;
            an += w * v[i];
        }
        float scale = 1.0f / sqrtf(all_lanes<LANES>(s) / (float)C + TELU_NORM_EPS);
        float mean_a = all_lanes<LANES>(a) / (float)C;
        float mean_an = all_lanes<LANES>(an) / (float)C * scale;

        #pragma unroll
        for (int i = 0; i < EACH; i++) {
            int c = i * LANES + lane;
            float n = v[i] * scale;

            dg[i] += d[i] * n;
            db[i] += d[i];
            if (c < live)
                dx[at + c] += scale * (d[i] * g[c] - mean_a - n * mean_an);
        }
    }
    part += (size_t)blockIdx.x * 2 * C;
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        room[0][t] = dg[i];
        room[1][t] = db[i];
        __syncthreads();
        if (t < 2 * LANES && i * LANES + lane < C) {
            float s = 0.0f;

            for (int k = 0; k < groups; k++)
                s += room[t / LANES][k * LANES + lane];
            part[(size_t)(t / LANES) * C + i * LANES + lane] = s;
        }
        __syncthreads();
    }
}

#define PARTS 528              /* blocks: 4 on each of 132 multiprocessors */

int telu_norm_grad_cuda(struct telu_ctx *ctx, float *dx, float *dg, float *db,
                        const float *dy, const float *x, const float *g, int R, int C)
{
    static const struct {
        int lanes, each;
        void (*kernel)(float *, float *, const float *, const float *, const float *, int,
                       int);
    } sizes[] = {
        { 16, 4, norm_rows<16, 4> }, { 16, 8, norm_rows<16, 8> },
        { 16, 16, norm_rows<16, 16> }, { 16, 20, norm_rows<16, 20> },
        { 32, 16, norm_rows<32, 16> }, { 32, 32, norm_rows<32, 32> },
    };
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    int i = 0, parts;
    float *part;

    if (!cuda)
        return -1;
    if (C < 1 || C > TELU_MAX_WIDTH)
        return telu_fail("norm backward: %d channels, expected 1 to %d", C,
                         TELU_MAX_WIDTH);
    while (sizes[i].lanes * sizes[i].each < C)
        i++;
    parts = (R + THREADS / sizes[i].lanes - 1) / (THREADS / sizes[i].lanes);
    parts = parts < 1 ? 1 : parts < PARTS ? parts : PARTS;
    part = (float *)telu_cuda_room(ctx, sizeof(float) * parts * 2 * C);
    if (!part)
        return -1;
    TELU_LAUNCH(sizes[i].kernel, parts, THREADS, 0, cuda->stream, dx, part, dy, x, g, R,
                C);
    if (telu_cuda_launched("norm backward"))
        return -1;
    return rows_finish(cuda, dg, db, part, parts, 2, 1, C, "norm backward");
}
