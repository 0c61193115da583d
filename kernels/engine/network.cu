/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.cu - encoder, decoder and post-network for a batch of live streams, whose histories are
 * rings in their slots, see live.h. network.c, encoder.c, decoder.c and postnet.c show the
 * diagrams.
 *
 * Small batches wait for weights and launches: kernels read packed weights and fuse each layer
 * with the op behind it. Large batches use cuBLAS (product.cuh); the next op then scales a
 * layer's sums, which saves a pass over its output. Both give the CPU's bits.
 */
#include "live.cuh"

#include "compand.h"
#include "elementwise.cuh"
#include "gelu.cuh"
#include "head.cuh"
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

/* Ops of large batches take a layer's outputs from its product. */
struct gelu_of {
    struct product_output from;

    __device__ float at(int r, int c) const
    {
        return gelu(from.at(r, c));
    }

    __device__ float4 at4(int r, int q) const
    {
        float4 v = from.at4(r, q);

        return make_float4(gelu(v.x), gelu(v.y), gelu(v.z), gelu(v.w));
    }
};

/* a += s from */
struct residual_of {
    struct product_output from;
    float *a;
    const float *s;
    unsigned C;                /* a quarter of it for float4 */

    __device__ void run(unsigned i) const
    {
        a[i] = a[i] + s[i % C] * from.at(i / C, i % C);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = load_float4(a, i), w = from.at4(i / C, i % C), k = load_float4(s, i % C);

        store_float4(a, i, make_float4(v.x + k.x * w.x, v.y + k.y * w.y, v.z + k.z * w.z,
                                       v.w + k.w * w.w));
    }
};

/* y = head(from, s) */
struct head_of {
    struct product_output from;
    float *y;
    const float *s;
    unsigned C;                /* a quarter of it for float4 */

    __device__ void run(unsigned i) const
    {
        y[i] = head(from.at(i / C, i % C), s[i]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = from.at4(i / C, i % C), k = load_float4(s, i);

        store_float4(y, i, make_float4(head(v.x, k.x), head(v.y, k.y), head(v.z, k.z),
                                       head(v.w, k.w)));
    }
};

static int layer(struct telu_ctx *ctx, const struct telu_live *l,
                 const struct telu_linear8 *w, float *y, const float *x, int B)
{
    if (B <= TELU_SMALL_PRODUCTS)
        return telu_linear8_cuda(ctx, y, x, w->w, w->s, w->b, B, w->I, w->O);
    return product_layer(ctx, l, w, y, x, B);
}

/* h = gelu(up(norm(dwconv(a)))); a += scale down(h) */
static int block_small(struct telu_ctx *ctx, const struct telu_live *l,
                       const struct telu_block *w, const struct dwnorm *m, int B)
{
    const struct telu_linear8 *up = &w->up, *down = &w->down;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    struct gelu_output h = { l->h, up->O };
    struct residual_output a = { l->a, w->scale, down->O };

    if (!cuda || dwnorm_layer_launch(cuda, m, h, up, "convolution, norm and up"))
        return -1;
    return linear8_launch(cuda, a, l->h, down->w, down->s, down->b, B, down->I, down->O, "down");
}

static int block_large(struct telu_ctx *ctx, const struct telu_live *l,
                       const struct telu_block *w, const struct dwnorm *m, int B)
{
    const struct telu_linear8 *up = &w->up, *down = &w->down;
    int H = up->O, C = down->O, fours = product_is_float4(l, up) && float4_aligned(l->x);
    struct gelu_of act = { product_from(l, up) };

    if (dwnorm_run(ctx, m, &l->m->cfg) || product_run(ctx, l, up, B) ||
        product_quantise(ctx, l, act, B, H, fours, "activation") || product_run(ctx, l, down, B))
        return -1;
    fours = product_is_float4(l, down) && float4_aligned(l->a, w->scale);
    struct residual_of residual = { product_from(l, down), l->a, w->scale,
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
    const struct telu_linear8 *w = &l->m->dec_value;
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    struct head_output base = { l->base, l->h, w->O };

    if (!cuda)
        return -1;
    if (B <= TELU_SMALL_PRODUCTS)
        return linear8_launch(cuda, base, l->a, w->w, w->s, w->b, B, w->I, w->O, "head");

    int fours = product_is_float4(l, w) && float4_aligned(l->base, l->h);
    struct head_of op = { product_from(l, w), l->base, l->h, (unsigned)(fours ? w->O / 4 : w->O) };

    return product_of(ctx, l, w, l->a, B) ||
           elementwise_run(ctx, op, (size_t)B * w->O, fours, "head") ? -1 : 0;
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
