/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv.cu - see dwconv.h. Taps are added in the CPU's order, without those before the beginning,
 * which gives the CPU's bits.
 *
 * Three kernels: one packet with a history, many packets without one, and any shape. The first
 * two keep a channel's taps in registers and require 7 taps and whole float4.
 */
#include "dwconv.h"

#include "elementwise.cuh"

#define THREADS 256
#define TAPS    7
#define MAX_BLOCKS (132 * 8)      /* of a loop over items: a few waves */

struct taps {
    float w[4][TAPS], b[4];
};

static __device__ inline struct taps load_taps(const float *w, const float *b, int c4)
{
    struct taps k;
    float all[4 * TAPS];

    #pragma unroll
    for (int i = 0; i < TAPS; i++)
        *reinterpret_cast<float4 *>(all + 4 * i) = load_float4(w, c4 * TAPS + i);
    #pragma unroll
    for (int i = 0; i < 4 * TAPS; i++)
        k.w[i / TAPS][i % TAPS] = all[i];
    float4 bias = load_float4(b, c4);

    k.b[0] = bias.x;
    k.b[1] = bias.y;
    k.b[2] = bias.z;
    k.b[3] = bias.w;
    return k;
}

static __device__ inline void add_tap(float4 *y, const struct taps &k, int i, float4 v)
{
    y->x += k.w[0][i] * v.x;
    y->y += k.w[1][i] * v.y;
    y->z += k.w[2][i] * v.z;
    y->w += k.w[3][i] * v.w;
}

/* One packet per stream: C4 threads per stream, which loop over streams in steps of `streams`. */
static __global__ void __launch_bounds__(THREADS)
dwconv_live(float *y, const float *x, float *hist, const float *w, const float *b, int B,
            int C4, int streams)
{
    unsigned i = blockIdx.x * THREADS + threadIdx.x;
    int c4 = i % C4, s = i / C4;

    if (s >= streams)
        return;
    struct taps k = load_taps(w, b, c4);

    for (; s < B; s += streams) {
        float *h = hist + (size_t)s * (TAPS - 1) * C4 * 4;
        float4 v[TAPS], sum = make_float4(k.b[0], k.b[1], k.b[2], k.b[3]);

        #pragma unroll
        for (int j = 0; j < TAPS - 1; j++)
            v[j] = load_float4(h, j * C4 + c4);
        v[TAPS - 1] = load_float4(x + (size_t)s * C4 * 4, c4);
        #pragma unroll
        for (int j = 0; j < TAPS; j++)
            add_tap(&sum, k, j, v[j]);
        #pragma unroll
        for (int j = 0; j < TAPS - 1; j++)
            store_float4(h, j * C4 + c4, v[j + 1]);
        store_float4(y + (size_t)s * C4 * 4, c4, sum);
    }
}

/* Convolves packets t .. t + 6 of a segment, up to `end`; v holds the six packets before, next
 * holds these. WHOLE: no tap lies before the beginning. */
template <int WHOLE>
static __device__ inline void seven(float *out, float4 (&v)[TAPS],
                                    const float4 (&next)[TAPS], const struct taps &k,
                                    int t, int end, int C4)
{
    #pragma unroll
    for (int u = 0; u < TAPS; u++) {
        float4 sum = make_float4(k.b[0], k.b[1], k.b[2], k.b[3]);

        v[(u + TAPS - 1) % TAPS] = next[u];
        #pragma unroll
        for (int j = 0; j < TAPS; j++)
            if (WHOLE || t + u - (TAPS - 1) + j >= 0)
                add_tap(&sum, k, j, v[(u + j) % TAPS]);
        if (t + u < end)
            store_float4(out, (t + u) * C4, sum);
    }
}

/* Many packets without history; an item is `length` packets of a segment. Seven packets are loaded
 * before the first sum, which hides the latency of memory. */
static __global__ void __launch_bounds__(THREADS, 2)
dwconv_batch(float *__restrict__ y, const float *__restrict__ x,
             const float *__restrict__ w, const float *__restrict__ b, int B, int T,
             int C4, int length, int lanes)
{
    const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    unsigned i = blockIdx.x * THREADS + threadIdx.x;
    int c4 = i % C4, each = (T + length - 1) / length;

    if ((int)(i / C4) >= lanes)
        return;
    struct taps k = load_taps(w, b, c4);

    for (int item = i / C4; item < B * each; item += lanes) {
        size_t at = ((size_t)(item / each) * T * C4 + c4) * 4;
        int from = item % each * length, end = min(from + length, T);
        float4 v[TAPS], next[TAPS];

        #pragma unroll
        for (int j = 0; j < TAPS - 1; j++) {
            int before = from - (TAPS - 1) + j;

            v[j] = before >= 0 ? load_float4(x + at, before * C4) : zero;
        }
        for (int t = from; t < end; t += TAPS) {
            /* beyond the end the last packet is read again */
            #pragma unroll
            for (int u = 0; u < TAPS; u++)
                next[u] = load_float4(x + at, min(t + u, end - 1) * C4);
            if (t >= TAPS - 1)
                seven<1>(y + at, v, next, k, t, end, C4);
            else
                seven<0>(y + at, v, next, k, t, end, C4);
        }
    }
}

static __global__ void dwconv_any(float *y, const float *x, const float *hist,
                                  const float *w, const float *b, size_t n, int T, int C,
                                  int K)
{
    size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;

    if (i >= n)
        return;
    int c = (int)(i % C), t = (int)(i / C % T), item = (int)(i / C / T);
    float sum = b[c];

    for (int k = 0; k < K; k++) {
        int from = t - (K - 1) + k;

        if (from >= 0)
            sum += w[(size_t)c * K + k] * x[((size_t)item * T + from) * C + c];
        else if (hist)
            sum += w[(size_t)c * K + k] *
                   hist[((size_t)item * (K - 1) + from + K - 1) * C + c];
    }
    y[i] = sum;
}

/* Rows move only towards the front, so the loop may run in place. */
static __global__ void update_history(float *hist, const float *x, int B, int T, int C, int K)
{
    size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;
    size_t item = i / C, c = i % C;

    if (item >= (size_t)B)
        return;
    float *h = hist + item * (K - 1) * C + c;

    x += item * T * C + c;
    for (int j = 0; j < K - 1; j++)
        h[(size_t)j * C] = T + j < K - 1 ? h[(size_t)(T + j) * C] :
                                           x[(size_t)(T + j - (K - 1)) * C];
}

static unsigned blocks(size_t threads)
{
    return (unsigned)((threads + THREADS - 1) / THREADS);
}

static int lesser(size_t a, size_t b)
{
    return (int)(a < b ? a : b);
}

int telu_dwconv_cuda(struct telu_ctx *ctx, float *y, const float *x, float *hist,
                     const float *w, const float *b, int B, int T, int C, int K)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const char *what = "dwconv";
    int usual = K == TAPS && C % 4 == 0 && float4_aligned(y, x, hist, w, b);
    int C4 = C / 4, most = usual ? (MAX_BLOCKS * THREADS + C4 - 1) / C4 : 0;
    size_t n = (size_t)B * T * C;

    if (!cuda)
        return -1;
    if (usual && hist && T == 1) {
        int streams = lesser(most, B);

        TELU_LAUNCH(dwconv_live, blocks((size_t)streams * C4), THREADS, 0, cuda->stream,
                    y, x, hist, w, b, B, C4, streams);
        return telu_cuda_launched(what);
    }
    if (usual && !hist) {
        /* Longer items read fewer packets twice; shorter ones make more threads. */
        int length = (size_t)B * T * C4 / 25 > 132 * 1024 ? 25 : 8;
        int lanes = lesser(most, (size_t)B * ((T + length - 1) / length));

        TELU_LAUNCH(dwconv_batch, blocks((size_t)lanes * C4), THREADS, 0, cuda->stream,
                    y, x, w, b, B, T, C4, length, lanes);
        return telu_cuda_launched(what);
    }
    TELU_LAUNCH(dwconv_any, blocks(n), THREADS, 0, cuda->stream, y, x, (const float *)hist,
                w, b, n, T, C, K);
    if (telu_cuda_launched(what) || !hist || K < 2)
        return telu_cuda_launched(what);
    TELU_LAUNCH(update_history, blocks((size_t)B * C), THREADS, 0, cuda->stream, hist, x, B, T,
                C, K);
    return telu_cuda_launched(what);
}

/* One packet of one stream, with transposed weights: a thread per channel. */
static __global__ void dwconv_transposed(float *y, const float *x, float *hist, const float *w,
                                         const float *b, int C, int K)
{
    int c = (int)(blockIdx.x * THREADS + threadIdx.x);

    if (c >= C)
        return;
    float sum = b[c];

    for (int k = 0; k < K; k++) {
        float row = k < K - 1 ? hist[(size_t)k * C + c] : x[c];

        sum += w[(size_t)k * C + c] * row;
        if (k > 0)
            hist[(size_t)(k - 1) * C + c] = row;
    }
    y[c] = sum;
}

/* The engine's streams have kernels of their own. */
int telu_dwconv_live_cuda(struct telu_ctx *ctx, float *y, const float *x, float *const *hist,
                          const float *w, const float *b, int R, int C, int K)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    for (int r = 0; r < R; r++, x += C, y += C) {
        TELU_LAUNCH(dwconv_transposed, blocks(C), THREADS, 0, cuda->stream, y, x, hist[r], w, b, C,
                    K);
        if (telu_cuda_launched("dwconv of live streams"))
            return -1;
    }
    return 0;
}
