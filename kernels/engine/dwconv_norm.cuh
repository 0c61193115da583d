/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_norm.cuh - begins a block of a live network: norm(dwconv(x)) over a stream's packets, the
 * older of which lie in the ring of its slot, see live.h. Taps and sums follow the CPU's order
 * and give its bits.
 *
 * Small batches fuse the two into the next layer: dwnorm_input computes the row again in each
 * of its blocks, which takes less time than another launch. Large batches have kernels of
 * their own, which quantise the result for a product: dwnorm_float4, four channels per thread,
 * and dwnorm_rows for all other sizes.
 */
#ifndef DWCONV_NORM_CUH
#define DWCONV_NORM_CUH

#include "linear8.cuh"
#include "live.cuh"
#include "norm.cuh"
#include "product.cuh"

#define DWNORM_THREADS 128
#define DWNORM_TAPS    7       /* taps that kernels are compiled for */
#define DWNORM_BLOCK   256     /* threads per block, four channels each, 1024 at most */

enum dwnorm_history { DWNORM_ENCODER, DWNORM_DECODER, DWNORM_POSTNET };

struct dwnorm {
    struct product_input y;    /* output of large batches */
    const float *x;            /* (B, C), like y */
    const struct telu_row *row;
    enum dwnorm_history whose;
    size_t ring;               /* offset of the block's ring in the history, in floats */
    const float *w, *wb;       /* (C, K), (C) */
    const float *g, *b;        /* norm */
    int B, C, K;
};

/* A row's ring and position. TAPS: K, or 0 for any K. */
template <int TAPS>
struct dwnorm_row {
    int K, age, now;           /* now: ring row of x */
    float *ring;               /* NULL: the row is idle */

    __device__ dwnorm_row(const struct dwnorm &m, int r)
    {
        const struct telu_row *row = r < m.B ? &m.row[r] : NULL;

        K = TAPS ? TAPS : m.K;
        age = !row ? -1 : m.whose == DWNORM_ENCODER ? row->enc_age
                        : m.whose == DWNORM_DECODER ? row->dec_age : row->post_age;
        ring = age < 0 ? NULL : (m.whose == DWNORM_ENCODER ? row->enc
                               : m.whose == DWNORM_DECODER ? row->dec : row->post) + m.ring;
        now = age < 0 ? 0 : age % K;
    }

    /* The convolution of channel c. */
    __device__ float at(const struct dwnorm &m, int c, float x) const
    {
        const float *w = m.w + (size_t)c * K;
        float sum = m.wb[c];

        #pragma unroll
        for (int k = 0; k < K - 1; k++) {
            int from = now + k + 1 < K ? now + k + 1 : now + k + 1 - K;

            if (k >= K - 1 - age)
                sum += w[k] * ring[(size_t)from * m.C + c];
        }
        return sum + w[K - 1] * x;
    }
};

/* y = norm(dwconv(x)); stores x in the ring. EACH: see norm.cuh. The number of blocks per SM keeps
 * ptxas from spilling. */
template <int EACH>
static __global__ void __launch_bounds__(DWNORM_THREADS, EACH > 20 ? 2 : 4)
dwnorm_rows(struct dwnorm m)
{
    const int C = m.C, j = threadIdx.x % NORM_LANES;
    int r = blockIdx.x * (DWNORM_THREADS / NORM_LANES) + threadIdx.x / NORM_LANES;
    struct dwnorm_row<0> row(m, r);
    int live = row.ring ? C : 0;           /* idle lanes take part in the sums */
    float v[EACH], x[EACH];
    uint32_t most = 0;

    /* All loads are issued before the first store. */
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * NORM_LANES + j;

        v[i] = x[i] = 0.0f;
        if (c < live) {
            x[i] = m.x[(size_t)r * C + c];
            v[i] = row.at(m, c, x[i]);
        }
    }
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        if (i * NORM_LANES + j < live)
            row.ring[(size_t)row.now * C + i * NORM_LANES + j] = x[i];
    struct norm_scale norm = norm_measure<EACH>(v, j, live, C);

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * NORM_LANES + j;

        if (c < live)
            v[i] = norm(v[i], m.g[c], m.b[c]);
        most = max(most, linear8_magnitude(v[i]));
    }
    const struct linear8_scale scale = linear8_scale_of(linear8_warp_max(most, NORM_LANES));

    if (r >= m.B)
        return;
    if (j == 0)
        m.y.unit[r] = scale.unit;
    #pragma unroll
    for (int i = 0; i < EACH; i++)         /* an idle row is zeros */
        if (i * NORM_LANES + j < C)
            m.y.put((size_t)r, C, i * NORM_LANES + j,
                    linear8_quantised(v[i], scale.most, scale.inverse));
}

/* Rows of a block in shared memory. A row begins 16 banks after the one before, since sixteen lanes
 * of a warp add one row and sixteen the next. */
struct dwnorm_rows_shared {
    __align__(16) float v[4 * DWNORM_BLOCK + DWNORM_BLOCK / 32 * NORM_LANES];
    struct norm_scale norm[DWNORM_BLOCK / 32];
    uint32_t most[DWNORM_BLOCK / 32];
};

/* blockDim: (threads per row, rows). A thread issues the loads of its four channels at once. */
static __global__ void __launch_bounds__(DWNORM_BLOCK, 4) dwnorm_float4(struct dwnorm m)
{
    __shared__ struct dwnorm_rows_shared s;
    const int C = m.C, K = DWNORM_TAPS, q = threadIdx.x, y = threadIdx.y;
    const int each = 4 * blockDim.x + NORM_LANES, warps = blockDim.x / 32;
    int t = y * blockDim.x + q, r = blockIdx.x * blockDim.y + y;
    struct dwnorm_row<DWNORM_TAPS> row(m, r);
    int live = row.ring && 4 * q < C;
    float4 x = {}, past[DWNORM_TAPS - 1], w[DWNORM_TAPS], v = {}, g = {}, b = {};

    if (live) {
        x = reinterpret_cast<const float4 *>(m.x + (size_t)r * C)[q];
        v = reinterpret_cast<const float4 *>(m.wb)[q];
        g = reinterpret_cast<const float4 *>(m.g)[q];
        b = reinterpret_cast<const float4 *>(m.b)[q];
        #pragma unroll
        for (int k = 0; k < K; k++)        /* the taps of four channels are adjacent */
            w[k] = reinterpret_cast<const float4 *>(m.w)[K * q + k];
        #pragma unroll
        for (int k = 0; k < K - 1; k++) {
            int from = row.now + k + 1 < K ? row.now + k + 1 : row.now + k + 1 - K;

            past[k] = k >= K - 1 - row.age
                ? reinterpret_cast<const float4 *>(row.ring + (size_t)from * C)[q]
                : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
        const float *flat = &w[0].x;

        #pragma unroll
        for (int k = 0; k < K; k++) {
            float4 p = k < K - 1 ? past[k] : x;

            v.x += flat[k] * p.x;
            v.y += flat[K + k] * p.y;
            v.z += flat[2 * K + k] * p.z;
            v.w += flat[3 * K + k] * p.w;
        }
        reinterpret_cast<float4 *>(row.ring + (size_t)row.now * C)[q] = x;
    }
    store_float4(s.v + y * each, q, v);
    __syncthreads();
    /* Whole warps add; lanes beyond the last row repeat it. */
    if (t < ((int)blockDim.y + 1) / 2 * 32) {
        int sub = min(t / NORM_LANES, (int)blockDim.y - 1);
        struct norm_scale norm = norm_measure_shared(s.v + sub * each, t % NORM_LANES, C);

        if (t % NORM_LANES == 0 && t / NORM_LANES == sub)
            s.norm[sub] = norm;
    }
    __syncthreads();
    if (live)
        v = make_float4(s.norm[y](v.x, g.x, b.x), s.norm[y](v.y, g.y, b.y),
                        s.norm[y](v.z, g.z, b.z), s.norm[y](v.w, g.w, b.w));
    uint32_t most = linear8_warp_max(product_largest(v));

    if (warps > 1) {
        if (q % 32 == 0)
            s.most[y * warps + q / 32] = most;
        __syncthreads();
        for (int i = 0; i < warps; i++)
            most = max(most, s.most[y * warps + i]);
    }
    const struct linear8_scale scale = linear8_scale_of(most);

    if (r >= m.B || 4 * q >= C)
        return;
    if (q == 0)
        m.y.unit[r] = scale.unit;
    m.y.put4((size_t)r, C, q, v, scale);   /* an idle row is zeros */
}

/* 1: every row, weight and history is aligned to four floats. */
static inline int dwnorm_is_float4(const struct telu_config *c, const struct dwnorm *m)
{
    return m->K == DWNORM_TAPS && m->C % 4 == 0 && c->enc_width % 4 == 0 && c->latent % 4 == 0 &&
           float4_aligned(m->y.x, m->x, m->w, m->wb) && float4_aligned(m->g, m->b);
}

static inline int dwnorm_run(struct telu_ctx *ctx, const struct dwnorm *m,
                             const struct telu_config *c)
{
    static const struct {
        int each;
        void (*kernel)(struct dwnorm);
    } sizes[] = {
        { 4, dwnorm_rows<4> }, { 8, dwnorm_rows<8> }, { 16, dwnorm_rows<16> },
        { 32, dwnorm_rows<32> }, { 64, dwnorm_rows<64> },
    };
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    unsigned rows = DWNORM_THREADS / NORM_LANES;
    int i = 0;

    if (!cuda)
        return -1;
    if (dwnorm_is_float4(c, m)) {
        dim3 block((m->C / 4 + 31) / 32 * 32);

        block.y = DWNORM_BLOCK / block.x;
        TELU_LAUNCH(dwnorm_float4, (m->B + block.y - 1) / block.y, block, 0, cuda->stream, *m);
        return telu_cuda_launched("convolution and norm");
    }
    while (sizes[i].each * NORM_LANES < m->C)
        i++;
    TELU_LAUNCH(sizes[i].kernel, (m->B + rows - 1) / rows, DWNORM_THREADS, 0, cuda->stream, *m);
    return telu_cuda_launched("convolution and norm");
}

/* --- Small batches ------------------------------------------------------------------- */

#define DWNORM_EACH (TELU_MAX_WIDTH / LINEAR8_THREADS) /* channels per thread, at most */

struct dwnorm_scratch {
    float v[TELU_MAX_WIDTH];
    struct norm_scale norm;
};

/* Row input of linear8_row(), see linear8.cuh. */
template <int TAPS>
struct dwnorm_input {
    const struct dwnorm &m;
    struct dwnorm_scratch *scratch;

    __device__ void operator()(float *v) const
    {
        const int t = threadIdx.x;
        struct dwnorm_row<TAPS> row(m, blockIdx.y);
        int live = row.ring ? m.C : 0;
        float g[DWNORM_EACH], b[DWNORM_EACH], x[DWNORM_EACH];

        /* All loads are issued before the first store. */
        #pragma unroll
        for (int i = 0; i < DWNORM_EACH; i++) {
            int c = t + i * LINEAR8_THREADS;

            v[i] = 0.0f;
            if (c < m.C) {
                g[i] = m.g[c];
                b[i] = m.b[c];
                x[i] = m.x[(size_t)blockIdx.y * m.C + c];
                v[i] = c < live ? row.at(m, c, x[i]) : 0.0f;
                scratch->v[c] = v[i];
            }
        }
        /* Only the first block of a row stores it in the ring. */
        #pragma unroll
        for (int i = 0; i < DWNORM_EACH; i++)
            if (blockIdx.x == 0 && t + i * LINEAR8_THREADS < live)
                row.ring[(size_t)row.now * m.C + t + i * LINEAR8_THREADS] = x[i];
        __syncthreads();
        if (t < 32) {
            struct norm_scale norm = norm_measure_shared(scratch->v, t % NORM_LANES, m.C);

            if (t == 0)
                scratch->norm = norm;
        }
        __syncthreads();
        #pragma unroll
        for (int i = 0; i < DWNORM_EACH; i++)
            if (t + i * LINEAR8_THREADS < m.C)
                v[i] = scratch->norm(v[i], g[i], b[i]);
    }
};

template <int TAPS, class Out>
static __global__ void __launch_bounds__(LINEAR8_THREADS)
dwnorm_layer(struct dwnorm m, Out out, const int8_t *w, const float *s, const float *b, int O)
{
    __shared__ struct linear8_scratch<DWNORM_EACH> scratch;
    __shared__ struct dwnorm_scratch norms;
    struct dwnorm_input<TAPS> x = { m, &norms };

    linear8_row<DWNORM_EACH>(x, out, &scratch, w, s, b, m.C, O);
}

/* out(layer(norm(dwconv(x)))); stores x in the ring. B <= TELU_SMALL_PRODUCTS. */
template <class Out>
static int dwnorm_layer_launch(const struct telu_cuda *cuda, const struct dwnorm *m, Out out,
                               const struct telu_linear8 *w, const char *what)
{
    void (*kernel)(struct dwnorm, Out, const int8_t *, const float *, const float *, int) =
        m->K == DWNORM_TAPS ? dwnorm_layer<DWNORM_TAPS, Out> : dwnorm_layer<0, Out>;

    TELU_LAUNCH(kernel, linear8_grid(m->B, w->O), LINEAR8_THREADS, 0, cuda->stream, *m, out, w->w,
                w->s, w->b, w->O);
    return telu_cuda_launched(what);
}

#endif
