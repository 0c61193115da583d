/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load.cu - copies a model's arena to the device, relocates its pointers and unpacks its layers
 * for cuBLAS. */
#include "product.cuh"

struct relocate {
    struct telu_ctx *ctx;
    const struct telu_live *live;
    const char *from, *to;     /* arena on the host and on the device */
    int bad;

    template <class T>
    void operator()(const T *&p)
    {
        p = (const T *)(to + ((const char *)p - from));
    }

    void operator()(struct telu_linear8 &l)
    {
        (*this)(l.w);
        (*this)(l.s);
        (*this)(l.b);
        bad = bad || product_unpack(ctx, live, &l);
    }

    template <class First, class... Others>
    void operator()(First &first, Others &...others)
    {
        (*this)(first);
        (*this)(others...);
    }
};

static void relocate_blocks(struct relocate &relocate, struct telu_block *b, int blocks)
{
    for (; blocks > 0; b++, blocks--)
        relocate(b->dw, b->tdw, b->dwb, b->g, b->nb, b->scale, b->up, b->down);
}

int telu_live_load(struct telu_ctx *ctx, const struct telu_live *l, struct telu_model *d,
                   const struct telu_model *m, char *arena)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    struct relocate relocate = { ctx, l, (const char *)m->arena, arena, 0 };
    struct telu_tables &t = d->tab;

    if (!cuda ||
        telu_cuda_check(cudaMemcpyAsync(arena, m->arena, m->arena_bytes,
                                        cudaMemcpyHostToDevice, cuda->stream),
                        "weights on the device"))
        return -1;
    *d = *m;
    d->arena = arena;
    relocate(d->enc_in, d->enc_out, d->dec_in, d->dec_value, d->dec_scale);
    if (m->post.blocks)
        relocate(d->post_in, d->post_out);
    relocate_blocks(relocate, d->enc, m->cfg.enc_blocks);
    relocate_blocks(relocate, d->dec, m->cfg.dec_blocks);
    relocate_blocks(relocate, d->post_block, m->post.blocks);
    for (int i = 0; i < m->cfg.stages; i++) {
        struct telu_stage &s = d->vq[i];

        relocate(s.in, s.inb, s.out, s.outb, s.tin, s.tout, s.book, s.tbook,
                 s.tiles, s.tree);
    }
    relocate(t.bias, t.env, t.gain, t.freq, t.cumul, t.recon, t.shape, t.tilt, t.fill, t.split,
             t.level, t.level_cumul, t.group, t.code, t.code_cumul, t.bias_of_code);
    return relocate.bad ? -1 : 0;
}
