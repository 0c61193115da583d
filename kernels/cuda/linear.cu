/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.cu - see linear.h. linear uses cuBLAS, whose sums have another order than the CPU's.
 * linear16 reads packed weights and adds in the CPU's order, which gives the CPU's bits.
 */
#include "linear.h"

#include "linear.cuh"

#define THREADS 256

/* --- linear --------------------------------------------------------------- */

static __global__ void broadcast_bias(float *y, const float *b, size_t n, int O)
{
    size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;

    if (i < n)
        y[i] = b[i % O];
}

int telu_linear_cuda(struct telu_ctx *ctx, float *y, const float *x, const float *w,
                     const float *b, int R, int I, int O)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const float one = 1.0f, keep = b ? 1.0f : 0.0f;
    size_t n = (size_t)R * O;

    if (!cuda)
        return -1;
    if (b) {
        TELU_LAUNCH(broadcast_bias, (unsigned)((n + THREADS - 1) / THREADS), THREADS, 0,
                    cuda->stream, y, b, n, O);
        if (telu_cuda_launched("linear, bias"))
            return -1;
    }
    /* cuBLAS is column-major and sees each matrix as its transpose. */
    return telu_cublas_check(cublasSgemm(cuda->blas, CUBLAS_OP_T, CUBLAS_OP_N, O, R, I,
                                         &one, w, I, x, I, &keep, y, O), "linear");
}

/* --- linear16 ------------------------------------------------------------- */

struct store_output {
    float *y;
    int O;
    struct operands { };

    __device__ struct operands load(int, int) const
    {
        return {};
    }

    __device__ void operator()(int r, int o, float v, struct operands) const
    {
        y[(size_t)r * O + o] = v;
    }
};

#define ROWS 128               /* tile: ROWS x PANEL outputs, */
#define DEEP 16                /* DEEP inputs at a time, */
#define TALL 8                 /* TALL rows x 4 outputs per thread */

/* A thread computes the outputs of words 2 tx and 2 tx + 1, low and high halves. */
static __global__ void __launch_bounds__(THREADS)
linear16_tile(float *y, const float *x, const uint32_t *w, const float *b, int R, int I,
              int O)
{
    __shared__ __align__(16) float xs[DEEP][ROWS + 4];
    __shared__ __align__(16) uint32_t ws[DEEP][HALF];
    int t = threadIdx.x, tx = t % 16, ty = t / 16;
    int first = blockIdx.x * ROWS, panel = blockIdx.y;
    float sum[TALL][4];
    int out[4];

    #pragma unroll
    for (int j = 0; j < 4; j++) {
        out[j] = panel * PANEL + (j % 2) + 2 * tx + (j / 2) * HALF;
        #pragma unroll
        for (int r = 0; r < TALL; r++)
            sum[r][j] = b && out[j] < O ? b[out[j]] : 0.0f;
    }
    for (int i = 0; i < I; i += DEEP) {
        int deep = min(I - i, DEEP);

        for (int k = t; k < ROWS * DEEP; k += THREADS) {
            int r = first + k / DEEP, c = k % DEEP;

            xs[c][k / DEEP] = r < R && c < deep ? x[(size_t)r * I + i + c] : 0.0f;
        }
        for (int k = t; k < DEEP * HALF; k += THREADS)
            ws[k / HALF][k % HALF] = k / HALF < deep ?
                w[((size_t)panel * I + i) * HALF + k] : 0;
        __syncthreads();
        #pragma unroll 4
        for (int k = 0; k < deep; k++) {
            uint2 word = *reinterpret_cast<const uint2 *>(&ws[k][2 * tx]);
            float wv[4] = { low(word.x), low(word.y), high(word.x), high(word.y) };
            float4 xa = *reinterpret_cast<const float4 *>(&xs[k][ty * TALL]);
            float4 xb = *reinterpret_cast<const float4 *>(&xs[k][ty * TALL + 4]);
            float xv[TALL] = { xa.x, xa.y, xa.z, xa.w, xb.x, xb.y, xb.z, xb.w };

            #pragma unroll
            for (int r = 0; r < TALL; r++)
                #pragma unroll
                for (int j = 0; j < 4; j++)
                    sum[r][j] += xv[r] * wv[j];
        }
        __syncthreads();
    }
    #pragma unroll
    for (int r = 0; r < TALL; r++) {
        int row = first + ty * TALL + r;

        #pragma unroll
        for (int j = 0; j < 4; j++)
            if (row < R && out[j] < O)
                y[(size_t)row * O + out[j]] = sum[r][j];
    }
}

int telu_linear16_cuda(struct telu_ctx *ctx, float *y, const float *x, const uint32_t *w,
                       const float *b, int R, int I, int O)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    unsigned panels = (O + PANEL - 1) / PANEL;

    if (!cuda)
        return -1;
    if (R <= TELU_SMALL_PRODUCTS) {
        struct store_output out = { y, O };

        return linear16_launch(cuda, out, x, w, b, R, I, O, "linear16");
    }
    dim3 grid((R + ROWS - 1) / ROWS, panels);

    TELU_LAUNCH(linear16_tile, grid, THREADS, 0, cuda->stream, y, x, w, b, R, I, O);
    return telu_cuda_launched("linear16");
}
