/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm.cu - see norm.h. Sixteen lanes to a row, which they keep in registers: lane j
 * has the CPU's partial sum j, so the bits are the CPU's. */
#include "norm.h"

#include "config.h"
#include "device.h"

#define LANES   16
#define THREADS 128

/* The lanes' partial sums, added in their order, in every lane. */
static __device__ inline float lanes(float part)
{
    float sum = 0.0f;

    #pragma unroll
    for (int j = 0; j < LANES; j++)
        sum += __shfl_sync(0xffffffffu, part, j, LANES);
    return sum;
}

/* EACH: channels of a lane, at least C / LANES. */
template <int EACH>
static __global__ void __launch_bounds__(THREADS)
norm(float *y, const float *x, const float *g, const float *b, int R, int C)
{
    int j = threadIdx.x % LANES;
    size_t r = (size_t)blockIdx.x * (THREADS / LANES) + threadIdx.x / LANES;
    int live = r < (size_t)R ? C : 0;      /* all lanes take part in the sums */
    const float *row = x + r * C;
    float v[EACH], part = 0.0f;

    #pragma unroll
    for (int i = 0; i < EACH; i++)
        v[i] = i * LANES + j < live ? row[i * LANES + j] : 0.0f;
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        if (i * LANES + j < live)
            part += v[i];
    float mean = lanes(part) / (float)C;

    part = 0.0f;
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        if (i * LANES + j < live) {
            float d = v[i] - mean;

            part += d * d;
        }
    float scale = 1.0f / sqrtf(lanes(part) / (float)C + TELU_NORM_EPS);

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * LANES + j;

        if (c < live)
            y[r * C + c] = g[c] * ((v[i] - mean) * scale) + b[c];
    }
}

int telu_norm_cuda(struct telu_ctx *ctx, float *y, const float *x, const float *g,
                   const float *b, int R, int C)
{
    static const struct {
        int each;
        void (*kernel)(float *, const float *, const float *, const float *, int, int);
    } sizes[] = {
        { 4, norm<4> }, { 8, norm<8> }, { 16, norm<16> }, { 20, norm<20> },
        { 32, norm<32> }, { 64, norm<64> },
    };
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    unsigned rows = THREADS / LANES;
    int i = 0;

    if (!cuda)
        return -1;
    if (C < 1 || C > TELU_MAX_WIDTH)
        return telu_fail("norm: %d channels, expected 1 to %d", C, TELU_MAX_WIDTH);
    while (sizes[i].each * LANES < C)
        i++;
    TELU_LAUNCH(sizes[i].kernel, (R + rows - 1) / rows, THREADS, 0, cuda->stream, y, x, g,
                b, R, C);
    return telu_cuda_launched("norm");
}
