/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.cu - encoder and decoder network for a batch of live streams, whose pasts are
 * rings in their slots, see live.h; the diagrams stand in network.c, encoder.c, decoder.c.
 *
 * Few rows wait for the weights and for launches: the weights are read packed, a layer
 * also does what comes after it, and the sums are the CPU's, bit for bit. Many rows are
 * cuBLAS's (product.cuh); the biases of a block's layers are then added by what comes next,
 * so that no array is gone through for their sake.
 */
#include "live.cuh"

#include "compand.h"
#include "elementwise.cuh"
#include "gelu.cuh"
#include "head.cuh"
#include "linear.h"
#include "dwconv_norm.cuh"

/* --- Layers ---------------------------------------------------------------------- */

/* gelu(v) to h */
struct activated {
    float *h;
    int C;
    struct asked { };

    __device__ struct asked ask(int, int) const
    {
        return {};
    }

    __device__ void operator()(int r, int c, float v, struct asked) const
    {
        h[(size_t)r * C + c] = gelu(v);
    }
};

/* a += s v */
struct joined {
    float *a;
    const float *s;
    int C;
    struct asked {
        float a, s;
    };

    __device__ struct asked ask(int r, int c) const
    {
        return { a[(size_t)r * C + c], s[c] };
    }

    __device__ void operator()(int r, int c, float v, struct asked have) const
    {
        a[(size_t)r * C + c] = have.a + have.s * v;
    }
};

/* y = head(v, s) */
struct headed {
    float *y;
    const float *s;
    int C;
    struct asked {
        float s;
    };

    __device__ struct asked ask(int r, int c) const
    {
        return { s[(size_t)r * C + c] };
    }

    __device__ void operator()(int r, int c, float v, struct asked have) const
    {
        y[(size_t)r * C + c] = head(v, have.s);
    }
};

/* The same of many rows, with the biases. to = gelu(h + bias) */
struct activate {
    struct product_input to;
    const float *h, *bias;
    unsigned C;                /* or a quarter of it */

    __device__ void run(unsigned i) const
    {
        to.put(i / C, (int)C, (int)(i % C), gelu(h[i] + bias[i % C]));
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = each_load(h, i), b = each_load(bias, i % C);

        to.put4(i / C, (int)(4 * C), (int)(i % C),
                make_float4(gelu(v.x + b.x), gelu(v.y + b.y), gelu(v.z + b.z),
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

static int layer(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_linear16 *w, float *y, const float *x, int B)
{
    if (B <= FEW_ROWS)
        return telu_linear16_cuda(ctx, y, x, w->w, w->b, B, w->I, w->O);
    return product_layer(ctx, l, w, y, x, B);
}

/* h = gelu(up(mix)); a += scale down(h) */
static int block_few(struct telu_ctx *ctx, const struct telu_live *l,
                     const struct telu_block *w, const struct mix *m, int B)
{
    const struct telu_linear16 *up = &w->up, *down = &w->down;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    struct activated h = { l->h, up->O };
    struct joined a = { l->a, w->scale, down->O };

    if (!cuda || mix_layer_launch(cuda, m, h, up, "convolution, norm and up"))
        return -1;
    return linear16_launch(cuda, a, l->h, down->w, down->b, B, down->I, down->O, "down");
}

static int block_many(struct telu_ctx *ctx, const struct telu_live *l,
                      const struct telu_block *w, const struct mix *m, int B)
{
    const struct telu_linear16 *up = &w->up, *down = &w->down;
    int H = up->O, C = down->O, fours = H % 4 == 0 && each_aligned(l->x, l->h, up->b);
    struct activate act = { m->y, l->h, up->b, (unsigned)(fours ? H / 4 : H) };

    if (mix_run(ctx, m, &l->m->cfg) || product_run(ctx, l, up, l->h, B) ||
        each_run(ctx, act, (size_t)B * H, fours, "activation") ||
        product_run(ctx, l, down, l->b, B))
        return -1;
    fours = C % 4 == 0 && each_aligned(l->a, l->b, down->b, w->scale);
    struct join join = { l->a, l->b, down->b, w->scale, (unsigned)(fours ? C / 4 : C) };

    return each_run(ctx, join, (size_t)B * C, fours, "residual");
}

static int block(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_block *w, int decoder, int i, int B)
{
    const int C = w->down.O, K = l->m->cfg.kernel;
    struct mix m = { product_into(l), l->a, l->row, decoder, i * live_past(&l->m->cfg, C, 1),
                     w->dw, w->dwb, w->g, w->nb, B, C, K };

    return B <= FEW_ROWS ? block_few(ctx, l, w, &m, B) : block_many(ctx, l, w, &m, B);
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
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
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
