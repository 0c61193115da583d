/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.c - the ConvNeXt block of all networks (Liu et al. 2022), and its state.
 *
 *   x --+--> dwconv --> norm --> up --> gelu --> down --> * scale --(+)--> y
 *       |    K packets           C -> eC        eC -> C             |
 *       '-----------------------------------------------------------'
 */
#include "network.h"

#include <string.h>

#define ALIGN 16               /* floats: every array begins on 64 bytes */

static size_t padded(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t history(int width, int kernel)
{
    return padded((size_t)(kernel - 1) * width);
}

size_t telu_net_floats(int width, int blocks, int kernel)
{
    return blocks * history(width, kernel);
}

void telu_net_init(struct telu_net_state *s, float *mem)
{
    s->mem = mem;
}

void telu_net_reset(struct telu_net_state *s, int width, int blocks, int kernel)
{
    memset(s->mem, 0, telu_net_floats(width, blocks, kernel) * sizeof(float));
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* Floats that a row takes, with those that align its arrays. */
int telu_net_rows(const struct telu_model *m)
{
    const struct telu_config *c = &m->cfg;
    int width = larger(larger(c->enc_width, c->dec_width), m->post.blocks ? m->post.width : 0);
    int inputs = larger(c->latent, m->post.blocks ? TELU_POSTNET_FEATURES : TELU_FEATURES);
    int row = larger(2 * width + larger(c->expand * width, inputs),
                     2 * c->latent + TELU_MAX_DIM);                    /* rvq.c */
    int rows = (TELU_NET_SCRATCH - 2 * ALIGN) / row;

    return rows < TELU_NET_ROWS ? rows : TELU_NET_ROWS;
}

struct telu_net_scratch telu_net_scratch_in(float *scratch, int rows, int width)
{
    size_t n = padded((size_t)rows * (size_t)width);

    return (struct telu_net_scratch){ scratch, scratch + n, scratch + 2 * n };
}

int telu_net_layer(struct telu_ctx *ctx, const struct telu_linear8 *l, float *y, const float *x,
                   int rows)
{
    return ctx->be->linear8(ctx, y, x, l->w, l->s, l->b, rows, l->I, l->O);
}

int telu_net_block(struct telu_ctx *ctx, const struct telu_block *w,
                   struct telu_net_state *const *s, const struct telu_net_scratch *x, int i,
                   int rows, int width, int kernel)
{
    const struct telu_backend *be = ctx->be;
    float *hist[TELU_NET_ROWS];

    for (int r = 0; r < rows; r++)
        hist[r] = s[r]->mem + i * history(width, kernel);
    if (be->dwconv_live(ctx, x->b, x->a, hist, w->tdw, w->dwb, rows, width, kernel) ||
        be->norm(ctx, x->b, x->b, w->g, w->nb, rows, width) ||
        telu_net_layer(ctx, &w->up, x->h, x->b, rows) ||
        be->gelu(ctx, x->h, x->h, rows * w->up.O) ||
        telu_net_layer(ctx, &w->down, x->b, x->h, rows) ||
        be->residual(ctx, x->a, x->a, x->b, w->scale, rows, width))
        return -1;
    return 0;
}
