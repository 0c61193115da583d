/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers.cuh - what the trainer's network does to each element, forward and backward:
 * ops for each_run() and columns_run(), and the norm's kernels. The formulas are those
 * of the ops in kernels/, with neighbours fused: biases into the op behind the product,
 * sums over rows into the op that makes what is summed. T: float or bf16. */
#ifndef LAYERS_CUH
#define LAYERS_CUH

#include "columns.cuh"

#include "approx.h"
#include "head.h"
#include "norm.h"

#define WARP 32
#define MOST_TAPS 15

/* --- Forward ------------------------------------------------------------ */

struct add_bias {
    float *x;
    const float *b;

    __device__ void operator()(size_t i, int c) { x[i] += b[c]; }
};

template <class T>
struct convert {
    T *y;
    const float *x;

    __device__ void operator()(size_t i, int) { set(y, i, x[i]); }
};

static __device__ inline float gelu_share(float x)
{
    float u = 0.79788456f * (x + 0.044715f * x * x * x);

    return 1.0f / (1.0f + telu_exp(-2.0f * u));
}

template <class T>
struct gelu_forward {
    T *g;
    const T *h;
    const float *b;

    __device__ void operator()(size_t i, int c)
    {
        float x = get(h, i) + b[c];

        set(g, i, x * gelu_share(x));
    }
};

template <class T>
struct residual_forward {
    float *y;
    T *copy;                   /* y as an operand, or NULL */
    const float *x, *b, *s;
    const T *d;

    __device__ void operator()(size_t i, int c)
    {
        float v = x[i] + s[c] * (get(d, i) + b[c]);

        y[i] = v;
        if (copy)
            set(copy, i, v);
    }
};

struct head_forward {
    float *y;
    const float *v, *s, *vb, *sb;

    __device__ void operator()(size_t i, int c)
    {
        float e = s[i] + sb[c];

        e = e > TELU_HEAD_LEAST ? e : TELU_HEAD_LEAST;
        y[i] = (v[i] + vb[c]) * telu_exp(e < TELU_HEAD_MOST ? e : TELU_HEAD_MOST);
    }
};

static __device__ inline float warp_sum(float x)
{
    for (int far = WARP / 2; far > 0; far /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, far);
    return x;
}

/* A row to a warp; rows come in whole blocks, those beyond R do no harm alone. */
template <class T>
static __global__ void norm_forward(T *y, float *stats, const float *x, const float *g,
                                    const float *b, int R, int C)
{
    int lane = threadIdx.x % WARP;
    int r = (int)((blockIdx.x * blockDim.x + threadIdx.x) / WARP);
    const float *v = x + (size_t)(r < R ? r : 0) * C;
    float sum = 0.0f, var = 0.0f, mean, scale;

    for (int c = lane; c < C; c += WARP)
        sum += v[c];
    mean = warp_sum(sum) / (float)C;
    for (int c = lane; c < C; c += WARP)
        var += (v[c] - mean) * (v[c] - mean);
    scale = 1.0f / sqrtf(warp_sum(var) / (float)C + TELU_NORM_EPS);
    if (r >= R)
        return;
    for (int c = lane; c < C; c += WARP)
        set(y, (size_t)r * C + c, g[c] * ((v[c] - mean) * scale) + b[c]);
    if (lane == 0) {
        stats[2 * r] = mean;
        stats[2 * r + 1] = scale;
    }
}

/* --- Backward ----------------------------------------------------------- */

/* d out -> d d; sums for the scale and the bias of `down`. */
template <class T>
struct residual_back {
    enum { N = 2 };
    T *dd;
    const float *dy, *bias, *scale;
    const T *d;
    int scale_at, bias_at;
    float b, s;

    __device__ void start(int c)
    {
        b = bias[c];
        s = scale[c];
    }
    __device__ void row(float *sum, int r, int c, int C)
    {
        size_t i = (size_t)r * C + c;
        float g = dy[i], v = s * g;

        sum[0] += g * (get(d, i) + b);
        sum[1] += v;
        set(dd, i, v);
    }
    __device__ int column(int n, int c) { return (n ? bias_at : scale_at) + c; }
};

/* d g -> d h, in place; sum for the bias of `up`. */
template <class T>
struct gelu_back {
    enum { N = 1 };
    T *dh;
    const T *h;
    const float *bias;
    int bias_at;
    float b;

    __device__ void start(int c) { b = bias[c]; }
    __device__ void row(float *sum, int r, int c, int C)
    {
        size_t i = (size_t)r * C + c;
        float x = get(h, i) + b, p = gelu_share(x);
        float du = 0.79788456f * (1.0f + 3.0f * 0.044715f * (x * x));
        float v = get(dh, i) * (p + 2.0f * x * p * (1.0f - p) * du);

        sum[0] += v;
        set(dh, i, v);
    }
    __device__ int column(int, int c) { return bias_at + c; }
};

/* Per row the means that norm_back needs: of dy g, and of dy g n. */
template <class T>
static __global__ void norm_means(float *means, const T *dy, const float *x,
                                  const float *stats, const float *g, int R, int C)
{
    int lane = threadIdx.x % WARP;
    int r = (int)((blockIdx.x * blockDim.x + threadIdx.x) / WARP);
    size_t at = (size_t)(r < R ? r : 0) * C;
    float mean = stats[r < R ? 2 * r : 0], a = 0.0f, an = 0.0f;

    for (int c = lane; c < C; c += WARP) {
        float w = get(dy, at + c) * g[c];

        a += w;
        an += w * (x[at + c] - mean);
    }
    a = warp_sum(a);
    an = warp_sum(an);
    if (lane == 0 && r < R) {
        means[2 * r] = a / (float)C;
        means[2 * r + 1] = an / (float)C * stats[2 * r + 1];
    }
}

template <class T>
struct norm_back {
    enum { N = 2 };
    float *dx;
    const T *dy;
    const float *x, *stats, *means, *gain;
    int gain_at, bias_at;
    float g;

    __device__ void start(int c) { g = gain[c]; }
    __device__ void row(float *sum, int r, int c, int C)
    {
        size_t i = (size_t)r * C + c;
        float scale = stats[2 * r + 1], d = get(dy, i);
        float n = (x[i] - stats[2 * r]) * scale;

        sum[0] += d * n;
        sum[1] += d;
        dx[i] = scale * (d * g - means[2 * r] - n * means[2 * r + 1]);
    }
    __device__ int column(int n, int c) { return (n ? bias_at : gain_at) + c; }
};

/* dx += ..., and the taps and bias of the convolution. */
struct dwconv_back {
    enum { N = MOST_TAPS + 1 };
    float *dx;
    const float *dy, *x, *taps;
    int T, K, taps_at, bias_at;
    float w[MOST_TAPS];

    __device__ void start(int c)
    {
        #pragma unroll
        for (int k = 0; k < MOST_TAPS; k++)
            w[k] = k < K ? taps[(size_t)c * K + k] : 0.0f;
    }
    __device__ void row(float *sum, int r, int c, int C)
    {
        size_t i = (size_t)r * C + c;
        int now = r % T;
        float g = dy[i], s = dx[i];

        #pragma unroll
        for (int k = 0; k < MOST_TAPS; k++) {
            int back = K - 1 - k;

            if (k < K && now + back < T)
                s += w[k] * dy[i + (size_t)back * C];
            if (k < K && now >= back)
                sum[k] += g * x[i - (size_t)back * C];
        }
        sum[MOST_TAPS] += g;
        dx[i] = s;
    }
    __device__ int column(int n, int c)
    {
        return n == MOST_TAPS ? bias_at + c : n < K ? taps_at + c * K + n : -1;
    }
};

/* x as an operand, and its sum for a bias. */
template <class T>
struct operand_back {
    enum { N = 1 };
    T *y;
    const float *x;
    int bias_at;

    __device__ void start(int) { }
    __device__ void row(float *sum, int r, int c, int C)
    {
        size_t i = (size_t)r * C + c;

        sum[0] += x[i];
        set(y, i, x[i]);
    }
    __device__ int column(int, int c) { return bias_at + c; }
};

template <class T>
struct head_back {
    enum { N = 2 };
    T *dv, *ds;
    const float *dy, *v, *s, *vb, *sb;
    int value_at, scale_at;
    float value, scale;

    __device__ void start(int c)
    {
        value = vb[c];
        scale = sb[c];
    }
    __device__ void row(float *sum, int r, int c, int C)
    {
        size_t i = (size_t)r * C + c;
        float x = s[i] + scale, k = x > TELU_HEAD_LEAST ? x : TELU_HEAD_LEAST;
        float e = telu_exp(k < TELU_HEAD_MOST ? k : TELU_HEAD_MOST);
        float g = dy[i], y = (v[i] + value) * e, a = g * e;
        float b = x > TELU_HEAD_LEAST && x < TELU_HEAD_MOST ? g * y : 0.0f;

        sum[0] += a;
        sum[1] += b;
        set(dv, i, a);
        set(ds, i, b);
    }
    __device__ int column(int n, int c) { return (n ? scale_at : value_at) + c; }
};

#endif
