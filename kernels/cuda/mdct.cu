/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct.cu - see mdct.h. Folds as mdct_simd.c, then applies the DCT-IV of dct.cuh; memory bandwidth
 * limits both transforms.
 */
#include "mdct.h"

#include "dct.cuh"
#include "elementwise.cuh"
#include "mdct_table.h"

#include <math.h>
#include <mutex>

#define N       TELU_HOP
#define FOURS   (N / 4)
#define HOPS    16             /* per block */
#define THREADS (DCT_THREADS * HOPS)
#define BLOCKS  6              /* per multiprocessor; more leave too few registers */
#define ABREAST (THREADS / FOURS)      /* hops at once, four samples per thread */
#define DEVICES 64

static __device__ struct dct_table table;

/* --- Tables --------------------------------------------------------------- */

/* exp(-i pi m / 4N) times scale */
static float2 turn(const struct telu_mdct_table *t, int m, double scale)
{
    return make_float2((float)(scale * t->cosine[m % (8 * N)]),
                       (float)(scale * t->cosine[(m + 2 * N) % (8 * N)]));
}

int telu_mdct_ready_cuda(void)
{
    static std::mutex lock;
    static bool made[DEVICES];
    std::lock_guard<std::mutex> guard(lock);
    const struct telu_mdct_table *t = telu_mdct_table();
    const char *what = "mdct, tables (not while a graph is captured)";
    struct dct_table h;
    int device;

    if (telu_cuda_check(cudaGetDevice(&device), what))
        return -1;
    if (device >= DEVICES)
        return telu_fail("mdct: device %d, expected 0 to %d", device, DEVICES - 1);
    if (made[device])
        return 0;
    for (int i = 0; i < 2 * N; i++)
        h.window[i] = (float)t->window[i];
    for (int b = 0; b < 8; b++)
        for (int c = 0; c < 10; c += 2) {
            float2 even = turn(t, 4 * b + 1 + (16 * b + 4) * c, sqrt(2.0 / N));
            float2 odd = turn(t, 4 * b + 1 + (16 * b + 4) * (c + 1), sqrt(2.0 / N));

            h.twist[b][c / 2] = make_float4(even.x, even.y, odd.x, odd.y);
        }
    /* The next user may be in another stream, so wait for the copy. */
    if (telu_cuda_check(cudaMemcpyToSymbol(table, &h, sizeof(h)), what) ||
        telu_cuda_check(cudaStreamSynchronize(0), what))
        return -1;
    made[device] = true;
    return 0;
}

const struct dct_table *telu_dct_table(void)
{
    void *p = NULL;

    return telu_cuda_check(cudaGetSymbolAddress(&p, table), "mdct, tables") ?
           NULL : (const struct dct_table *)p;
}

/* --- Four samples at once -------------------------------------------------- */

/* ALIGNED: p is aligned to float4. */
template <int ALIGNED>
static __device__ inline float4 load(const float *p)
{
    return ALIGNED ? load_float4(p, 0) : make_float4(p[0], p[1], p[2], p[3]);
}

template <int ALIGNED>
static __device__ inline void store(float *p, float4 v)
{
    if (ALIGNED) {
        store_float4(p, 0, v);
        return;
    }
    p[0] = v.x;
    p[1] = v.y;
    p[2] = v.z;
    p[3] = v.w;
}

static __device__ inline float4 backward(float4 v)
{
    return make_float4(v.w, v.z, v.y, v.x);
}

static __device__ inline float4 times(float4 a, float4 b)
{
    return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}

static __device__ inline float4 plus(float4 a, float4 b)
{
    return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

static __device__ inline float4 minus(float4 a)
{
    return make_float4(-a.x, -a.y, -a.z, -a.w);
}

/* Samples n .. n + 3 of a hop in shared memory. */
static __device__ inline void put(float *u, int n, float4 v)
{
    *reinterpret_cast<float2 *>(u + n / 2) = make_float2(v.x, v.z);
    *reinterpret_cast<float2 *>(u + N - 2 - n / 2) = make_float2(v.w, v.y);
}

static __device__ inline float4 take(const float *u, int n)
{
    float2 even = *reinterpret_cast<const float2 *>(u + n / 2);
    float2 odd = *reinterpret_cast<const float2 *>(u + N - 2 - n / 2);

    return make_float4(even.x, odd.y, even.y, odd.x);
}

/* --- The transforms ------------------------------------------------------- */

/* Position of a thread's hop in items of H hops, and the step to its next hop. */
struct hop_cursor {
    int item, h, items, hops;
};

static __device__ inline struct hop_cursor hop_cursor_at(int hop, int H)
{
    return { hop / H, hop % H, ABREAST / H, ABREAST % H };
}

static __device__ inline void hop_cursor_next(struct hop_cursor *p, int H)
{
    p->item += p->items;
    p->h += p->hops;
    if (p->h >= H) {
        p->h -= H;
        p->item++;
    }
}

/* Sample n of a folded hop is -w[239-n] x[239-n], plus a second term where the hop overlaps another
 * one (n < 40, n >= 120). Samples where the window is 0 are not read. */
template <int ALIGNED>
static __global__ void __launch_bounds__(THREADS, BLOCKS)
mdct(float *y, const float *x, int hops, int H)
{
    __shared__ struct dct_scratch<HOPS> s;
    int n = threadIdx.x % FOURS * 4, sub = threadIdx.x / FOURS;
    int first = blockIdx.x * HOPS + sub, both = n < TELU_EDGE || n >= TELU_FLAT;
    int far = n < TELU_EDGE ? 3 * TELU_HALF + n : n - TELU_HALF;
    struct hop_cursor p = hop_cursor_at(first, H);
    const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    const float *in[HOPS / ABREAST];
    float4 a, b = zero, v[HOPS / ABREAST], w[HOPS / ABREAST];

    /* All loads come first, without branches: beyond the end x is read again. */
    #pragma unroll
    for (int k = 0; k < HOPS / ABREAST; k++, hop_cursor_next(&p, H)) {
        int hop = first + k * ABREAST;

        /* an item has one more hop of samples than of coefficients */
        in[k] = hop < hops ? x + (size_t)(hop + p.item) * N : x;
        v[k] = load<ALIGNED>(in[k] + 236 - n);
        w[k] = zero;
    }
    if (both)
        #pragma unroll
        for (int k = 0; k < HOPS / ABREAST; k++)
            w[k] = load<ALIGNED>(in[k] + far);
    a = minus(backward(load<1>(table.window + 236 - n)));
    if (both)
        b = load<1>(table.window + far);
    if (n < TELU_EDGE)
        b = minus(b);
    #pragma unroll
    for (int k = 0; k < HOPS / ABREAST; k++)
        put(s.u[sub + k * ABREAST], n, plus(times(a, backward(v[k])), times(b, w[k])));
    dct<HOPS, THREADS>(&s, &table);
    #pragma unroll
    for (int k = 0; k < HOPS / ABREAST; k++)
        if (first + k * ABREAST < hops)
            store<ALIGNED>(y + (size_t)(first + k * ABREAST) * N + n,
                           take(s.u[sub + k * ABREAST], n));
}

/* A block computes HOPS - 1 hops of samples from their coefficients and those of the hop before.
 * `slots` counts hops of samples; the last one of an item has no coefficients. Sample t is
 *
 *   -w[N+t] old[79-t or t-80] +- w[t] now[80+t or 239-t]
 *
 * where w is not 0. */
template <int ALIGNED>
static __global__ void __launch_bounds__(THREADS, BLOCKS)
imdct(float *y, const float *x, int slots, int H)
{
    __shared__ struct dct_scratch<HOPS> s;
    int t = threadIdx.x % FOURS * 4, sub = threadIdx.x / FOURS, early = t < N / 2;
    int first = blockIdx.x * (HOPS - 1) - 1 + sub;
    struct hop_cursor p = hop_cursor_at(first + H + 1, H + 1);
    const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4 v[HOPS / ABREAST], a, b;
    int whole[HOPS / ABREAST];

    #pragma unroll
    for (int k = 0; k < HOPS / ABREAST; k++, hop_cursor_next(&p, H + 1)) {
        int slot = first + k * ABREAST;

        /* items count from 1 here */
        whole[k] = slot >= 0 && p.h < H && slot < slots;
        v[k] = load<ALIGNED>(x + (whole[k] ? (size_t)(slot - p.item + 1) * N : 0) + t);
    }
    #pragma unroll
    for (int k = 0; k < HOPS / ABREAST; k++)
        put(s.u[sub + k * ABREAST], t, whole[k] ? v[k] : zero);
    a = minus(load<1>(table.window + N + t));
    b = load<1>(table.window + t);
    if (!early)
        b = minus(b);
    dct<HOPS, THREADS>(&s, &table);
    #pragma unroll
    for (int k = 0; k < HOPS / ABREAST; k++) {
        int hop = sub + k * ABREAST;
        float4 out = zero;

        if (hop == 0 || first + k * ABREAST >= slots)
            continue;
        if (t < TELU_FLAT) {
            out = take(s.u[hop - 1], early ? TELU_HALF - 4 - t : t - TELU_HALF);
            out = times(a, early ? backward(out) : out);
        }
        if (t >= TELU_EDGE) {
            float4 now = take(s.u[hop], early ? TELU_HALF + t : 3 * TELU_HALF - 4 - t);

            now = times(b, early ? now : backward(now));
            out = t < TELU_FLAT ? plus(out, now) : now;
        }
        store<ALIGNED>(y + (size_t)(first + k * ABREAST) * N + t, out);
    }
}

int telu_mdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    void (*kernel)(float *, const float *, int, int) =
        float4_aligned(y, x) ? mdct<1> : mdct<0>;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    int hops = B * H;

    if (!cuda || telu_mdct_ready_cuda())
        return -1;
    TELU_LAUNCH(kernel, (hops + HOPS - 1) / HOPS, THREADS, 0, cuda->stream, y, x, hops,
                H);
    return telu_cuda_launched("mdct");
}

int telu_imdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    void (*kernel)(float *, const float *, int, int) =
        float4_aligned(y, x) ? imdct<1> : imdct<0>;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    int slots = B * (H + 1);

    if (!cuda || telu_mdct_ready_cuda())
        return -1;
    TELU_LAUNCH(kernel, (slots + HOPS - 2) / (HOPS - 1), THREADS, 0, cuda->stream, y, x,
                slots, H);
    return telu_cuda_launched("imdct");
}
