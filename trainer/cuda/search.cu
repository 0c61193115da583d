/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search.cu - finds the nearest code of each row, and the rows of each code.
 *
 * The search is that of vq.c: least |b|^2 - 2 z b, the lowest index among equals. One
 * thread sums z b of a row and a code, from the first element to the last, so the code
 * does not depend on the thread.
 *
 * A thread has EACH rows and EACH codes at a time, so that each load serves several sums,
 * which do not wait for one another. WIDE warps share the codes of the same rows when
 * rows are few.
 *
 * A NaN or an infinite distance is never less than INFINITY, and index 0 stays.
 *
 * The search also sets the row's bit in the code's words. gather_choices() then reads
 * words, not rows, finds the rows in order, and clears the words for the next stage.
 */
#include "vq.cuh"

#include "nearest.cuh"
#include "pack.cuh"

#include <math.h>

#define LANES   32
#define WARPS   8
#define THREADS (LANES * WARPS)
#define EACH    4
#define DEEP    8              /* elements of the codes held in shared memory */
#define FEW     4096           /* with at most so many rows, WIDE warps share a row */

template <int WIDE>
static __global__ void __launch_bounds__(THREADS, WIDE == 1 ? 4 : 2)
search(struct stage_args p, int32_t *index, uint32_t *chose, const float *z,
       const float *book, const float *norm, int words)
{
    const int most = EACH * LANES * WIDE;      /* codes per pass */
    const int tall = EACH * WARPS / WIDE;      /* rows per block */
    const int share = DEEP * most / THREADS, step = THREADS / DEEP;
    /* 4 extra floats per row prevent bank conflicts between the lanes that fill it */
    __shared__ __align__(16) float codes[2][DEEP][most + 4];
    __shared__ __align__(16) float rows[TELU_MAX_DIM][tall];
    __shared__ struct nearest won[WIDE][tall];
    int t = threadIdx.x, lane = t % LANES, wide = t / LANES % WIDE;
    int mine = EACH * (t / LANES / WIDE), own = EACH * (wide * LANES + lane);
    int first = blockIdx.x * tall, R = p.rows(), turn = 0;
    int deep = (p.D + DEEP - 1) / DEEP * DEEP;
    float next[share];
    struct nearest a[EACH];

    if (first >= R)
        return;
    auto fetch = [&](int n, int d) {
        int c = n + t / DEEP, k = d + t % DEEP;
        const float *from = book + c * p.D + k;

        #pragma unroll
        for (int q = 0; q < share; q++, c += step, from += step * p.D)
            next[q] = c < p.codes && k < p.D ? *from : 0.0f;
    };

    fetch(0, 0);
    for (int i = t; i < tall * deep; i += THREADS) {
        int r = i / deep, d = i % deep;

        rows[d][r] = first + r < R && d < p.D ? z[(size_t)(first + r) * p.D + d] : 0.0f;
    }
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        a[i] = { INFINITY, 0 };
    for (int n = 0; n < p.codes; n += most) {
        float sum[EACH][EACH] = {}, square[EACH];

        #pragma unroll
        for (int j = 0; j < EACH; j++)
            square[j] = n + own + j < p.codes ? norm[n + own + j] : INFINITY;
        for (int d = 0; d < p.D; d += DEEP, turn ^= 1) {
            /* Other threads may still read the other half; this half was read before the
             * last barrier. */
            #pragma unroll
            for (int q = 0; q < share; q++)
                codes[turn][t % DEEP][t / DEEP + q * step] = next[q];
            __syncthreads();
            if (d + DEEP < p.D)
                fetch(n, d + DEEP);
            else
                fetch(n + most, 0);
            #pragma unroll
            for (int k = 0; k < DEEP; k++) {
                float c[EACH], r[EACH];

                load(c, &codes[turn][k][own]);
                load(r, &rows[d + k][mine]);
                #pragma unroll
                for (int i = 0; i < EACH; i++)
                    #pragma unroll
                    for (int j = 0; j < EACH; j++)
                        sum[i][j] += r[i] * c[j];
            }
        }
        #pragma unroll
        for (int j = 0; j < EACH; j++)
            #pragma unroll
            for (int i = 0; i < EACH; i++) {
                float far = square[j] - 2.0f * sum[i][j];

                if (far < a[i].distance) {
                    a[i].distance = far;
                    a[i].index = n + own + j;
                }
            }
    }
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        nearest_of_warp(&a[i]);
        if (lane == 0)
            won[wide][mine + i] = a[i];
    }
    __syncthreads();
    if (t < tall && first + t < R) {
        struct nearest best = won[0][t];

        for (int w = 1; w < WIDE; w++)
            keep_nearer(&best, won[w][t].distance, won[w][t].index);
        index[first + t] = best.index;
        atomicOr(&chose[(size_t)best.index * words + (first + t) / 32],
                 1u << (first + t) % 32);
    }
}

template <int WIDE>
static int launch_search(struct training *t, struct stage_args p, const struct gpu_stage &st)
{
    void (*kernel)(struct stage_args, int32_t *, uint32_t *, const float *, const float *,
                   const float *, int) = search<WIDE>;

    TELU_LAUNCH(kernel, gpu_blocks(t->R, EACH * WARPS / WIDE), THREADS, 0,
                t->cuda.stream, p, st.index, t->chose, st.z, st.book, t->norm,
                t->words);
    return telu_cuda_launched("training, code search");
}

int gpu_search(struct training *t, struct stage_args p, const struct gpu_stage &st)
{
    return t->R <= FEW ? launch_search<4>(t, p, st) : launch_search<1>(t, p, st);
}

/* --- Choices ------------------------------------------------------------ */

#define AHEAD 4                /* rows of a thread in flight */

static_assert(32 * THREADS <= 65536, "gather_choices() lists rows in 16 bits");
static_assert(TELU_MAX_DIM <= 64, "gather_choices() has 64 threads to a row at most");

/* Returns the sum of n over the threads before this one in the block; *all becomes the
 * block's sum. scratch: one int per warp. */
static __device__ inline int rank_among(int n, int *all, int *scratch)
{
    int lane = threadIdx.x % LANES, warp = threadIdx.x / LANES, at = n, before = 0;

    for (int far = 1; far < LANES; far *= 2) {
        int below = __shfl_up_sync(0xffffffffu, at, far);

        at += lane >= far ? below : 0;
    }
    __syncthreads();           /* the previous round has been read */
    if (lane == LANES - 1)
        scratch[warp] = at;
    __syncthreads();
    *all = 0;
    for (int w = 0; w < WARPS; w++) {
        before += w < warp ? scratch[w] : 0;
        *all += scratch[w];
    }
    return before + at - n;
}

/* Each block counts and sums the rows that chose one code. Each thread reads one word,
 * then `wide` threads add one row. */
static __global__ void __launch_bounds__(THREADS)
gather_choices(struct stage_args p, float *count, float *sum, uint32_t *chose, const float *z,
               int words)
{
    __shared__ uint16_t list[32 * THREADS];    /* the rows of a round */
    __shared__ int scratch[WARPS];
    __shared__ float part[THREADS];
    int wide = p.D <= 8 ? 8 : p.D <= 16 ? 16 : p.D <= 32 ? 32 : 64;
    int c = blockIdx.x, t = threadIdx.x, d = t % wide, tall = THREADS / wide;
    int used = (p.rows() + 31) / 32, total = 0;
    float mine = 0.0f;

    chose += (size_t)c * words;
    for (int first = 0; first < used; first += THREADS) {
        uint32_t word = first + t < used ? chose[first + t] : 0;
        const float *from = z + (size_t)first * 32 * p.D + d;
        int all, at = rank_among(__popc(word), &all, scratch);

        if (word)
            chose[first + t] = 0;
        for (; word; word &= word - 1)
            list[at++] = (uint16_t)(32 * t + __ffs((int)word) - 1);
        __syncthreads();
        for (int k = t / wide; k < all && d < p.D; k += AHEAD * tall) {
            float v[AHEAD];

            #pragma unroll
            for (int u = 0; u < AHEAD; u++)
                v[u] = k + u * tall < all ? from[(size_t)list[k + u * tall] * p.D] : 0.0f;
            #pragma unroll
            for (int u = 0; u < AHEAD; u++)
                mine += v[u];
        }
        total += all;
    }
    part[t] = mine;
    __syncthreads();
    if (t < p.D) {
        float all = 0.0f;

        for (int k = 0; k < tall; k++)
            all += part[k * wide + t];
        sum[(size_t)c * p.D + t] = all;
    }
    if (t == 0)
        count[c] = (float)total;
}

int gpu_gather_choices(struct training *t, struct stage_args p, const struct gpu_stage &st)
{
    TELU_LAUNCH(gather_choices, p.codes, THREADS, 0, t->cuda.stream, p, t->chosen,
                t->chosen + p.codes, t->chose, st.z, t->words);
    return telu_cuda_launched("training, a stage's choices");
}
