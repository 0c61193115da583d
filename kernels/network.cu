/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.cu - encoder and decoder network for a batch of live streams, whose pasts are
 * rings in their slots, see live.h; the diagrams stand in network.c, encoder.c, decoder.c.
 *
 * Few rows wait for the weights: those are read packed, and the sums are the CPU's, bit
 * for bit. Many rows are cuBLAS's, in float32; the biases are then added by what comes
 * next, so that no array is gone through for their sake.
 */
#include "live.h"

#include "compand.h"
#include "each.cuh"
#include "gelu.cuh"
#include "head.h"
#include "linear.h"
#include "norm.h"

#define FEW     32             /* rows */
#define LANES   16             /* to a row, as in norm.cu */
#define THREADS 128

/* --- Depthwise convolution and norm ------------------------------------------- */

static __device__ inline float lanes(float part)
{
    float sum = 0.0f;

    #pragma unroll
    for (int j = 0; j < LANES; j++)
        sum += __shfl_sync(0xffffffffu, part, j, LANES);
    return sum;
}

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

/* y = norm(dwconv(x)), and x goes into the ring. EACH: channels of a lane, at least
 * C / LANES; lane j has channels j, j + 16 ... and the CPU's partial sum j. */
template <int EACH>
static __global__ void __launch_bounds__(THREADS) mix_rows(struct mix m)
{
    int j = threadIdx.x % LANES, P = m.K - 1, C = m.C;
    int r = blockIdx.x * (THREADS / LANES) + threadIdx.x / LANES;
    const struct telu_row *row = r < m.B ? &m.row[r] : NULL;
    int age = row ? m.decoder ? row->dec_age : row->enc_age : -1;
    int live = age < 0 ? 0 : C;            /* all lanes take part in the sums */
    int now = P > 0 && live ? age % P : 0; /* where the oldest lies and x will */
    float *ring = live ? (m.decoder ? row->dec : row->enc) + m.ring : NULL;
    float v[EACH], part = 0.0f;

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * LANES + j;

        v[i] = 0.0f;
        if (c < live) {
            float x = m.x[(size_t)r * C + c], sum = m.wb[c];
            const float *w = m.w + (size_t)c * m.K;

            for (int k = P - age > 0 ? P - age : 0; k < P; k++) {
                int at = now + k < P ? now + k : now + k - P;

                sum += w[k] * ring[(size_t)at * C + c];
            }
            if (P > 0)
                ring[(size_t)now * C + c] = x;
            v[i] = sum + w[P] * x;
            part += v[i];
        }
    }
    float mean = lanes(part) / (float)C;

    part = 0.0f;
    #pragma unroll
    for (int i = 0; i < EACH; i++)
        if (i * LANES + j < live) {
            float d = v[i] - mean;

            part += d * d;
        }
    float scale = 1.0f / sqrtf(lanes(part) / (float)C + TELU_NORM_EPS);

    #pragma unroll
    for (int i = 0; i < EACH; i++) {
        int c = i * LANES + j;

        if (c < live)
            m.y[(size_t)r * C + c] = m.g[c] * ((v[i] - mean) * scale) + m.b[c];
    }
}

static int run_mix(struct telu_ctx *ctx, const struct mix *m)
{
    static const struct {
        int each;
        void (*kernel)(struct mix);
    } sizes[] = {
        { 4, mix_rows<4> }, { 8, mix_rows<8> }, { 16, mix_rows<16> },
        { 20, mix_rows<20> }, { 32, mix_rows<32> }, { 64, mix_rows<64> },
    };
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    unsigned rows = THREADS / LANES;
    int i = 0;

    if (!cuda)
        return -1;
    while (sizes[i].each * LANES < m->C)
        i++;
    TELU_LAUNCH(sizes[i].kernel, (m->B + rows - 1) / rows, THREADS, 0, cuda->stream, *m);
    return telu_cuda_launched("convolution and norm");
}

/* --- Layers ---------------------------------------------------------------------- */

/* h = gelu(h + bias), bias NULL where the sums have it already. */
struct activate {
    float *h;
    const float *bias;
    unsigned C;                /* or a quarter of it */

    __device__ void run(unsigned i) const
    {
        h[i] = gelu(bias ? h[i] + bias[i % C] : h[i]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = each_load(h, i);

        if (bias) {
            float4 b = each_load(bias, i % C);

            v = make_float4(v.x + b.x, v.y + b.y, v.z + b.z, v.w + b.w);
        }
        each_store(h, i, make_float4(gelu(v.x), gelu(v.y), gelu(v.z), gelu(v.w)));
    }
};

/* a += s (b + bias) */
struct join {
    float *a;
    const float *b, *bias, *s;
    unsigned C;

    __device__ void run(unsigned i) const
    {
        a[i] = a[i] + s[i % C] * (bias ? b[i] + bias[i % C] : b[i]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = each_load(a, i), w = each_load(b, i), k = each_load(s, i % C);

        if (bias) {
            float4 t = each_load(bias, i % C);

            w = make_float4(w.x + t.x, w.y + t.y, w.z + t.z, w.w + t.w);
        }
        each_store(a, i, make_float4(v.x + k.x * w.x, v.y + k.y * w.y, v.z + k.z * w.z,
                                     v.w + k.w * w.w));
    }
};

/* bias: 0 where the next step adds it, when there are many rows. */
static int layer(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_linear16 *w, float *y, const float *x, int B, int bias)
{
    const float *wide = (const float *)(l->wide + 2 * ((const char *)w->w - l->packed));

    if (B <= FEW)
        return telu_linear16_cuda(ctx, y, x, w->w, w->b, B, w->I, w->O);
    return telu_linear_cuda(ctx, y, x, wide, bias ? w->b : NULL, B, w->I, w->O);
}

static int block(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_block *w, int decoder, int i, int B)
{
    const int C = w->down.O, H = w->up.O, K = l->m->cfg.kernel, many = B > FEW;
    size_t ring = (size_t)i * (K - 1) * C;
    struct mix m = { l->b, l->a, l->row, decoder, ring, w->dw, w->dwb, w->g, w->nb, B, C,
                     K };
    int fours = H % 4 == 0 && each_aligned(l->h, w->up.b);
    struct activate act = { l->h, many ? w->up.b : NULL, (unsigned)(fours ? H / 4 : H) };

    if (run_mix(ctx, &m) || layer(ctx, l, &w->up, l->h, l->b, B, 0) ||
        each_run(ctx, act, (size_t)B * H, fours, "activation") ||
        layer(ctx, l, &w->down, l->b, l->h, B, 0))
        return -1;

    fours = C % 4 == 0 && each_aligned(l->a, l->b, w->down.b, w->scale);
    struct join join = { l->a, l->b, many ? w->down.b : NULL, w->scale,
                         (unsigned)(fours ? C / 4 : C) };

    return each_run(ctx, join, (size_t)B * C, fours, "residual");
}

/* --- Networks --------------------------------------------------------------------- */

int telu_live_encoder(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_model *m = l->m;

    if (telu_compand_cuda(ctx, l->h, l->c, B) ||
        layer(ctx, l, &m->enc_in, l->a, l->h, B, 1))
        return -1;
    for (int i = 0; i < m->cfg.enc_blocks; i++)
        if (block(ctx, l, &m->enc[i], 0, i, B))
            return -1;
    return layer(ctx, l, &m->enc_out, l->latent, l->a, B, 1);
}

int telu_live_decoder(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_model *m = l->m;

    if (layer(ctx, l, &m->dec_in, l->a, l->sum, B, 1))
        return -1;
    for (int i = 0; i < m->cfg.dec_blocks; i++)
        if (block(ctx, l, &m->dec[i], 1, i, B))
            return -1;
    if (layer(ctx, l, &m->dec_value, l->base, l->a, B, 1) ||
        layer(ctx, l, &m->dec_scale, l->h, l->a, B, 1))
        return -1;
    return telu_head_cuda(ctx, l->base, l->base, l->h, B * TELU_COEFS);
}
