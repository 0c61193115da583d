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

void telu_net_init(struct telu_net_state *s, float *mem, int width, int blocks,
                   int kernel)
{
    for (int i = 0; i < blocks; i++, mem += history(width, kernel))
        s->hist[i] = mem;
}

void telu_net_reset(struct telu_net_state *s, int width, int blocks, int kernel)
{
    for (int i = 0; i < blocks; i++)
        memset(s->hist[i], 0, history(width, kernel) * sizeof(float));
}

int telu_net_layer(struct telu_ctx *ctx, const struct telu_linear8 *l, float *y, const float *x)
{
    return ctx->be->linear8(ctx, y, x, l->w, l->s, l->b, 1, l->I, l->O);
}

int telu_net_block(struct telu_ctx *ctx, const struct telu_block *w,
                   const struct telu_net_state *s, struct telu_net_scratch *x, int i,
                   int width, int kernel)
{
    const struct telu_backend *be = ctx->be;

    if (be->dwconv(ctx, x->b, x->a, s->hist[i], w->dw, w->dwb, 1, 1, width,
                   kernel) ||
        be->norm(ctx, x->b, x->b, w->g, w->nb, 1, width) ||
        telu_net_layer(ctx, &w->up, x->h, x->b) ||
        be->gelu(ctx, x->h, x->h, w->up.O) ||
        telu_net_layer(ctx, &w->down, x->b, x->h) ||
        be->residual(ctx, x->a, x->a, x->b, w->scale, 1, width))
        return -1;
    return 0;
}
