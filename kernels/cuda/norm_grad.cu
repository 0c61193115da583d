/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm_grad.cu - see norm.h, and norm_grad.c for the formula. One warp per row loads x, dy and dx
 * once, before it uses any of them. Its lanes keep the row in registers, with their sums of dg
 * and db. */
#include "norm.h"

#include "sizes.h"
#include "elementwise.cuh"
#include "row_sums.cuh"

#define THREADS 128
#define WARPS   (THREADS / 32)

static __device__ inline float all_lanes(float x)
{
    #pragma unroll
    for (int by = 16; by > 0; by /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, by);
    return x;
}

/* Loads V neighbours at p, or zeros. */
static __device__ inline void load(float *v, const float *p, int live, int V)
{
    float2 two = make_float2(0.0f, 0.0f);

    if (V == 2) {
        if (live)
            two = *reinterpret_cast<const float2 *>(p);
        v[1] = two.y;
    } else if (live)
        two.x = *p;
    v[0] = two.x;
}

/* EACH times V neighbouring channels per lane. BLOCKS: per multiprocessor. */
template <int V, int EACH, int BLOCKS>
static __global__ void __launch_bounds__(THREADS, BLOCKS)
norm_rows(float *dx, float *part, const float *dy, const float *x, const float *g, int R,
          int C)
{
    __shared__ float scratch[2][WARPS][32 * V], gain[32 * V * EACH];
    const bool EARLY = V == 2 || EACH <= 16;       /* else registers do not suffice */
    int t = threadIdx.x, warp = t / 32, lane = t % 32;
    int share = (R + gridDim.x - 1) / gridDim.x;
    int first = blockIdx.x * share, end = min(first + share, R);
    float dg[EACH * V], db[EACH * V];

    for (int c = t; c < 32 * V * EACH; c += THREADS)
        gain[c] = c < C ? g[c] : 0.0f;
    #pragma unroll
    for (int i = 0; i < EACH * V; i++)
        dg[i] = db[i] = 0.0f;
    __syncthreads();
    for (int r = first + warp; r < end; r += WARPS) {
        size_t at = (size_t)r * C;
        float v[EACH * V], d[EACH * V], old[EACH * V], s = 0.0f, a = 0.0f, an = 0.0f;

        #pragma unroll
        for (int i = 0; i < EACH; i++) {
            int c = (i * 32 + lane) * V;

            load(v + i * V, x + at + c, c < C, V);
            load(d + i * V, dy + at + c, c < C, V);
            if (EARLY)
                load(old + i * V, dx + at + c, c < C, V);
        }
        #pragma unroll
        for (int i = 0; i < EACH * V; i++)
            s += v[i];
        float mean = all_lanes(s) / (float)C;

        s = 0.0f;
        #pragma unroll
        for (int i = 0; i < EACH * V; i++) {
            int c = (i / V * 32 + lane) * V;
            float w = d[i] * gain[c + i % V];

            v[i] = c < C ? v[i] - mean : 0.0f;
            s += v[i] * v[i];
            a += w;
            an += w * v[i];
        }
        float scale = 1.0f / sqrtf(all_lanes(s) / (float)C + TELU_NORM_EPS);
        float mean_a = all_lanes(a) / (float)C;
        float mean_an = all_lanes(an) / (float)C * scale;

        __syncwarp();          /* g is loaded again to save registers */
        #pragma unroll
        for (int i = 0; i < EACH; i++) {
            int c = (i * 32 + lane) * V;

            if (!EARLY)
                load(old + i * V, dx + at + c, c < C, V);
            #pragma unroll
            for (int k = i * V; k < (i + 1) * V; k++) {
                float n = v[k] * scale, w = d[k] * gain[c + k - i * V];

                dg[k] += d[k] * n;
                db[k] += d[k];
                old[k] += scale * (w - mean_a - n * mean_an);
            }
            if (c < C && V == 2)
                *reinterpret_cast<float2 *>(dx + at + c) =
                    make_float2(old[i * V], old[i * V + V - 1]);
            else if (c < C)
                dx[at + c] = old[i];
        }
        __syncwarp();
    }
    part += (size_t)blockIdx.x * 2 * C;
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        #pragma unroll
        for (int k = 0; k < V; k++) {
            scratch[0][warp][lane * V + k] = dg[i * V + k];
            scratch[1][warp][lane * V + k] = db[i * V + k];
        }
        __syncthreads();
        int which = t / (32 * V), at = t % (32 * V), c = i * 32 * V + at;

        if (which < 2 && c < C) {
            float s = 0.0f;

            for (int k = 0; k < WARPS; k++)
                s += scratch[which][k][at];
            part[(size_t)which * C + c] = s;
        }
        __syncthreads();
    }
}

int telu_norm_grad_cuda(struct telu_ctx *ctx, float *dx, float *dg, float *db,
                        const float *dy, const float *x, const float *g, int R, int C)
{
    /* blocks: per multiprocessor, as registers allow, so that all run at once */
    static const struct {
        int pair, most, blocks;
        void (*kernel)(float *, float *, const float *, const float *, const float *, int,
                       int);
    } sizes[] = {
        { 2, 128, 6, norm_rows<2, 2, 6> }, { 2, 256, 5, norm_rows<2, 4, 5> },
        { 2, 320, 5, norm_rows<2, 5, 5> }, { 2, 512, 3, norm_rows<2, 8, 3> },
        { 2, 1024, 2, norm_rows<2, 16, 2> }, { 1, 128, 6, norm_rows<1, 4, 6> },
        { 1, 512, 2, norm_rows<1, 16, 2> }, { 1, 1024, 2, norm_rows<1, 32, 2> },
    };
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    int pair = C % 2 == 0 && float4_aligned(dx, dy, x, g) ? 2 : 1, i = 0, parts, most;
    float *part;

    if (!cuda)
        return -1;
    if (C < 1 || C > TELU_MAX_WIDTH)
        return telu_fail("norm backward: %d channels, expected 1 to %d", C,
                         TELU_MAX_WIDTH);
    while (sizes[i].pair != pair || sizes[i].most < C)
        i++;
    parts = (R + WARPS - 1) / WARPS;
    most = ROW_SUMS_SMS * sizes[i].blocks;
    parts = parts < 1 ? 1 : parts < most ? parts : most;
    part = (float *)telu_cuda_scratch(ctx, sizeof(float) * parts * 2 * C);
    if (!part)
        return -1;
    TELU_LAUNCH(sizes[i].kernel, parts, THREADS, 0, cuda->stream, dx, part, dy, x, g, R,
                C);
    if (telu_cuda_launched("norm backward"))
        return -1;
    return row_sums_finish(cuda, dg, db, part, parts, 2, 1, C, "norm backward");
}
