/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.cuh - linear16 for few rows, as in live streams, with what is done to each output
 * before it is stored. See linear.h.
 *
 * What costs is waiting: for the weights, and for the sum, which adds its products one
 * after the other, in the CPU's order. So a block has one row and half of the outputs of a
 * panel. All its threads ask for several chunks of weights ahead and multiply them into
 * shared memory; its first warp, a lane to an output, has nothing left to do but add.
 */
#ifndef LINEAR_CUH
#define LINEAR_CUH

#include "device.h"

#define HALF        32         /* words in a row of a panel */
#define PANEL       64         /* outputs of a panel */
#define FEW_THREADS 256
#define FEW_LANES   32
#define FEW_ROWS    32         /* of x, at most */
#define FEW_WORDS   (HALF / 2) /* of each row of a panel, to a block */
#define FEW_BLOCKS  (HALF / FEW_WORDS)     /* of a panel */
#define FEW_QUADS   (FEW_WORDS / 4)
#define FEW_CHUNK   (FEW_THREADS / FEW_QUADS)      /* inputs at a time */
#define FEW_AHEAD   5          /* chunks on their way */
#define FEW_STEP    (FEW_CHUNK + 2)        /* from lane to lane: other banks */

static __device__ inline float low(uint32_t word)
{
    return __uint_as_float(word << 16);
}

static __device__ inline float high(uint32_t word)
{
    return __uint_as_float(word & 0xffff0000u);
}

/* Products of two chunks: one is added up while the other is made. */
struct few_room {
    float p[2][FEW_LANES][FEW_STEP];
};

/* sum += p[0] + ... + p[n - 1], in order */
static __device__ inline float few_add(float sum, const float *p, int n)
{
    if (n == FEW_CHUNK) {
        #pragma unroll
        for (int k = 0; k < FEW_CHUNK; k += 2) {
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

/* x w^T + b of row blockIdx.y; out(r, o, value, asked) takes each output, asked being what
 * out.ask(r, o) gave at the beginning.
 *
 * The row is an X: begin() once the first weights are asked for; then value(j, i) is input
 * i, of chunk j modulo FEW_AHEAD, and after(j, i) says which is the next of that j. All
 * threads come here. */
template <class X, class Out>
static __device__ inline void linear16_row(X &x, const Out &out, struct few_room *scratch,
                                           const uint32_t *w, const float *b, int I, int O)
{
    int t = threadIdx.x, lane = t % FEW_LANES, k = t / FEW_QUADS, quad = t % FEW_QUADS;
    int panel = blockIdx.x / FEW_BLOCKS, part = blockIdx.x % FEW_BLOCKS, r = blockIdx.y;
    int o = panel * PANEL + part * FEW_WORDS + lane % FEW_WORDS + lane / FEW_WORDS * HALF;
    const uint4 *words = reinterpret_cast<const uint4 *>(w + (size_t)panel * I * HALF) +
                         part * FEW_QUADS + quad;
    int adds = t < FEW_LANES && o < O;
    typename Out::asked asked = {};
    uint4 next[FEW_AHEAD];
    float sum = 0.0f;

    #pragma unroll
    for (int j = 0; j < FEW_AHEAD; j++) {
        int i = j * FEW_CHUNK + k;

        next[j] = i < I ? words[i * (HALF / 4)] : make_uint4(0, 0, 0, 0);
    }
    x.begin();
    if (adds) {
        asked = out.ask(r, o);
        sum = b ? b[o] : 0.0f;
    }
    for (int from = 0, turn = 0; from < I; )
        #pragma unroll
        for (int j = 0; j < FEW_AHEAD; j++, from += FEW_CHUNK, turn ^= 1) {
            if (from >= I)
                break;
            uint32_t word[4] = { next[j].x, next[j].y, next[j].z, next[j].w };
            int i = from + k, later = i + FEW_AHEAD * FEW_CHUNK;
            float v = x.value(j, i);

            #pragma unroll
            for (int n = 0; n < 4; n++) {
                scratch->p[turn][4 * quad + n][k] = v * low(word[n]);
                scratch->p[turn][4 * quad + n + FEW_WORDS][k] = v * high(word[n]);
            }
            if (later < I)
                next[j] = words[later * (HALF / 4)];
            x.after(j, later);
            /* The other half is written only when these have been added. */
            __syncthreads();
            if (adds)
                sum = few_add(sum, scratch->p[turn][lane], min(I - from, FEW_CHUNK));
        }
    if (adds)
        out(r, o, sum, asked);
}

/* Rows of x in global memory, (R, I). */
struct row_of {
    const float *x;
    int I;
    float next[FEW_AHEAD];

    __device__ void begin()
    {
        x += (size_t)blockIdx.y * I;
        #pragma unroll
        for (int j = 0; j < FEW_AHEAD; j++)
            after(j, j * FEW_CHUNK + threadIdx.x / FEW_QUADS);
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
static __global__ void __launch_bounds__(FEW_THREADS)
linear16_few(Out out, const float *x, const uint32_t *w, const float *b, int I, int O)
{
    __shared__ __align__(16) struct few_room scratch;
    struct row_of row = { x, I, {} };

    linear16_row(row, out, &scratch, w, b, I, O);
}

static inline dim3 few_grid(int R, int O)
{
    return dim3((unsigned)((O + PANEL - 1) / PANEL * FEW_BLOCKS), (unsigned)R);
}

/* R <= FEW_ROWS. 0, or -1 with telu_error(). */
template <class Out>
static int linear16_launch(const struct telu_cuda *cuda, Out out, const float *x,
                           const uint32_t *w, const float *b, int R, int I, int O,
                           const char *what)
{
    void (*kernel)(Out, const float *, const uint32_t *, const float *, int, int) =
        linear16_few<Out>;

    TELU_LAUNCH(kernel, few_grid(R, O), FEW_THREADS, 0, cuda->stream, out, x, w, b, I, O);
    return telu_cuda_launched(what);
}

#endif
