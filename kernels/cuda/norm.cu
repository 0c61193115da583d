/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm.cu - see norm.h, and norm.cuh for one row. */
#include "norm.cuh"

#include "sizes.h"

#define THREADS 128

template <int EACH>
static __global__ void __launch_bounds__(THREADS)
norm(float *y, const float *x, const float *g, const float *b, int R, int C)
{
    int j = threadIdx.x % NORM_LANES;
    size_t r = (size_t)blockIdx.x * (THREADS / NORM_LANES) + threadIdx.x / NORM_LANES;
    int live = r < (size_t)R ? C : 0;
    const float *row = x + r * C;
    float v[EACH];

    #pragma unroll
    for (int i = 0; i < EACH; i++)
        v[i] = i * NORM_LANES + j < live ? row[i * NORM_LANES + j] : 0.0f;
    struct norm_scale scale = norm_measure<EACH>(v, j, live, C);

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * NORM_LANES + j;

        if (c < live)
            y[r * C + c] = scale(v[i], g[c], b[c]);
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
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    unsigned rows = THREADS / NORM_LANES;
    int i = 0;

    if (!cuda)
        return -1;
    if (C < 1 || C > TELU_MAX_WIDTH)
        return telu_fail("norm: %d channels, expected 1 to %d", C, TELU_MAX_WIDTH);
    while (sizes[i].each * NORM_LANES < C)
        i++;
    TELU_LAUNCH(sizes[i].kernel, (R + rows - 1) / rows, THREADS, 0, cuda->stream, y, x, g,
                b, R, C);
    return telu_cuda_launched("norm");
}
