/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.cuh - linear16 for few rows, as in live streams, with what is done to each output
 * before it is stored. See linear.h. */
#ifndef LINEAR_CUH
#define LINEAR_CUH

#include "device.h"

#define HALF        32         /* words in a row of a panel */
#define PANEL       64         /* outputs of a panel */
#define FEW_THREADS 256
#define FEW_LANES   32
#define FEW_WARPS   (FEW_THREADS / FEW_LANES)
#define FEW_ROWS    (4 * FEW_WARPS)        /* of x, at most */
#define FEW_WORDS   (HALF / 2) /* of a row of a panel, with no more rows than warps */
#define FEW_CHUNK   64         /* rows of a panel at a time */

static __device__ inline float low(uint32_t word)
{
    return __uint_as_float(word << 16);
}

static __device__ inline float high(uint32_t word)
{
    return __uint_as_float(word & 0xffff0000u);
}

/* x w^T + b; out(r, o, value) takes each. A block has WORDS words of each row of a panel,
 * a warp EACH rows of x. What costs is waiting for the weights, so all threads fetch the
 * next chunk, at once, while this one is added up in the CPU's order. With half of the
 * words, so that more of the device takes part, a lane has one output and not two.
 *
 * The rows of x are an X:  fetch(from) asks for those of the chunk from input `from` on,
 * keep(turn) puts them into shared memory, and get(turn, r, i, k) is input i + k of row r,
 * of the chunk from i on. All threads come here. */
template <int EACH, int WORDS, class X, class Out>
static __device__ inline void linear16_rows(X &x, const Out &out,
                                            uint32_t (*ws)[FEW_CHUNK][WORDS],
                                            const uint32_t *w, const float *b, int R, int I,
                                            int O)
{
    const int parts = HALF / WORDS, row = WORDS / 4;       /* uint4 */
    const int quads = FEW_CHUNK * row / FEW_THREADS;       /* of a chunk, to a thread */
    int t = threadIdx.x, lane = t % FEW_LANES, warp = t / FEW_LANES;
    int panel = blockIdx.x / parts, part = blockIdx.x % parts;
    int lo = panel * PANEL + part * WORDS + lane % WORDS + (lane / WORDS) * HALF;
    int hi = lo + HALF, shift = lane < WORDS ? 16 : 0;
    const uint4 *words = reinterpret_cast<const uint4 *>(w + (size_t)panel * I * HALF) +
                         part * row;
    float a[EACH], c[EACH];
    uint4 next[quads];

    auto fetch = [&](int from) {
        #pragma unroll
        for (int q = 0; q < quads; q++) {
            int at = t + q * FEW_THREADS, i = from + at / row;

            next[q] = i < I ? words[i * (HALF / 4) + at % row] : make_uint4(0, 0, 0, 0);
        }
        x.fetch(from);
    };

    #pragma unroll
    for (int e = 0; e < EACH; e++) {
        a[e] = b && lo < O ? b[lo] : 0.0f;
        c[e] = parts == 1 && b && hi < O ? b[hi] : 0.0f;
    }
    fetch(0);
    for (int i = 0, turn = 0; i < I; i += FEW_CHUNK, turn ^= 1) {
        int deep = min(I - i, FEW_CHUNK);

        /* The other half may still be read; this one was read before the last barrier. */
        #pragma unroll
        for (int q = 0; q < quads; q++)
            reinterpret_cast<uint4 *>(ws[turn])[t + q * FEW_THREADS] = next[q];
        x.keep(turn);
        __syncthreads();
        if (i + FEW_CHUNK < I)
            fetch(i + FEW_CHUNK);
        if (warp >= R)
            continue;
        #pragma unroll 8
        for (int k = 0; k < deep; k++) {
            uint32_t word = ws[turn][k][lane % WORDS];

            #pragma unroll
            for (int e = 0; e < EACH; e++) {
                float v = x.get(turn, warp + e * FEW_WARPS, i, k);

                a[e] += v * high(word << shift);
                if (parts == 1)
                    c[e] += v * high(word);
            }
        }
    }
    #pragma unroll
    for (int e = 0; e < EACH; e++) {
        int r = warp + e * FEW_WARPS;

        if (r < R && lo < O)
            out(r, lo, a[e]);
        if (parts == 1 && r < R && hi < O)
            out(r, hi, c[e]);
    }
}

static inline unsigned linear16_blocks(int O, int words)
{
    return (unsigned)((O + PANEL - 1) / PANEL * (HALF / words));
}

/* Rows of x in global memory, (R, I). */
template <int EACH>
struct rows_of {
    enum { MOST = EACH * FEW_WARPS, SHARE = MOST * FEW_CHUNK / FEW_THREADS };
    const float *x;
    int R, I;
    float (*xs)[MOST][FEW_CHUNK];          /* two of them, shared */
    float next[SHARE];

    __device__ void fetch(int from)
    {
        #pragma unroll
        for (int q = 0; q < SHARE; q++) {
            int at = threadIdx.x + q * FEW_THREADS;
            int r = at / FEW_CHUNK, k = from + at % FEW_CHUNK;

            next[q] = r < R && k < I ? x[(size_t)r * I + k] : 0.0f;
        }
    }

    __device__ void keep(int turn)
    {
        #pragma unroll
        for (int q = 0; q < SHARE; q++) {
            int at = threadIdx.x + q * FEW_THREADS;

            xs[turn][at / FEW_CHUNK][at % FEW_CHUNK] = next[q];
        }
    }

    __device__ float get(int turn, int r, int, int k) const
    {
        return xs[turn][r][k];
    }
};

template <int EACH, int WORDS, class Out>
static __global__ void __launch_bounds__(FEW_THREADS)
linear16_few(Out out, const float *x, const uint32_t *w, const float *b, int R, int I, int O)
{
    __shared__ __align__(16) uint32_t ws[2][FEW_CHUNK][WORDS];
    __shared__ float xs[2][rows_of<EACH>::MOST][FEW_CHUNK];
    struct rows_of<EACH> rows = { x, R, I, xs, {} };

    linear16_rows<EACH, WORDS>(rows, out, ws, w, b, R, I, O);
}

/* R <= FEW_ROWS. 0, or -1 with telu_error(). */
template <class Out>
static int linear16_launch(const struct telu_cuda *cuda, Out out, const float *x,
                           const uint32_t *w, const float *b, int R, int I, int O,
                           const char *what)
{
    int few = R <= FEW_WARPS;
    void (*kernel)(Out, const float *, const uint32_t *, const float *, int, int, int) =
        few ? linear16_few<1, FEW_WORDS, Out> : linear16_few<FEW_ROWS / FEW_WARPS, HALF, Out>;

    TELU_LAUNCH(kernel, linear16_blocks(O, few ? FEW_WORDS : HALF), FEW_THREADS, 0,
                cuda->stream, out, x, w, b, R, I, O);
    return telu_cuda_launched(what);
}

#endif
