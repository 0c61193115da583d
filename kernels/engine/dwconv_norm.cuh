/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dwconv_norm.cuh - how a block of a live network begins: norm(dwconv(x)), the convolution over
 * the packets of a stream, of which the older ones lie in its ring, see live.h. Taps are
 * added in the CPU's order and sums of the norm as well: the CPU's bits.
 *
 * Of few rows `mixed` hands each to the layer behind, all of whose blocks make it anew, which
 * is sooner done than waiting for another launch. Many have a kernel of their own: mix_fours,
 * where a thread has four channels and asks for all that it needs at once (its norm adds in
 * another order), and mix_rows for sizes that do not allow it.
 */
#ifndef MIX_CUH
#define MIX_CUH

#include "linear.cuh"
#include "live.cuh"
#include "norm.cuh"
#include "product.cuh"

#define MIX_THREADS 128
#define MIX_USUAL   7          /* taps, known when compiled */
#define MIX_WIDE    256        /* threads of a block; one has four channels of 1024 at most */

struct mix {
    struct product_input y;    /* of many rows */
    const float *x;            /* (B, C), as y is */
    const struct telu_row *row;
    int decoder;               /* whose past */
    size_t ring;               /* the block's ring in it, in floats */
    const float *w, *wb;       /* (C, K), (C) */
    const float *g, *b;        /* norm */
    int B, C, K;
};

/* What a thread knows of a row. TAPS: K, or 0: any. */
template <int TAPS>
struct mix_row {
    int K, age, now;           /* now: where x goes in the ring */
    float *ring;               /* NULL: the row idles */

    __device__ mix_row(const struct mix &m, int r)
    {
        const struct telu_row *row = r < m.B ? &m.row[r] : NULL;

        K = TAPS ? TAPS : m.K;
        age = row ? m.decoder ? row->dec_age : row->enc_age : -1;
        ring = age < 0 ? NULL : (m.decoder ? row->dec : row->enc) + m.ring;
        now = age < 0 ? 0 : age % K;
    }

    /* The convolution of channel c. */
    __device__ float at(const struct mix &m, int c, float x) const
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

/* A row of a layer's input. */
struct mix_out {
    struct product_input y;
    size_t r;
    int C;

    __device__ void operator()(int c, float v) const
    {
        y.put(r, C, c, v);
    }
};

/* y = norm(dwconv(x)), and x goes into the ring. EACH as in norm.cuh. Told how many blocks
 * share an SM, ptxas does not spill. */
template <int EACH>
static __global__ void __launch_bounds__(MIX_THREADS, EACH > 20 ? 2 : 4)
mix_rows(struct mix m)
{
    const int C = m.C, j = threadIdx.x % NORM_LANES;
    int r = blockIdx.x * (MIX_THREADS / NORM_LANES) + threadIdx.x / NORM_LANES;
    struct mix_row<0> row(m, r);
    int live = row.ring ? C : 0;           /* all lanes take part in the sums */
    float v[EACH], x[EACH];

    /* Nothing is stored before all has been asked for. */
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
    struct mix_out to = { m.y, (size_t)r, C };

    norm_row<EACH>(to, v, m.g, m.b, j, live, C);
}

/* v of all of a row's threads, which have whole warps, added up; part [warps of a block], not
 * in use by the sum before. All threads of the block come here. */
static __device__ inline float mix_sum(float v, float *part)
{
    const int warps = blockDim.x / 32, first = threadIdx.y * warps;

    for (int by = 16; by > 0; by /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, by);
    if (threadIdx.x % 32 == 0)
        part[first + threadIdx.x / 32] = v;
    __syncthreads();
    v = 0.0f;
    #pragma unroll
    for (int i = 0; i < MIX_WIDE / 32; i++)
        if (i < warps)
            v += part[first + i];
    return v;
}

static __device__ inline float mix_add(float4 v)
{
    return (v.x + v.y) + (v.z + v.w);
}

/* blockDim (threads of a row, rows). */
static __global__ void __launch_bounds__(MIX_WIDE, 4) mix_fours(struct mix m)
{
    __shared__ float part[2][MIX_WIDE / 32];
    const int C = m.C, K = MIX_USUAL, q = threadIdx.x;
    int r = blockIdx.x * blockDim.y + threadIdx.y;
    struct mix_row<MIX_USUAL> row(m, r);
    int live = row.ring && 4 * q < C;
    float4 x = {}, past[MIX_USUAL - 1], w[MIX_USUAL], v = {}, g = {}, b = {};

    if (live) {
        x = reinterpret_cast<const float4 *>(m.x + (size_t)r * C)[q];
        v = reinterpret_cast<const float4 *>(m.wb)[q];
        g = reinterpret_cast<const float4 *>(m.g)[q];
        b = reinterpret_cast<const float4 *>(m.b)[q];
        #pragma unroll
        for (int k = 0; k < K; k++)        /* those of four channels lie together */
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
    float mean = mix_sum(mix_add(v), part[0]) / (float)C;

    v = live ? make_float4(v.x - mean, v.y - mean, v.z - mean, v.w - mean) : v;
    float scale = 1.0f / sqrtf(mix_sum(mix_add(make_float4(v.x * v.x, v.y * v.y, v.z * v.z,
                                                           v.w * v.w)), part[1]) /
                               (float)C + TELU_NORM_EPS);

    if (live)
        m.y.put4((size_t)r, C, q, make_float4(g.x * (v.x * scale) + b.x,
                                              g.y * (v.y * scale) + b.y,
                                              g.z * (v.z * scale) + b.z,
                                              g.w * (v.w * scale) + b.w));
}

/* 1 when every row, weight and past lies at a multiple of four floats. */
static inline int mix_is_of_fours(const struct telu_config *c, const struct mix *m)
{
    return m->K == MIX_USUAL && m->C % 4 == 0 && c->enc_width % 4 == 0 && c->latent % 4 == 0 &&
           each_aligned(m->y.p, m->x, m->w, m->wb) && each_aligned(m->g, m->b);
}

static inline int mix_run(struct telu_ctx *ctx, const struct mix *m,
                          const struct telu_config *c)
{
    static const struct {
        int each;
        void (*kernel)(struct mix);
    } sizes[] = {
        { 4, mix_rows<4> }, { 8, mix_rows<8> }, { 16, mix_rows<16> }, { 32, mix_rows<32> },
        { 64, mix_rows<64> },
    };
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    unsigned rows = MIX_THREADS / NORM_LANES;
    int i = 0;

    if (!cuda)
        return -1;
    if (mix_is_of_fours(c, m)) {
        dim3 block((m->C / 4 + 31) / 32 * 32);

        block.y = MIX_WIDE / block.x;
        TELU_LAUNCH(mix_fours, (m->B + block.y - 1) / block.y, block, 0, cuda->stream, *m);
        return telu_cuda_launched("convolution and norm");
    }
    while (sizes[i].each * NORM_LANES < m->C)
        i++;
    TELU_LAUNCH(sizes[i].kernel, (m->B + rows - 1) / rows, MIX_THREADS, 0, cuda->stream, *m);
    return telu_cuda_launched("convolution and norm");
}

/* --- Few rows ------------------------------------------------------------------------ */

#define MIX_EACH (TELU_MAX_WIDTH / FEW_THREADS)    /* channels of a thread, at most */

struct mix_room {
    float v[TELU_MAX_WIDTH];
    float mean, scale;
};

/* What linear.cuh takes for a row. */
template <int TAPS>
struct mixed {
    const struct mix &m;
    struct mix_room *scratch;

    /* By sixteen lanes, in the order of norm.cuh. */
    __device__ void measure(int j) const
    {
        float part = 0.0f, mean;

        #pragma unroll 20
        for (int c = j; c < m.C; c += NORM_LANES)
            part += scratch->v[c];
        mean = norm_sum(part) / (float)m.C;
        part = 0.0f;
        #pragma unroll 20
        for (int c = j; c < m.C; c += NORM_LANES) {
            float d = scratch->v[c] - mean;

            part += d * d;
        }
        part = norm_sum(part);
        if (threadIdx.x == 0) {
            scratch->mean = mean;
            scratch->scale = 1.0f / sqrtf(part / (float)m.C + TELU_NORM_EPS);
        }
    }

    __device__ void begin()
    {
        const int t = threadIdx.x;
        struct mix_row<TAPS> row(m, blockIdx.y);
        int live = row.ring ? m.C : 0;
        float g[MIX_EACH], b[MIX_EACH], x[MIX_EACH];

        /* Nothing is stored before all has been asked for. */
        #pragma unroll
        for (int i = 0; i < MIX_EACH; i++) {
            int c = t + i * FEW_THREADS;

            if (c < m.C) {
                g[i] = m.g[c];
                b[i] = m.b[c];
                x[i] = m.x[(size_t)blockIdx.y * m.C + c];
                scratch->v[c] = c < live ? row.at(m, c, x[i]) : 0.0f;
            }
        }
        /* One of the blocks of a row puts it into the ring. */
        #pragma unroll
        for (int i = 0; i < MIX_EACH; i++)
            if (blockIdx.x == 0 && t + i * FEW_THREADS < live)
                row.ring[(size_t)row.now * m.C + t + i * FEW_THREADS] = x[i];
        __syncthreads();
        if (t < FEW_LANES)
            measure(t % NORM_LANES);
        __syncthreads();
        #pragma unroll
        for (int i = 0; i < MIX_EACH; i++) {
            int c = t + i * FEW_THREADS;

            if (c < m.C)
                scratch->v[c] = g[i] * ((scratch->v[c] - scratch->mean) * scratch->scale) + b[i];
        }
        __syncthreads();
    }

    __device__ float value(int, int i) const
    {
        return i < m.C ? scratch->v[i] : 0.0f;
    }

    __device__ void after(int, int) { }
};

template <int TAPS, class Out>
static __global__ void __launch_bounds__(FEW_THREADS)
mix_layer(struct mix m, Out out, const uint32_t *w, const float *b, int O)
{
    __shared__ __align__(16) struct few_room scratch;
    __shared__ struct mix_room mixes;
    struct mixed<TAPS> x = { m, &mixes };

    linear16_row(x, out, &scratch, w, b, m.C, O);
}

/* out(norm(dwconv(x)) w^T + b), and x goes into the ring. B <= FEW_ROWS. */
template <class Out>
static int mix_layer_launch(const struct telu_cuda *cuda, const struct mix *m, Out out,
                            const struct telu_linear16 *w, const char *what)
{
    void (*kernel)(struct mix, Out, const uint32_t *, const float *, int) =
        m->K == MIX_USUAL ? mix_layer<MIX_USUAL, Out> : mix_layer<0, Out>;

    TELU_LAUNCH(kernel, few_grid(m->B, w->O), FEW_THREADS, 0, cuda->stream, *m, out, w->w,
                w->b, w->O);
    return telu_cuda_launched(what);
}

#endif
