/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct.cu - see mdct.h. Folds as mdct_simd.c, then a DCT-IV of N = 160 through a complex
 * FFT of M = 80 in shared memory, so that memory is what both transforms wait for:
 *
 *   z[n] = (u[2n] + i u[N-1-2n]) exp(-i pi (4n+1) / 4N)
 *   X[2k] - i X[N-1-2k] = sqrt(2/N) exp(-i pi k / N) sum_n z[n] exp(-2 pi i n k / M)
 *
 * M = 10 * 8: with n = 8 a + b and k = c + 10 d, DFTs of 10 over a, factors
 * exp(-2 pi i b c / M), DFTs of 8 over b. Radix 5 after Rader and Winograd.
 */
#include "mdct.h"

#include "device.h"
#include "mdct_table.h"

#include <math.h>
#include <mutex>

#define N       TELU_HOP
#define M       (N / 2)
#define HOPS    16             /* of a block */
#define THREADS (10 * HOPS)
#define U_HOP   (N + 16)       /* strides that keep lanes off each other's banks */
#define Z_ROW   11
#define Z_HOP   (8 * Z_ROW)
#define DEVICES 64

struct table {
    float window[2 * N];
    float2 before[M], between[M], after[M];
};

static __device__ struct table table;

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
    struct table h;
    int device;

    if (telu_cuda_check(cudaGetDevice(&device), what))
        return -1;
    if (device >= DEVICES)
        return telu_fail("mdct: device %d, expected 0 to %d", device, DEVICES - 1);
    if (made[device])
        return 0;
    for (int i = 0; i < 2 * N; i++)
        h.window[i] = (float)t->window[i];
    for (int i = 0; i < M; i++) {
        h.before[i] = turn(t, 4 * i + 1, sqrt(2.0 / N));
        h.between[i] = turn(t, 16 * i, 1.0);
        h.after[i] = turn(t, 4 * i, 1.0);
    }
    /* Whoever comes next may be in another stream: it waits until this is there. */
    if (telu_cuda_check(cudaMemcpyToSymbol(table, &h, sizeof(h)), what) ||
        telu_cuda_check(cudaStreamSynchronize(0), what))
        return -1;
    made[device] = true;
    return 0;
}

/* --- FFT ------------------------------------------------------------------ */

static __device__ inline float2 add(float2 a, float2 b)
{
    return make_float2(a.x + b.x, a.y + b.y);
}

static __device__ inline float2 sub(float2 a, float2 b)
{
    return make_float2(a.x - b.x, a.y - b.y);
}

static __device__ inline float2 mul(float2 a, float2 b)
{
    return make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

/* a +- (-i) b */
static __device__ inline void cross(float2 *plus, float2 *minus, float2 a, float2 b)
{
    *plus = make_float2(a.x + b.y, a.y - b.x);
    *minus = make_float2(a.x - b.y, a.y + b.x);
}

static __device__ inline void dft5(float2 *y, float2 a, float2 b, float2 c, float2 d,
                                   float2 e)
{
    const float c1 = 0.309016994f, c2 = -0.809016994f;
    const float s1 = 0.951056516f, s2 = 0.587785252f;
    float2 be = add(b, e), cd = add(c, d), b_e = sub(b, e), c_d = sub(c, d);
    float2 p = make_float2(a.x + c1 * be.x + c2 * cd.x, a.y + c1 * be.y + c2 * cd.y);
    float2 q = make_float2(a.x + c2 * be.x + c1 * cd.x, a.y + c2 * be.y + c1 * cd.y);
    float2 r = make_float2(s1 * b_e.x + s2 * c_d.x, s1 * b_e.y + s2 * c_d.y);
    float2 s = make_float2(s2 * b_e.x - s1 * c_d.x, s2 * b_e.y - s1 * c_d.y);

    y[0] = add(a, add(be, cd));
    cross(&y[1], &y[4], p, r);
    cross(&y[2], &y[3], q, s);
}

static __device__ inline void dft10(float2 *y, const float2 *x)
{
    /* exp(-2 pi i k / 10) */
    const float2 w[5] = {
        { 1.0f, 0.0f }, { 0.809016994f, -0.587785252f }, { 0.309016994f, -0.951056516f },
        { -0.309016994f, -0.951056516f }, { -0.809016994f, -0.587785252f },
    };
    float2 even[5], odd[5];

    dft5(even, x[0], x[2], x[4], x[6], x[8]);
    dft5(odd, x[1], x[3], x[5], x[7], x[9]);
    #pragma unroll
    for (int k = 0; k < 5; k++) {
        float2 o = k ? mul(odd[k], w[k]) : odd[k];

        y[k] = add(even[k], o);
        y[k + 5] = sub(even[k], o);
    }
}

static __device__ inline void dft4(float2 *y, float2 a, float2 b, float2 c, float2 d)
{
    float2 ac = add(a, c), bd = add(b, d);

    y[0] = add(ac, bd);
    y[2] = sub(ac, bd);
    cross(&y[1], &y[3], sub(a, c), sub(b, d));
}

static __device__ inline void dft8(float2 *y, const float2 *x)
{
    const float h = 0.707106781f;
    float2 even[4], odd[4];

    dft4(even, x[0], x[2], x[4], x[6]);
    dft4(odd, x[1], x[3], x[5], x[7]);
    odd[1] = make_float2(h * (odd[1].x + odd[1].y), h * (odd[1].y - odd[1].x));
    odd[2] = make_float2(odd[2].y, -odd[2].x);
    odd[3] = make_float2(h * (odd[3].y - odd[3].x), -h * (odd[3].x + odd[3].y));
    #pragma unroll
    for (int k = 0; k < 4; k++) {
        y[k] = add(even[k], odd[k]);
        y[k + 4] = sub(even[k], odd[k]);
    }
}

struct room {
    float u[HOPS][U_HOP];
    float2 z[HOPS][Z_HOP];
};

/* The DCT-IV of each hop's u, in place; a barrier before and after. */
static __device__ inline void dct(struct room *s)
{
    int t = threadIdx.x, hop = t / 8, b = t % 8, c = t % 10;
    float2 x[10], y[10];

    __syncthreads();
    if (hop < HOPS) {
        #pragma unroll
        for (int a = 0; a < 10; a++) {
            int n = 8 * a + b;

            x[a] = mul(make_float2(s->u[hop][2 * n], s->u[hop][N - 1 - 2 * n]),
                       table.before[n]);
        }
        dft10(y, x);
        #pragma unroll
        for (int k = 0; k < 10; k++)
            s->z[hop][b * Z_ROW + k] = mul(y[k], table.between[b * k]);
    }
    __syncthreads();
    hop = t / 10;
    #pragma unroll
    for (int k = 0; k < 8; k++)
        x[k] = s->z[hop][k * Z_ROW + c];
    dft8(y, x);
    #pragma unroll
    for (int d = 0; d < 8; d++) {
        int k = c + 10 * d;
        float2 v = mul(y[d], table.after[k]);

        s->u[hop][2 * k] = v.x;
        s->u[hop][N - 1 - 2 * k] = -v.y;
    }
    __syncthreads();
}

/* --- The transforms ------------------------------------------------------- */

/* a x[i] + b x[j], or without the second: what a thread does to each hop. */
struct pair {
    float a, b;
    int i, j, both;
};

static __device__ inline struct pair one(float a, int i)
{
    return { a, 0.0f, i, i, 0 };
}

/* Sample n of a folded hop; where the window is 0 nothing is read. */
static __device__ inline struct pair fold(int n)
{
    const float *w = table.window;

    if (n < 40)
        return { -w[239 - n], -w[240 + n], 239 - n, 240 + n, 1 };
    if (n < 80)
        return one(-1.0f, 239 - n);
    n -= 80;
    if (n < 40)
        return one(-1.0f, 159 - n);
    return { w[n], -w[159 - n], n, 159 - n, 1 };
}

/* Sample t from the hop before, at U_HOP less, and from this one. */
static __device__ inline struct pair unfold(int t)
{
    const float *w = table.window;
    int old = (t < 80 ? 79 - t : t - 80) - U_HOP, now = t < 80 ? 80 + t : 239 - t;
    float sign = t < 80 ? 1.0f : -1.0f;

    if (t < 40)
        return one(-1.0f, old);
    if (t >= 120)
        return one(-1.0f, now);
    return { -w[N + t], sign * w[t], old, now, 1 };
}

static __global__ void __launch_bounds__(THREADS)
mdct(float *y, const float *x, int hops, int H)
{
    __shared__ struct room s;
    int first = blockIdx.x * HOPS, n = threadIdx.x, h = first % H;
    struct pair p = fold(n);
    float *out = y + (size_t)first * N + n;

    /* an item has a hop more of samples than of coefficients */
    x += (size_t)(first + first / H) * N;
    #pragma unroll 8
    for (int k = 0; k < HOPS; k++) {
        float v = 0.0f;

        if (first + k < hops) {
            v = p.a * x[p.i];
            if (p.both)
                v += p.b * x[p.j];
        }
        s.u[k][n] = v;
        x += ++h < H ? N : 2 * N;
        h = h < H ? h : 0;
    }
    dct(&s);
    #pragma unroll 8
    for (int k = 0; k < HOPS; k++)
        if (first + k < hops)
            out[k * N] = s.u[k][n];
}

/* A block gives HOPS - 1 hops of samples from theirs and the hop before. `slots` counts
 * hops of samples; the last one of an item has no coefficients. */
static __global__ void __launch_bounds__(THREADS)
imdct(float *y, const float *x, int slots, int H)
{
    __shared__ struct room s;
    int first = blockIdx.x * (HOPS - 1) - 1, t = threadIdx.x;
    int item = first < 0 ? 0 : first / (H + 1), h = first - item * (H + 1);
    struct pair p = unfold(t);

    x += (ptrdiff_t)(first - item) * N + t;
    #pragma unroll 8
    for (int k = 0; k < HOPS; k++) {
        int whole = h >= 0 && h < H && first + k < slots;

        s.u[k][t] = whole ? *x : 0.0f;
        x += h < H ? N : 0;
        h = h < H ? h + 1 : 0;
    }
    dct(&s);
    y += (ptrdiff_t)first * N + t;
    #pragma unroll 5
    for (int k = 1; k < HOPS; k++)
        if (first + k < slots) {
            const float *u = s.u[0] + k * U_HOP;
            float v = p.a * u[p.i];

            if (p.both)
                v += p.b * u[p.j];
            y[k * N] = v;
        }
}

int telu_mdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    int hops = B * H;

    if (!cuda || telu_mdct_ready_cuda())
        return -1;
    TELU_LAUNCH(mdct, (hops + HOPS - 1) / HOPS, THREADS, 0, cuda->stream, y, x, hops, H);
    return telu_cuda_launched("mdct");
}

int telu_imdct_cuda(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    int slots = B * (H + 1);

    if (!cuda || telu_mdct_ready_cuda())
        return -1;
    TELU_LAUNCH(imdct, (slots + HOPS - 2) / (HOPS - 1), THREADS, 0, cuda->stream, y, x,
                slots, H);
    return telu_cuda_launched("imdct");
}
