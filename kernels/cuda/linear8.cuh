/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8.cuh - quantises rows for linear8 on a device, and linear8 for small batches, fused with
 * an op on each output. See linear8.h, and linear8_row.h for one number.
 *
 * The time of a small batch goes to waiting for weights. One block computes one row and half of
 * a panel's outputs: its threads load the first weights, quantise the row while they wait, and
 * share the pairs of inputs. Their sums are integers, which add up to the same in any order.
 */
#ifndef LINEAR8_CUH
#define LINEAR8_CUH

#include "device.h"
#include "linear8_row.h"
#include "small_batch.h"

#define LINEAR8_THREADS 256
#define LINEAR8_WARPS   (LINEAR8_THREADS / 32)
#define LINEAR8_HALF    (TELU_LINEAR8_PANEL / 2)       /* outputs per block; words of a row */
#define LINEAR8_BLOCKS  2      /* blocks per panel */
#define LINEAR8_QUADS   (LINEAR8_HALF / 2 / 4)         /* uint4 per block, of a panel's row */
#define LINEAR8_CHUNK   (LINEAR8_THREADS / LINEAR8_QUADS)      /* pairs of inputs per chunk */
#define LINEAR8_STEP    (LINEAR8_HALF + 4)             /* between chunks' sums: distinct banks */
#define LINEAR8_SHARE   (LINEAR8_THREADS / LINEAR8_HALF)       /* threads that add one output */
#define LINEAR8_AHEAD   4      /* chunks that are prefetched; more leave too few registers */
#define LINEAR8_EACH    (TELU_LINEAR8_INPUTS / LINEAR8_THREADS)

/* --- Quantising --------------------------------------------------------------------- */

/* Larger of a warp's numbers; all its lanes take part. */
static __device__ inline uint32_t linear8_warp_max(uint32_t most, int lanes = 32)
{
    for (int by = lanes / 2; by > 0; by /= 2)
        most = max(most, __shfl_xor_sync(0xffffffffu, most, by));
    return most;
}

/* Quantises a row of v[k] = input threadIdx.x + 256 k, zeros behind the last one, to q
 * [EACH * 256]. Returns the unit. All threads of the block must call it; barriers at the end. */
template <int EACH>
static __device__ inline float linear8_quantise(int16_t *q, uint32_t *part, const float *v)
{
    const int t = threadIdx.x;
    uint32_t most = 0;

    #pragma unroll
    for (int k = 0; k < EACH; k++)
        most = max(most, linear8_magnitude(v[k]));
    most = linear8_warp_max(most);
    if (t % 32 == 0)
        part[t / 32] = most;
    __syncthreads();
    #pragma unroll
    for (int i = 0; i < LINEAR8_WARPS; i++)
        most = max(most, part[i]);
    const struct linear8_scale scale = linear8_scale_of(most);

    #pragma unroll
    for (int k = 0; k < EACH; k++)
        q[t + k * LINEAR8_THREADS] = (int16_t)linear8_quantised(v[k], scale.most, scale.inverse);
    __syncthreads();
    return scale.unit;
}

/* Loads v for linear8_quantise() from a row of I floats. */
template <int EACH>
static __device__ inline void linear8_load(float *v, const float *x, int I)
{
    #pragma unroll
    for (int k = 0; k < EACH; k++) {
        int i = threadIdx.x + k * LINEAR8_THREADS;

        v[k] = i < I ? x[i] : 0.0f;
    }
}

/* --- Small batches ------------------------------------------------------------------- */

/* EACH * 256 inputs. */
template <int EACH>
struct linear8_scratch {
    __align__(16) int16_t q[EACH * LINEAR8_THREADS];
    uint32_t most[LINEAR8_WARPS];
    __align__(16) int sum[LINEAR8_CHUNK][LINEAR8_STEP];
};

/* Computes linear8 for row blockIdx.y and passes each output to out(r, o, value, operands);
 * operands is the result of out.load(r, o) at the beginning.
 *
 * x(v) fills v as linear8_load(); it is called when the first weights are being loaded. All
 * threads of the block must call this. */
template <int EACH, class X, class Out>
static __device__ inline void linear8_row(X &x, const Out &out,
                                          struct linear8_scratch<EACH> *scratch, const int8_t *w,
                                          const float *s, const float *b, int I, int O)
{
    int t = threadIdx.x, k = t / LINEAR8_QUADS, quad = t % LINEAR8_QUADS;
    int panel = blockIdx.x / LINEAR8_BLOCKS, half = blockIdx.x % LINEAR8_BLOCKS, r = blockIdx.y;
    int mine = t / LINEAR8_SHARE, share = t % LINEAR8_SHARE, pairs = (I + 1) / 2;
    int o = panel * TELU_LINEAR8_PANEL + half * LINEAR8_HALF + mine;
    const int row = 2 * LINEAR8_HALF / 8;      /* uint4 of a panel's row */
    const uint4 *words = reinterpret_cast<const uint4 *>(w) + (size_t)panel * pairs * row +
                         half * LINEAR8_QUADS + quad;
    int ends = share == 0 && o < O;
    typename Out::operands operands = {};
    uint4 next[LINEAR8_AHEAD];
    float v[EACH], so = 0.0f, bo = 0.0f, unit;
    int sum[8] = {};

    #pragma unroll
    for (int j = 0; j < LINEAR8_AHEAD; j++) {
        int i = j * LINEAR8_CHUNK + k;

        next[j] = i < pairs ? words[(size_t)i * row] : make_uint4(0, 0, 0, 0);
    }
    x(v);
    if (ends) {
        operands = out.load(r, o);
        so = s[o];
        bo = b ? b[o] : 0.0f;
    }
    unit = linear8_quantise<EACH>(scratch->q, scratch->most, v);
    for (int from = 0; from < pairs; )
        #pragma unroll
        for (int j = 0; j < LINEAR8_AHEAD; j++, from += LINEAR8_CHUNK) {
            int i = from + k, later = i + LINEAR8_AHEAD * LINEAR8_CHUNK;
            const uint32_t word[4] = { next[j].x, next[j].y, next[j].z, next[j].w };

            if (from >= pairs)
                break;
            int pair = i < pairs ? reinterpret_cast<const int *>(scratch->q)[i] : 0;

            /* a word: two outputs, by bytes of two inputs */
            #pragma unroll
            for (int n = 0; n < 4; n++) {
                sum[2 * n] = __dp2a_lo(pair, (int)word[n], sum[2 * n]);
                sum[2 * n + 1] = __dp2a_hi(pair, (int)word[n], sum[2 * n + 1]);
            }
            if (later < pairs)
                next[j] = words[(size_t)later * row];
        }
    int4 *to = reinterpret_cast<int4 *>(&scratch->sum[k][8 * quad]);
    int all = 0;

    to[0] = make_int4(sum[0], sum[1], sum[2], sum[3]);
    to[1] = make_int4(sum[4], sum[5], sum[6], sum[7]);
    __syncthreads();
    #pragma unroll
    for (int i = share; i < LINEAR8_CHUNK; i += LINEAR8_SHARE)
        all += scratch->sum[i][mine];
    for (int by = LINEAR8_SHARE / 2; by > 0; by /= 2)
        all += __shfl_xor_sync(0xffffffffu, all, by);
    if (ends)
        out(r, o, linear8_output(all, unit, so, bo), operands);
}

/* Row of x (R, I) in global memory. */
template <int EACH>
struct linear8_input {
    const float *x;
    int I;

    __device__ void operator()(float *v) const
    {
        linear8_load<EACH>(v, x + (size_t)blockIdx.y * I, I);
    }
};

template <int EACH, class Out>
static __global__ void __launch_bounds__(LINEAR8_THREADS)
linear8_small(Out out, const float *x, const int8_t *w, const float *s, const float *b, int I,
              int O)
{
    __shared__ struct linear8_scratch<EACH> scratch;
    struct linear8_input<EACH> row = { x, I };

    linear8_row<EACH>(row, out, &scratch, w, s, b, I, O);
}

static inline dim3 linear8_grid(int R, int O)
{
    return dim3((unsigned)((O + TELU_LINEAR8_PANEL - 1) / TELU_LINEAR8_PANEL * LINEAR8_BLOCKS),
                (unsigned)R);
}

/* R <= TELU_SMALL_PRODUCTS. 0, or -1 with telu_error(). */
template <class Out>
static int linear8_launch(const struct telu_cuda *cuda, Out out, const float *x, const int8_t *w,
                          const float *s, const float *b, int R, int I, int O, const char *what)
{
    void (*kernel)(Out, const float *, const int8_t *, const float *, const float *, int, int) =
        I <= 4 * LINEAR8_THREADS ? linear8_small<4, Out> : linear8_small<LINEAR8_EACH, Out>;

    TELU_LAUNCH(kernel, linear8_grid(R, O), LINEAR8_THREADS, 0, cuda->stream, out, x, w, s, b, I,
                O);
    return telu_cuda_launched(what);
}

#endif
