/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8.cu - see linear8.h, and linear8.cuh for small batches. A large one is quantised first;
 * then each block multiplies a tile. */
#include "linear8.cuh"

#define THREADS LINEAR8_THREADS
#define PANEL   TELU_LINEAR8_PANEL
#define WORDS   LINEAR8_HALF   /* of a panel's row */
#define ROWS    128            /* tile: ROWS x PANEL outputs, */
#define DEEP    16             /* DEEP pairs of inputs at a time, */
#define TALL    8              /* TALL rows x 4 outputs per thread */

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

/* Row blockIdx.x: its pairs, one word each, and its unit. */
static __global__ void __launch_bounds__(THREADS)
quantise_rows(uint32_t *pair, float *unit, const float *x, int I)
{
    __shared__ __align__(4) int16_t q[TELU_LINEAR8_INPUTS];
    __shared__ uint32_t part[LINEAR8_WARPS];
    const int pairs = (I + 1) / 2;
    float v[LINEAR8_EACH], u;

    linear8_load<LINEAR8_EACH>(v, x + (size_t)blockIdx.x * I, I);
    u = linear8_quantise<LINEAR8_EACH>(q, part, v);
    for (int i = threadIdx.x; i < pairs; i += THREADS)
        pair[(size_t)blockIdx.x * pairs + i] = reinterpret_cast<const uint32_t *>(q)[i];
    if (threadIdx.x == 0)
        unit[blockIdx.x] = u;
}

/* A thread computes outputs 4 tx .. 4 tx + 3 of the panel. */
static __global__ void __launch_bounds__(THREADS)
tile(float *y, const uint32_t *pair, const float *unit, const uint32_t *w, const float *s,
     const float *b, int R, int pairs, int O)
{
    __shared__ __align__(16) int xs[DEEP][ROWS + 4];
    __shared__ __align__(16) uint32_t ws[DEEP][WORDS];
    int t = threadIdx.x, tx = t % 16, ty = t / 16;
    int first = blockIdx.x * ROWS, panel = blockIdx.y;
    int sum[TALL][4] = {};

    for (int i = 0; i < pairs; i += DEEP) {
        int deep = min(pairs - i, DEEP);

        for (int k = t; k < ROWS * DEEP; k += THREADS) {
            int r = first + k / DEEP, c = k % DEEP;

            xs[c][k / DEEP] = r < R && c < deep ? (int)pair[(size_t)r * pairs + i + c] : 0;
        }
        for (int k = t; k < DEEP * WORDS; k += THREADS)
            ws[k / WORDS][k % WORDS] = k / WORDS < deep ?
                w[((size_t)panel * pairs + i) * WORDS + k] : 0;
        __syncthreads();
        #pragma unroll 4
        for (int k = 0; k < deep; k++) {
            uint2 word = *reinterpret_cast<const uint2 *>(&ws[k][2 * tx]);
            int4 xa = *reinterpret_cast<const int4 *>(&xs[k][ty * TALL]);
            int4 xb = *reinterpret_cast<const int4 *>(&xs[k][ty * TALL + 4]);
            int xv[TALL] = { xa.x, xa.y, xa.z, xa.w, xb.x, xb.y, xb.z, xb.w };

            #pragma unroll
            for (int r = 0; r < TALL; r++) {
                sum[r][0] = __dp2a_lo(xv[r], (int)word.x, sum[r][0]);
                sum[r][1] = __dp2a_hi(xv[r], (int)word.x, sum[r][1]);
                sum[r][2] = __dp2a_lo(xv[r], (int)word.y, sum[r][2]);
                sum[r][3] = __dp2a_hi(xv[r], (int)word.y, sum[r][3]);
            }
        }
        __syncthreads();
    }
    #pragma unroll
    for (int r = 0; r < TALL; r++) {
        int row = first + ty * TALL + r;

        #pragma unroll
        for (int j = 0; j < 4; j++) {
            int o = panel * PANEL + 4 * tx + j;

            if (row < R && o < O)
                y[(size_t)row * O + o] = linear8_output(sum[r][j], unit[row], s[o],
                                                        b ? b[o] : 0.0f);
        }
    }
}

int telu_linear8_cuda(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                      const float *s, const float *b, int R, int I, int O)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const int pairs = (I + 1) / 2;
    uint32_t *pair;
    float *unit;

    if (!cuda)
        return -1;
    if (I < 1 || I > TELU_LINEAR8_INPUTS)
        return telu_fail("linear8: %d inputs, expected 1 to %d", I, TELU_LINEAR8_INPUTS);
    if (R <= TELU_SMALL_PRODUCTS) {
        struct store_output out = { y, O };

        return linear8_launch(cuda, out, x, w, s, b, R, I, O, "linear8");
    }
    unit = (float *)telu_cuda_scratch(ctx, (size_t)R * (pairs + 1) * sizeof(*unit));
    if (!unit)
        return -1;
    pair = (uint32_t *)(unit + R);
    TELU_LAUNCH(quantise_rows, R, THREADS, 0, cuda->stream, pair, unit, x, I);
    if (telu_cuda_launched("linear8, inputs"))
        return -1;
    dim3 grid((R + ROWS - 1) / ROWS, (O + PANEL - 1) / PANEL);

    TELU_LAUNCH(tile, grid, THREADS, 0, cuda->stream, y, pair, unit, (const uint32_t *)w, s, b, R,
                pairs, O);
    return telu_cuda_launched("linear8");
}
