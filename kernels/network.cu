/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.cu - encoder and decoder network for a batch of live streams, whose pasts are
 * rings in their slots, see live.h; the diagrams stand in network.c, encoder.c, decoder.c.
 *
 * Few rows wait for the weights and for launches: the weights are read packed, a layer
 * also does what comes after it, and the sums are the CPU's, bit for bit. Many rows are
 * cuBLAS's, in float32; the biases are then added by what comes next, so that no array is
 * gone through for their sake.
 */
#include "live.cuh"

#include "compand.h"
#include "each.cuh"
#include "gelu.cuh"
#include "head.cuh"
#include "linear.cuh"
#include "linear.h"
#include "norm.cuh"

#define THREADS 128
#define USUAL   7              /* taps, known when compiled */

/* --- Depthwise convolution and norm ------------------------------------------- */

struct mix {
    float *y;
    const float *x;            /* (B, C) both */
    const struct telu_row *row;
    int decoder;               /* whose past */
    size_t ring;               /* the block's ring in it, in floats */
    const float *w, *wb;       /* (C, K), (C) */
    const float *g, *b;        /* norm */
    int B, C, K;
};

/* y = norm(dwconv(x)), and x goes into the ring. EACH as in norm.cuh; TAPS: the kernel,
 * 0: any. Told how many blocks share an SM, ptxas does not spill. */
template <int EACH, int TAPS>
static __global__ void __launch_bounds__(THREADS, EACH > 20 ? 2 : 4) mix_rows(struct mix m)
{
    const int K = TAPS ? TAPS : m.K, P = K - 1, C = m.C;
    int j = threadIdx.x % NORM_LANES;
    int r = blockIdx.x * (THREADS / NORM_LANES) + threadIdx.x / NORM_LANES;
    const struct telu_row *row = r < m.B ? &m.row[r] : NULL;
    int age = row ? m.decoder ? row->dec_age : row->enc_age : -1;
    int live = age < 0 ? 0 : C;            /* all lanes take part in the sums */
    int now = P > 0 && live ? age % P : 0; /* where the oldest lies and x will */
    float *ring = live ? (m.decoder ? row->dec : row->enc) + m.ring : NULL;
    float v[EACH], x[EACH];

    /* Nothing is stored before all has been asked for. */
    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * NORM_LANES + j;

        v[i] = x[i] = 0.0f;
        if (c < live) {
            const float *w = m.w + (size_t)c * K;
            float sum = m.wb[c];

            x[i] = m.x[(size_t)r * C + c];
            #pragma unroll
            for (int k = 0; k < P; k++) {
                int at = now + k < P ? now + k : now + k - P;

                if (k >= P - age)
                    sum += w[k] * ring[(size_t)at * C + c];
            }
            v[i] = sum + w[P] * x[i];
        }
    }
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        if (P > 0 && i * NORM_LANES + j < live)
            ring[(size_t)now * C + i * NORM_LANES + j] = x[i];
    norm_row<EACH>(m.y + (size_t)r * C, v, m.g, m.b, j, live, C);
}

static int run_mix(struct telu_ctx *ctx, const struct mix *m)
{
    static const struct {
        int each;
        void (*usual)(struct mix), (*any)(struct mix);
    } sizes[] = {
        { 4, mix_rows<4, USUAL>, mix_rows<4, 0> }, { 8, mix_rows<8, USUAL>, mix_rows<8, 0> },
        { 16, mix_rows<16, USUAL>, mix_rows<16, 0> },
        { 20, mix_rows<20, USUAL>, mix_rows<32, 0> },
        { 32, mix_rows<32, USUAL>, mix_rows<32, 0> },
        { 64, mix_rows<64, 0>, mix_rows<64, 0> },
    };
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    unsigned rows = THREADS / NORM_LANES;
    int i = 0;

    if (!cuda)
        return -1;
    while (sizes[i].each * NORM_LANES < m->C)
        i++;
    void (*kernel)(struct mix) = m->K == USUAL ? sizes[i].usual : sizes[i].any;

    TELU_LAUNCH(kernel, (m->B + rows - 1) / rows, THREADS, 0, cuda->stream, *m);
    return telu_cuda_launched("convolution and norm");
}

/* --- Layers ---------------------------------------------------------------------- */

/* gelu(v) to h */
struct activated {
    float *h;
    int C;

    __device__ void operator()(int r, int c, float v) const
    {
        h[(size_t)r * C + c] = gelu(v);
    }
};

/* a += s v */
struct joined {
    float *a;
    const float *s;
    int C;

    __device__ void operator()(int r, int c, float v) const
    {
        a[(size_t)r * C + c] = a[(size_t)r * C + c] + s[c] * v;
    }
};

/* y = head(v, s) */
struct headed {
    float *y;
    const float *s;
    int C;

    __device__ void operator()(int r, int c, float v) const
    {
        y[(size_t)r * C + c] = head(v, s[(size_t)r * C + c]);
    }
};

/* The same of many rows, with the biases. h = gelu(h + bias) */
struct activate {
    float *h;
    const float *bias;
    unsigned C;                /* or a quarter of it */

    __device__ void run(unsigned i) const
    {
        h[i] = gelu(h[i] + bias[i % C]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = each_load(h, i), b = each_load(bias, i % C);

        each_store(h, i, make_float4(gelu(v.x + b.x), gelu(v.y + b.y), gelu(v.z + b.z),
                                     gelu(v.w + b.w)));
    }
};

/* a += s (b + bias) */
struct join {
    float *a;
    const float *b, *bias, *s;
    unsigned C;

    __device__ void run(unsigned i) const
    {
        a[i] = a[i] + s[i % C] * (b[i] + bias[i % C]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = each_load(a, i), w = each_load(b, i), t = each_load(bias, i % C);
        float4 k = each_load(s, i % C);

        each_store(a, i, make_float4(v.x + k.x * (w.x + t.x), v.y + k.y * (w.y + t.y),
                                     v.z + k.z * (w.z + t.z), v.w + k.w * (w.w + t.w)));
    }
};

static const float *wide(const struct telu_live *l, const struct telu_linear16 *w)
{
    return live_wide(w, l->packed, l->wide);
}

static int layer(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_linear16 *w, float *y, const float *x, int B)
{
    if (B <= FEW_ROWS)
        return telu_linear16_cuda(ctx, y, x, w->w, w->b, B, w->I, w->O);
    return telu_linear_cuda(ctx, y, x, wide(l, w), w->b, B, w->I, w->O);
}

/* h = gelu(up(b)); a += scale down(h) */
static int inner_few(const struct telu_cuda *cuda, const struct telu_live *l,
                     const struct telu_block *w, int B)
{
    const struct telu_linear16 *up = &w->up, *down = &w->down;
    struct activated h = { l->h, up->O };
    struct joined a = { l->a, w->scale, down->O };

    if (linear16_launch(cuda, h, l->b, up->w, up->b, B, up->I, up->O, "up"))
        return -1;
    return linear16_launch(cuda, a, l->h, down->w, down->b, B, down->I, down->O, "down");
}

static int inner_many(struct telu_ctx *ctx, const struct telu_live *l,
                      const struct telu_block *w, int B)
{
    const struct telu_linear16 *up = &w->up, *down = &w->down;
    int H = up->O, C = down->O, fours = H % 4 == 0 && each_aligned(l->h, up->b);
    struct activate act = { l->h, up->b, (unsigned)(fours ? H / 4 : H) };

    if (telu_linear_cuda(ctx, l->h, l->b, wide(l, up), NULL, B, up->I, H) ||
        each_run(ctx, act, (size_t)B * H, fours, "activation") ||
        telu_linear_cuda(ctx, l->b, l->h, wide(l, down), NULL, B, down->I, C))
        return -1;
    fours = C % 4 == 0 && each_aligned(l->a, l->b, down->b, w->scale);
    struct join join = { l->a, l->b, down->b, w->scale, (unsigned)(fours ? C / 4 : C) };

    return each_run(ctx, join, (size_t)B * C, fours, "residual");
}

static int block(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_block *w, int decoder, int i, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    const int C = w->down.O, K = l->m->cfg.kernel;
    size_t ring = (size_t)i * (K - 1) * C;
    struct mix m = { l->b, l->a, l->row, decoder, ring, w->dw, w->dwb, w->g, w->nb, B, C,
                     K };

    if (!cuda || run_mix(ctx, &m))
        return -1;
    return B <= FEW_ROWS ? inner_few(cuda, l, w, B) : inner_many(ctx, l, w, B);
}

/* --- Networks --------------------------------------------------------------------- */

int telu_live_encoder(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_model *m = l->m;

    if (telu_compand_cuda(ctx, l->h, l->c, B) ||
        layer(ctx, l, &m->enc_in, l->a, l->h, B))
        return -1;
    for (int i = 0; i < m->cfg.enc_blocks; i++)
        if (block(ctx, l, &m->enc[i], 0, i, B))
            return -1;
    return layer(ctx, l, &m->enc_out, l->latent, l->a, B);
}

/* base = head(value(a), h), where the scales are */
static int value(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_linear16 *w = &l->m->dec_value;
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    struct headed base = { l->base, l->h, w->O };

    if (!cuda)
        return -1;
    if (B <= FEW_ROWS)
        return linear16_launch(cuda, base, l->a, w->w, w->b, B, w->I, w->O, "head");
    if (layer(ctx, l, w, l->base, l->a, B))
        return -1;
    return telu_head_cuda(ctx, l->base, l->base, l->h, B * TELU_COEFS);
}

int telu_live_decoder(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_model *m = l->m;

    if (layer(ctx, l, &m->dec_in, l->a, l->sum, B))
        return -1;
    for (int i = 0; i < m->cfg.dec_blocks; i++)
        if (block(ctx, l, &m->dec[i], 1, i, B))
            return -1;
    return layer(ctx, l, &m->dec_scale, l->h, l->a, B) || value(ctx, l, B) ? -1 : 0;
}
