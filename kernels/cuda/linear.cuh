/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.cuh - linear16 for small batches, fused with an op on each output. See linear.h.
 *
 * The time goes to waiting: for the weights, and for the sum, which adds its products one by one
 * in the CPU's order. One block therefore computes one row and half of a panel's outputs. All
 * threads prefetch several chunks of weights and write products to shared memory; the first
 * warp, one lane per output, only adds.
 */
#ifndef LINEAR_CUH
#define LINEAR_CUH

#include "device.h"
#include "small_batch.h"

#define HALF           32      /* words in a row of a panel */
#define PANEL          64      /* outputs of a panel */
#define LINEAR_THREADS 256
#define LINEAR_LANES   32
#define LINEAR_WORDS   (HALF / 2)            /* words per block, of each row of a panel */
#define LINEAR_BLOCKS  (HALF / LINEAR_WORDS) /* blocks per panel */
#define LINEAR_QUADS   (LINEAR_WORDS / 4)
#define LINEAR_CHUNK   (LINEAR_THREADS / LINEAR_QUADS) /* inputs per chunk */
#define LINEAR_AHEAD   5       /* chunks that are prefetched */
#define LINEAR_STEP    (LINEAR_CHUNK + 2)    /* stride of lanes: distinct banks */

static __device__ inline float low(uint32_t word)
{
    return __uint_as_float(word << 16);
}

static __device__ inline float high(uint32_t word)
{
    return __uint_as_float(word & 0xffff0000u);
}

/* Products of two chunks: one is summed while the other is computed. */
struct linear_scratch {
    float p[2][LINEAR_LANES][LINEAR_STEP];
};

/* sum += p[0] + ... + p[n - 1], in order */
static __device__ inline float add_products(float sum, const float *p, int n)
{
    if (n == LINEAR_CHUNK) {
        #pragma unroll
        for (int k = 0; k < LINEAR_CHUNK; k += 2) {
            float2 v = *reinterpret_cast<const float2 *>(p + k);

            sum += v.x;
            sum += v.y;
        }
    } else {
        for (int k = 0; k < n; k++)
            sum += p[k];
    }
    return sum;
}

/* Computes x w^T + b for row blockIdx.y and passes each output to out(r, o, value, operands);
 * operands is the result of out.load(r, o) at the beginning.
 *
 * X is the row. begin() is called when the first weights are being loaded. value(j, i) returns
 * input i, of chunk j modulo LINEAR_AHEAD; after(j, i) prefetches the next input of that j. All
 * threads of the block must call it. */
template <class X, class Out>
static __device__ inline void linear16_row(X &x, const Out &out, struct linear_scratch *scratch,
                                           const uint32_t *w, const float *b, int I, int O)
{
    int t = threadIdx.x, lane = t % LINEAR_LANES, k = t / LINEAR_QUADS, quad = t % LINEAR_QUADS;
    int panel = blockIdx.x / LINEAR_BLOCKS, part = blockIdx.x % LINEAR_BLOCKS, r = blockIdx.y;
    int o = panel * PANEL + part * LINEAR_WORDS + lane % LINEAR_WORDS + lane / LINEAR_WORDS * HALF;
    const uint4 *words = reinterpret_cast<const uint4 *>(w + (size_t)panel * I * HALF) +
                         part * LINEAR_QUADS + quad;
    int adds = t < LINEAR_LANES && o < O;
    typename Out::operands operands = {};
    uint4 next[LINEAR_AHEAD];
    float sum = 0.0f;

    #pragma unroll
    for (int j = 0; j < LINEAR_AHEAD; j++) {
        int i = j * LINEAR_CHUNK + k;

        next[j] = i < I ? words[i * (HALF / 4)] : make_uint4(0, 0, 0, 0);
    }
    x.begin();
    if (adds) {
        operands = out.load(r, o);
        sum = b ? b[o] : 0.0f;
    }
    for (int from = 0, turn = 0; from < I; )
        #pragma unroll
        for (int j = 0; j < LINEAR_AHEAD; j++, from += LINEAR_CHUNK, turn ^= 1) {
            if (from >= I)
                break;
            uint32_t word[4] = { next[j].x, next[j].y, next[j].z, next[j].w };
            int i = from + k, later = i + LINEAR_AHEAD * LINEAR_CHUNK;
            float v = x.value(j, i);

            #pragma unroll
            for (int n = 0; n < 4; n++) {
                scratch->p[turn][4 * quad + n][k] = v * low(word[n]);
                scratch->p[turn][4 * quad + n + LINEAR_WORDS][k] = v * high(word[n]);
            }
            if (later < I)
                next[j] = words[later * (HALF / 4)];
            x.after(j, later);
            /* This half is written again only after the barrier of the next chunk. */
            __syncthreads();
            if (adds)
                sum = add_products(sum, scratch->p[turn][lane], min(I - from, LINEAR_CHUNK));
        }
    if (adds)
        out(r, o, sum, operands);
}

/* Row of x (R, I) in global memory. */
struct row_input {
    const float *x;
    int I;
    float next[LINEAR_AHEAD];

    __device__ void begin()
    {
        x += (size_t)blockIdx.y * I;
        #pragma unroll
        for (int j = 0; j < LINEAR_AHEAD; j++)
            after(j, j * LINEAR_CHUNK + threadIdx.x / LINEAR_QUADS);
    }

    __device__ float value(int j, int) const
    {
        return next[j];
    }

    __device__ void after(int j, int i)
    {
        next[j] = i < I ? x[i] : 0.0f;
    }
};

template <class Out>
static __global__ void __launch_bounds__(LINEAR_THREADS)
linear16_small(Out out, const float *x, const uint32_t *w, const float *b, int I, int O)
{
    __shared__ __align__(16) struct linear_scratch scratch;
    struct row_input row = { x, I, {} };

    linear16_row(row, out, &scratch, w, b, I, O);
}

static inline dim3 linear16_grid(int R, int O)
{
    return dim3((unsigned)((O + PANEL - 1) / PANEL * LINEAR_BLOCKS), (unsigned)R);
}

/* R <= TELU_SMALL_PRODUCTS. 0, or -1 with telu_error(). */
template <class Out>
static int linear16_launch(const struct telu_cuda *cuda, Out out, const float *x,
                           const uint32_t *w, const float *b, int R, int I, int O,
                           const char *what)
{
    void (*kernel)(Out, const float *, const uint32_t *, const float *, int, int) =
        linear16_small<Out>;

    TELU_LAUNCH(kernel, linear16_grid(R, O), LINEAR_THREADS, 0, cuda->stream, out, x, w, b, I, O);
    return telu_cuda_launched(what);
}

#endif
