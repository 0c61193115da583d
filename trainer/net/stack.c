/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stack.c - see stack.h. */
#include "stack.h"

#include "dwconv.h"
#include "gelu.h"
#include "gemm.h"
#include "memory.h"
#include "norm.h"
#include "residual.h"

#include <stdlib.h>
#include <string.h>

void stack_init(struct stack *s, struct params *p, const char *name, int width, int blocks,
                int kernel, int expand)
{
    s->width = width;
    s->hidden = width * expand;
    s->kernel = kernel;
    s->n = blocks;
    for (int i = 0; i < blocks; i++) {
        struct block *b = &s->block[i];

        b->dw_w = params_get(p, name, i, "dw.w");
        b->dw_b = params_get(p, name, i, "dw.b");
        b->norm_g = params_get(p, name, i, "norm.g");
        b->norm_b = params_get(p, name, i, "norm.b");
        b->up_w = params_get(p, name, i, "up.w");
        b->up_b = params_get(p, name, i, "up.b");
        b->down_w = params_get(p, name, i, "down.w");
        b->down_b = params_get(p, name, i, "down.b");
        b->scale = params_get(p, name, i, "scale");
    }
}

void stack_release(struct stack *s)
{
    for (int i = 0; i < s->n; i++) {
        struct block *b = &s->block[i];
        float *all[] = { b->x, b->a, b->b, b->h, b->g, b->d };

        for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++)
            free(all[k]);
    }
}

void stack_reserve(struct stack *s, size_t rows)
{
    for (int i = 0; i < s->n; i++) {
        struct block *b = &s->block[i];

        b->x = floats(rows * s->width);
        b->a = floats(rows * s->width);
        b->b = floats(rows * s->width);
        b->h = floats(rows * s->hidden);
        b->g = floats(rows * s->hidden);
        b->d = floats(rows * s->width);
    }
}

/* x -> out (may be the next block's x). The block keeps a copy of its input:
 *   a = dwconv x,  b = norm a,  h = up b,  g = gelu h,  d = down g,  out = x + s d */
static void block_forward(const struct stack *s, struct block *b, float *out, int B,
                          int T)
{
    int R = B * T, C = s->width, H = s->hidden;

    telu_dwconv_simd(NULL, b->a, b->x, NULL, b->dw_w->w, b->dw_b->w, B, T, C,
                     s->kernel);
    telu_norm_simd(NULL, b->b, b->a, b->norm_g->w, b->norm_b->w, R, C);
    gemm_forward(b->h, b->b, b->up_w->w, b->up_b->w, R, C, H);
    telu_gelu_simd(NULL, b->g, b->h, R * H);
    gemm_forward(b->d, b->g, b->down_w->w, b->down_b->w, R, H, C);
    telu_residual_simd(NULL, out, b->x, b->d, b->scale->w, R, C);
}

/* dx is d out on the way in and d x on the way out. */
static void block_backward(const struct stack *s, struct block *b,
                           const struct stack_scratch *w, float *dx, int B, int T)
{
    int R = B * T, C = s->width, H = s->hidden;
    size_t wide = sizeof(float) * R * C;

    telu_residual_grad(w->da, b->scale->g, dx, b->d, b->scale->w, R, C);
    gemm_backward(w->dg, 0.0f, b->down_w->g, b->down_b->g, w->da, b->g, b->down_w->w,
                  R, H, C);
    memset(w->dh, 0, sizeof(float) * R * H);
    telu_gelu_grad(w->dh, w->dg, b->h, R * H);
    gemm_backward(w->db, 0.0f, b->up_w->g, b->up_b->g, w->dh, b->b, b->up_w->w, R, C,
                  H);
    memset(w->da, 0, wide);
    telu_norm_grad(w->da, b->norm_g->g, b->norm_b->g, w->db, b->a, b->norm_g->w, R, C);
    telu_dwconv_grad(dx, b->dw_w->g, b->dw_b->g, w->da, b->x, b->dw_w->w, B, T, C,
                     s->kernel);
}

void stack_forward(struct stack *s, float *out, int B, int T)
{
    struct block *block = s->block;

    for (int i = 0; i < s->n; i++)
        block_forward(s, &block[i], i + 1 < s->n ? block[i + 1].x : out, B, T);
}

void stack_backward(struct stack *s, const struct stack_scratch *scratch, float *dx, int B, int T)
{
    for (int i = s->n - 1; i >= 0; i--)
        block_backward(s, &s->block[i], scratch, dx, B, T);
}
