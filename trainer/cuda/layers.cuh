/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers.cuh - the elementwise ops of the trainer's network, forward and backward, for
 * elementwise_run() and columns_run(), and the norm's kernels. The formulas are those of
 * the ops in kernels/ops, with neighbours fused: biases into the op behind the product,
 * sums over rows into the op that computes their terms. T: float or bf16. */
#ifndef LAYERS_CUH
#define LAYERS_CUH

#include "columns.cuh"

#include "approx.h"
#include "dwconv_grad.cuh"
#include "head.cuh"
#include "norm.h"

#define WARP 32

/* --- Forward ------------------------------------------------------------ */

struct add_bias {
    float *x;
    const float *b;

    int aligned() const { return float4_aligned(x, b); }
    template <int V> __device__ void run(size_t i, int c) const
    {
        float v[V], k[V];

        load(v, x + i);
        load(k, b + c);
        #pragma unroll
        for (int j = 0; j < V; j++)
            v[j] += k[j];
        store(x + i, v);
    }
};

template <class T>
struct convert {
    T *y;
    const float *x;

    int aligned() const { return float4_aligned(y, x); }
    template <int V> __device__ void run(size_t i, int) const
    {
        float v[V];

        load(v, x + i);
        store(y + i, v);
    }
};

/* Returns gelu(x) / x. The overload for bf16 uses the device's own exp, since bf16 rounds
 * the product. */
static __device__ inline float gelu_share(float x, const float *)
{
    float u = 0.79788456f * (x + 0.044715f * x * x * x);

    return 1.0f / (1.0f + telu_exp(-2.0f * u));
}

static __device__ inline float gelu_share(float x, const bf16 *)
{
    return __fdividef(1.0f, 1.0f + __expf(x * (-1.59576912f - 0.0713548163f * (x * x))));
}

template <class T>
struct gelu_forward {
    T *g;
    const T *h;
    const float *b;

    int aligned() const { return float4_aligned(g, h, b); }
    template <int V> __device__ void run(size_t i, int c) const
    {
        float v[V], k[V];

        load(v, h + i);
        load(k, b + c);
        #pragma unroll
        for (int j = 0; j < V; j++) {
            float x = v[j] + k[j];

            v[j] = x * gelu_share(x, h);
        }
        store(g + i, v);
    }
};

template <class T>
struct residual_forward {
    float *y;
    T *copy;                   /* y as an operand, or NULL */
    const float *x, *b, *s;
    const T *d;

    int aligned() const { return float4_aligned(y, copy, x, d) && float4_aligned(b, s); }
    template <int V> __device__ void run(size_t i, int c) const
    {
        float v[V], e[V], bias[V], scale[V];

        load(v, x + i);
        load(e, d + i);
        load(bias, b + c);
        load(scale, s + c);
        #pragma unroll
        for (int j = 0; j < V; j++)
            v[j] += scale[j] * (e[j] + bias[j]);
        store(y + i, v);
        if (copy)
            store(copy + i, v);
    }
};

struct head_forward {
    float *y;
    const float *v, *s, *vb, *sb;

    int aligned() const { return float4_aligned(y, v, s, vb, sb); }
    template <int V> __device__ void run(size_t i, int c) const
    {
        float value[V], scale[V], a[V], b[V];

        load(value, v + i);
        load(scale, s + i);
        load(a, vb + c);
        load(b, sb + c);
        #pragma unroll
        for (int j = 0; j < V; j++)
            value[j] = head(value[j] + a[j], scale[j] + b[j]);
        store(y + i, value);
    }
};

static __device__ inline float warp_sum(float x)
{
    for (int far = WARP / 2; far > 0; far /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, far);
    return x;
}

/* Each warp normalises one row; each lane holds EACH times V neighbouring channels in
 * registers. The grid rounds R up to whole blocks: rows beyond R read row 0 and store
 * nothing. Channels beyond C read the first. */
template <class T, int V, int EACH>
static __global__ void __launch_bounds__(GPU_THREADS)
norm_forward(T *y, float *stats, const float *x, const float *g, const float *b, int R, int C)
{
    int lane = threadIdx.x % WARP, r = (int)((blockIdx.x * GPU_THREADS + threadIdx.x) / WARP);
    size_t at = (size_t)(r < R ? r : 0) * C;
    float v[EACH][V], sum = 0.0f, var = 0.0f, mean, scale;

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = (i * WARP + lane) * V;

        load(v[i], x + at + (c < C ? c : 0));
        for (int j = 0; j < V; j++)
            sum += c < C ? v[i][j] : 0.0f;
    }
    mean = warp_sum(sum) / (float)C;
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        for (int j = 0; j < V; j++) {
            v[i][j] -= mean;
            var += (i * WARP + lane) * V < C ? v[i][j] * v[i][j] : 0.0f;
        }
    scale = 1.0f / sqrtf(warp_sum(var) / (float)C + TELU_NORM_EPS);
    if (r >= R)
        return;
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = (i * WARP + lane) * V;

        if (c >= C)
            break;
        for (int j = 0; j < V; j++)
            v[i][j] = g[c + j] * (v[i][j] * scale) + b[c + j];
        store(y + at + c, v[i]);
    }
    if (lane == 0) {
        stats[2 * r] = mean;
        stats[2 * r + 1] = scale;
    }
}

/* --- Backward ----------------------------------------------------------- */

/* Turns d out into d d, and sums for the scale and the bias of `down`. */
template <class T>
struct residual_back {
    enum { N = 2 };
    template <int V> struct keep { float b[V], s[V]; };
    template <int V> struct in { float g[V], d[V]; };
    T *dd;
    const float *dy, *bias, *scale;
    const T *d;
    int scale_at, bias_at;

    template <int V> __device__ void start(keep<V> &k, int c) const
    {
        for (int v = 0; v < V; v++) {
            k.b[v] = bias[c + v];
            k.s[v] = scale[c + v];
        }
    }
    template <int V> __device__ void take(in<V> &x, size_t i, int) const
    {
        load(x.g, dy + i);
        load(x.d, d + i);
    }
    template <int V>
    __device__ void row(float (&sum)[N][V], const in<V> &x, const keep<V> &k, size_t i,
                        int) const
    {
        float out[V];

        for (int v = 0; v < V; v++) {
            out[v] = k.s[v] * x.g[v];
            sum[0][v] += x.g[v] * (x.d[v] + k.b[v]);
            sum[1][v] += out[v];
        }
        store(dd + i, out);
    }
    __device__ int column(int n, int c) const { return (n ? bias_at : scale_at) + c; }
};

/* Turns d g into d h, in place, and sums for the bias of `up`. */
template <class T>
struct gelu_back {
    enum { N = 1 };
    template <int V> struct keep { float b[V]; };
    template <int V> struct in { float h[V], d[V]; };
    T *dh;
    const T *h;
    const float *bias;
    int bias_at;

    template <int V> __device__ void start(keep<V> &k, int c) const
    {
        for (int v = 0; v < V; v++)
            k.b[v] = bias[c + v];
    }
    template <int V> __device__ void take(in<V> &x, size_t i, int) const
    {
        load(x.h, h + i);
        load(x.d, dh + i);
    }
    template <int V>
    __device__ void row(float (&sum)[N][V], const in<V> &in, const keep<V> &k, size_t i,
                        int) const
    {
        float out[V];

        for (int v = 0; v < V; v++) {
            float x = in.h[v] + k.b[v], p = gelu_share(x, h);
            float du = 0.79788456f * (1.0f + 3.0f * 0.044715f * (x * x));

            out[v] = in.d[v] * (p + 2.0f * x * p * (1.0f - p) * du);
            sum[0][v] += out[v];
        }
        store(dh + i, out);
    }
    __device__ int column(int, int c) const { return bias_at + c; }
};

/* Computes each row's means for norm_back: of dy g, and of dy g n. Layout as in
 * norm_forward(). */
template <class T, int V, int EACH>
static __global__ void __launch_bounds__(GPU_THREADS)
norm_means(float *means, const T *dy, const float *x, const float *stats, const float *g,
           int R, int C)
{
    int lane = threadIdx.x % WARP, r = (int)((blockIdx.x * GPU_THREADS + threadIdx.x) / WARP);
    size_t at = (size_t)(r < R ? r : 0) * C;
    float mean = stats[r < R ? 2 * r : 0], v[EACH][V], d[EACH][V], a = 0.0f, an = 0.0f;

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = (i * WARP + lane) * V;

        load(v[i], x + at + (c < C ? c : 0));
        load(d[i], dy + at + (c < C ? c : 0));
    }
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = (i * WARP + lane) * V;

        for (int j = 0; j < V && c < C; j++) {
            float w = d[i][j] * g[c + j];

            a += w;
            an += w * (v[i][j] - mean);
        }
    }
    a = warp_sum(a);
    an = warp_sum(an);
    if (lane == 0 && r < R) {
        means[2 * r] = a / (float)C;
        means[2 * r + 1] = an / (float)C * stats[2 * r + 1];
    }
}

/* Chooses one of three kernels for C channels. */
template <class Kernel>
static Kernel norm_of(int C, Kernel usual, Kernel even, Kernel any)
{
    return C % 2 ? any : C <= 2 * 5 * WARP ? usual : even;
}

template <class T>
struct norm_back {
    enum { N = 2 };
    template <int V> struct keep { float g[V]; };
    template <int V> struct in { float d[V], x[V], stats[2], means[2]; };
    float *dx;
    const T *dy;
    const float *x, *stats, *means, *gain;
    int gain_at, bias_at;

    template <int V> __device__ void start(keep<V> &k, int c) const
    {
        for (int v = 0; v < V; v++)
            k.g[v] = gain[c + v];
    }
    template <int V> __device__ void take(in<V> &in, size_t i, int r) const
    {
        load(in.d, dy + i);
        load(in.x, x + i);
        load(in.stats, stats + 2 * r);
        load(in.means, means + 2 * r);
    }
    template <int V>
    __device__ void row(float (&sum)[N][V], const in<V> &in, const keep<V> &k, size_t i,
                        int) const
    {
        float out[V];

        for (int v = 0; v < V; v++) {
            float n = (in.x[v] - in.stats[0]) * in.stats[1];

            sum[0][v] += in.d[v] * n;
            sum[1][v] += in.d[v];
            out[v] = in.stats[1] * (in.d[v] * k.g[v] - in.means[0] - n * in.means[1]);
        }
        store(dx + i, out);
    }
    __device__ int column(int n, int c) const { return (n ? bias_at : gain_at) + c; }
};

#define DWCONV_LENGTH 14       /* packets per thread */

/* Adds to dx, and writes the sums for the taps and bias of the convolution as columns()
 * does. */
template <int TAPS>
static __global__ void __launch_bounds__(COLUMN_LANES * COLUMN_ROWS)
dwconv_back(float *dx, float *part, const float *dy, const float *x, const float *taps,
            int B, int T, int C, int K, int width, int taps_at, int bias_at)
{
    __shared__ float all[TAPS + 1][COLUMN_ROWS][COLUMN_LANES];
    int i = threadIdx.x, j = threadIdx.y, c = blockIdx.x * COLUMN_LANES + i;
    float sum[TAPS + 1];

    if (c < C)
        dwconv_along<TAPS>(sum, dx, dy, x, taps, B, T, C, K, DWCONV_LENGTH, c,
                           blockIdx.y * COLUMN_ROWS + j, gridDim.y * COLUMN_ROWS);
    #pragma unroll
    for (int n = 0; n <= TAPS; n++)
        all[n][j][i] = sum[n];
    __syncthreads();
    if (c >= C)
        return;
    for (int n = j; n <= TAPS; n += COLUMN_ROWS) {
        int tap = K - 1 - n;
        float s = 0.0f;

        for (int y = 0; y < COLUMN_ROWS; y++)
            s += all[n][y][i];
        if (n == TAPS || tap >= 0)
            part[(size_t)blockIdx.y * width + (n == TAPS ? bias_at + c
                                                         : taps_at + c * K + tap)] = s;
    }
}

/* Copies x as an operand, and sums it for a bias. */
template <class T>
struct operand_back {
    enum { N = 1 };
    template <int V> struct keep { };
    template <int V> struct in { float x[V]; };
    T *y;
    const float *x;
    int bias_at;

    template <int V> __device__ void start(keep<V> &, int) const { }
    template <int V> __device__ void take(in<V> &in, size_t i, int) const
    {
        load(in.x, x + i);
    }
    template <int V>
    __device__ void row(float (&sum)[N][V], const in<V> &in, const keep<V> &, size_t i,
                        int) const
    {
        for (int v = 0; v < V; v++)
            sum[0][v] += in.x[v];
        store(y + i, in.x);
    }
    __device__ int column(int, int c) const { return bias_at + c; }
};

template <class T>
struct head_back {
    enum { N = 2 };
    template <int V> struct keep { float value[V], scale[V]; };
    template <int V> struct in { float g[V], v[V], s[V]; };
    T *dv, *ds;
    const float *dy, *v, *s, *vb, *sb;
    int value_at, scale_at;

    template <int V> __device__ void start(keep<V> &k, int c) const
    {
        for (int j = 0; j < V; j++) {
            k.value[j] = vb[c + j];
            k.scale[j] = sb[c + j];
        }
    }
    template <int V> __device__ void take(in<V> &in, size_t i, int) const
    {
        load(in.g, dy + i);
        load(in.v, v + i);
        load(in.s, s + i);
    }
    template <int V>
    __device__ void row(float (&sum)[N][V], const in<V> &in, const keep<V> &keep, size_t i,
                        int) const
    {
        float a[V], b[V];

        for (int j = 0; j < V; j++) {
            head_grad(&a[j], &b[j], in.g[j], in.v[j] + keep.value[j],
                      in.s[j] + keep.scale[j]);
            sum[0][j] += a[j];
            sum[1][j] += b[j];
        }
        store(dv + i, a);
        store(ds + i, b);
    }
    __device__ int column(int n, int c) const { return (n ? scale_at : value_at) + c; }
};

#endif
