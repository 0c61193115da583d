/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.cu - encoder, decoder and post-network for a batch of live streams, whose histories are
 * rings in their slots, see live.h. network.c, encoder.c, decoder.c and postnet.c show the
 * diagrams.
 *
 * Small batches wait for weights and launches: kernels read packed weights, fuse each layer
 * with the op behind it, and give the CPU's bits. Large batches use cuBLAS (product.cuh); the
 * next op then adds a layer's biases, which saves a pass over its output.
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
struct gelu_output {
    float *h;
    int C;
    struct operands { };

    __device__ struct operands load(int, int) const
    {
        return {};
    }

    __device__ void operator()(int r, int c, float v, struct operands) const
    {
        h[(size_t)r * C + c] = gelu(v);
    }
};

/* a += s v */
struct residual_output {
    float *a;
    const float *s;
    int C;
    struct operands {
        float a, s;
    };

    __device__ struct operands load(int r, int c) const
    {
        return { a[(size_t)r * C + c], s[c] };
    }

    __device__ void operator()(int r, int c, float v, struct operands have) const
    {
        a[(size_t)r * C + c] = have.a + have.s * v;
    }
};

/* y = head(v, s) */
struct head_output {
    float *y;
    const float *s;
    int C;
    struct operands {
        float s;
    };

    __device__ struct operands load(int r, int c) const
    {
        return { s[(size_t)r * C + c] };
    }

    __device__ void operator()(int r, int c, float v, struct operands have) const
    {
        y[(size_t)r * C + c] = head(v, have.s);
    }
};

/* Ops of large batches add the biases: to = gelu(h + bias). */
struct bias_gelu {
    struct product_input to;
    const float *h, *bias;
    unsigned C;                /* a quarter of it for float4 */

    __device__ void run(unsigned i) const
    {
        to.put(i / C, (int)C, (int)(i % C), gelu(h[i] + bias[i % C]));
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = load_float4(h, i), b = load_float4(bias, i % C);

        to.put4(i / C, (int)(4 * C), (int)(i % C),
                make_float4(gelu(v.x + b.x), gelu(v.y + b.y), gelu(v.z + b.z),
                            gelu(v.w + b.w)));
    }
};

/* a += s (b + bias) */
struct bias_residual {
    float *a;
    const float *b, *bias, *s;
    unsigned C;

    __device__ void run(unsigned i) const
    {
        a[i] = a[i] + s[i % C] * (b[i] + bias[i % C]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = load_float4(a, i), w = load_float4(b, i), t = load_float4(bias, i % C);
        float4 k = load_float4(s, i % C);

        store_float4(a, i, make_float4(v.x + k.x * (w.x + t.x), v.y + k.y * (w.y + t.y),
                                       v.z + k.z * (w.z + t.z), v.w + k.w * (w.w + t.w)));
    }
};

static int layer(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_linear16 *w, float *y, const float *x, int B)
{
    if (B <= TELU_SMALL_PRODUCTS)
        return telu_linear16_cuda(ctx, y, x, w->w, w->b, B, w->I, w->O);
    return product_layer(ctx, l, w, y, x, B);
}

/* h = gelu(up(norm(dwconv(a)))); a += scale down(h) */
static int block_small(struct telu_ctx *ctx, const struct telu_live *l,
                       const struct telu_block *w, const struct dwnorm *m, int B)
{
    const struct telu_linear16 *up = &w->up, *down = &w->down;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    struct gelu_output h = { l->h, up->O };
    struct residual_output a = { l->a, w->scale, down->O };

    if (!cuda || dwnorm_layer_launch(cuda, m, h, up, "convolution, norm and up"))
        return -1;
    return linear16_launch(cuda, a, l->h, down->w, down->b, B, down->I, down->O, "down");
}

static int block_large(struct telu_ctx *ctx, const struct telu_live *l,
                       const struct telu_block *w, const struct dwnorm *m, int B)
{
    const struct telu_linear16 *up = &w->up, *down = &w->down;
    int H = up->O, C = down->O, fours = H % 4 == 0 && float4_aligned(l->x, l->h, up->b);
    struct bias_gelu act = { m->y, l->h, up->b, (unsigned)(fours ? H / 4 : H) };

    if (dwnorm_run(ctx, m, &l->m->cfg) || product_run(ctx, l, up, l->h, B) ||
        elementwise_run(ctx, act, (size_t)B * H, fours, "activation") ||
        product_run(ctx, l, down, l->b, B))
        return -1;
    fours = C % 4 == 0 && float4_aligned(l->a, l->b, down->b, w->scale);
    struct bias_residual residual = { l->a, l->b, down->b, w->scale,
                                      (unsigned)(fours ? C / 4 : C) };

    return elementwise_run(ctx, residual, (size_t)B * C, fours, "residual");
}

static int block(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_block *w, enum dwnorm_history whose, int i, int B)
{
    const int C = w->down.O, K = l->m->cfg.kernel;
    struct dwnorm m = {
        product_into(l), l->a, l->row, whose, i * live_history_floats(&l->m->cfg, C, 1),
        w->dw, w->dwb, w->g, w->nb, B, C, K,
    };

    return B <= TELU_SMALL_PRODUCTS ? block_small(ctx, l, w, &m, B) : block_large(ctx, l, w, &m, B);
}

/* --- Networks --------------------------------------------------------------------- */

int telu_live_encoder(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_model *m = l->m;

    if (telu_compand_cuda(ctx, l->h, l->c, B) ||
        layer(ctx, l, &m->enc_in, l->a, l->h, B))
        return -1;
    for (int i = 0; i < m->cfg.enc_blocks; i++)
        if (block(ctx, l, &m->enc[i], DWNORM_ENCODER, i, B))
            return -1;
    return layer(ctx, l, &m->enc_out, l->latent, l->a, B);
}

/* base = head(value(a), h); h holds the scales */
static int value(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_linear16 *w = &l->m->dec_value;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    struct head_output base = { l->base, l->h, w->O };

    if (!cuda)
        return -1;
    if (B <= TELU_SMALL_PRODUCTS)
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
        if (block(ctx, l, &m->dec[i], DWNORM_DECODER, i, B))
            return -1;
    return layer(ctx, l, &m->dec_scale, l->h, l->a, B) || value(ctx, l, B) ? -1 : 0;
}

int telu_live_postnet(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_model *m = l->m;

    if (layer(ctx, l, &m->post_in, l->a, l->h, B))
        return -1;
    for (int i = 0; i < m->post.blocks; i++)
        if (block(ctx, l, &m->post_block[i], DWNORM_POSTNET, i, B))
            return -1;
    return layer(ctx, l, &m->post_out, l->h, l->a, B);
}
