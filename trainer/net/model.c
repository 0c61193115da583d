/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.c - see model.h. */
#include "model.h"

#include "compand.h"
#include "dwconv.h"
#include "gelu.h"
#include "gemm.h"
#include "head.h"
#include "mdct.h"
#include "memory.h"
#include "norm.h"
#include "residual.h"

#include <stdlib.h>
#include <string.h>

static void stack_init(struct stack *s, struct params *p, const char *name, int width,
                       int blocks, const struct telu_config *cfg)
{
    s->width = width;
    s->hidden = width * cfg->expand;
    s->kernel = cfg->kernel;
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

struct model *model_new(const struct telu_config *cfg, struct rng *rng)
{
    struct model *m = zeroed(sizeof(*m));
    struct params *p = m->p = params_new(cfg, rng);

    m->cfg = *cfg;
    m->vq = vq_new(cfg, p, rng);
    stack_init(&m->enc, p, "enc", cfg->enc_width, cfg->enc_blocks, cfg);
    stack_init(&m->dec, p, "dec", cfg->dec_width, cfg->dec_blocks, cfg);
    m->enc_in_w = params_get(p, "enc", -1, "in.w");
    m->enc_in_b = params_get(p, "enc", -1, "in.b");
    m->enc_out_w = params_get(p, "enc", -1, "out.w");
    m->enc_out_b = params_get(p, "enc", -1, "out.b");
    m->dec_in_w = params_get(p, "dec", -1, "in.w");
    m->dec_in_b = params_get(p, "dec", -1, "in.b");
    m->value_w = params_get(p, "dec", -1, "value.w");
    m->value_b = params_get(p, "dec", -1, "value.b");
    m->scale_w = params_get(p, "dec", -1, "scale.w");
    m->scale_b = params_get(p, "dec", -1, "scale.b");
    /* Speech is quiet: begin near its level, not at 1. */
    for (int i = 0; i < TELU_COEFS; i++)
        m->scale_b->w[i] = -3.0f;
    return m;
}

static void stack_release(struct stack *s)
{
    for (int i = 0; i < s->n; i++) {
        struct block *b = &s->block[i];
        float *all[] = { b->x, b->a, b->b, b->h, b->g, b->d };

        for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++)
            free(all[k]);
    }
}

static void release_rows(struct model *m)
{
    float *all[] = { m->c, m->features, m->enc_x, m->latent, m->sum, m->dec_x, m->v,
                     m->s, m->y, m->wave, m->dx, m->da, m->db, m->dh, m->dg };

    for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++)
        free(all[k]);
    stack_release(&m->enc);
    stack_release(&m->dec);
}

static void stack_reserve(struct stack *s, size_t rows)
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

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void reserve(struct model *m, int rows)
{
    const struct telu_config *c = &m->cfg;
    size_t n = rows, width = larger(c->enc_width, c->dec_width);
    size_t wide = larger(width, larger(c->latent, TELU_COEFS));

    if (rows <= m->rows)
        return;
    release_rows(m);
    m->rows = rows;
    m->c = floats(n * TELU_COEFS);
    m->features = floats(n * TELU_FEATURES);
    m->enc_x = floats(n * c->enc_width);
    m->latent = floats(n * c->latent);
    m->sum = floats(n * c->latent);
    m->dec_x = floats(n * c->dec_width);
    m->v = floats(n * TELU_COEFS);
    m->s = floats(n * TELU_COEFS);
    m->y = floats(n * TELU_COEFS);
    m->wave = floats(n * (TELU_COEFS + TELU_HOP));
    m->dx = floats(n * wide);
    m->da = floats(n * wide);
    m->db = floats(n * wide);
    m->dh = floats(n * width * c->expand);
    m->dg = floats(n * width * c->expand);
    stack_reserve(&m->enc, n);
    stack_reserve(&m->dec, n);
}

void model_free(struct model *m)
{
    if (!m)
        return;
    release_rows(m);
    vq_free(m->vq);
    params_free(m->p);
    free(m);
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
static void block_backward(struct model *m, const struct stack *s, struct block *b,
                           float *dx, int B, int T)
{
    int R = B * T, C = s->width, H = s->hidden;
    size_t wide = sizeof(float) * R * C;

    telu_residual_grad(m->da, b->scale->g, dx, b->d, b->scale->w, R, C);
    gemm_backward(m->dg, 0.0f, b->down_w->g, b->down_b->g, m->da, b->g, b->down_w->w,
                  R, H, C);
    memset(m->dh, 0, sizeof(float) * R * H);
    telu_gelu_grad(m->dh, m->dg, b->h, R * H);
    gemm_backward(m->db, 0.0f, b->up_w->g, b->up_b->g, m->dh, b->b, b->up_w->w, R, C,
                  H);
    memset(m->da, 0, wide);
    telu_norm_grad(m->da, b->norm_g->g, b->norm_b->g, m->db, b->a, b->norm_g->w, R, C);
    telu_dwconv_grad(dx, b->dw_w->g, b->dw_b->g, m->da, b->x, b->dw_w->w, B, T, C,
                     s->kernel);
}

/* block[0].x already holds the input. */
static void stack_forward(const struct stack *s, struct block *block, float *out,
                          int B, int T)
{
    for (int i = 0; i < s->n; i++)
        block_forward(s, &block[i], i + 1 < s->n ? block[i + 1].x : out, B, T);
}

static void stack_backward(struct model *m, const struct stack *s,
                           struct block *block, float *dx, int B, int T)
{
    for (int i = s->n - 1; i >= 0; i--)
        block_backward(m, s, &block[i], dx, B, T);
}

double model_forward(struct model *m, const float *x, const int *stages, int B, int T,
                     float decay)
{
    const struct telu_config *c = &m->cfg;
    struct stack *enc = &m->enc, *dec = &m->dec;
    int R = B * T;
    double commit;

    reserve(m, R);
    telu_mdct_simd(NULL, m->c, x, B, 2 * T);
    telu_compand_simd(NULL, m->features, m->c, R);
    gemm_forward(enc->block[0].x, m->features, m->enc_in_w->w, m->enc_in_b->w, R,
                 TELU_FEATURES, c->enc_width);
    stack_forward(enc, enc->block, m->enc_x, B, T);
    gemm_forward(m->latent, m->enc_x, m->enc_out_w->w, m->enc_out_b->w, R,
                 c->enc_width, c->latent);

    commit = vq_forward(m->vq, m->sum, m->latent, stages, B, T, decay);

    gemm_forward(dec->block[0].x, m->sum, m->dec_in_w->w, m->dec_in_b->w, R,
                 c->latent, c->dec_width);
    stack_forward(dec, dec->block, m->dec_x, B, T);
    gemm_forward(m->v, m->dec_x, m->value_w->w, m->value_b->w, R, c->dec_width,
                 TELU_COEFS);
    gemm_forward(m->s, m->dec_x, m->scale_w->w, m->scale_b->w, R, c->dec_width,
                 TELU_COEFS);
    telu_head_simd(NULL, m->y, m->v, m->s, R * TELU_COEFS);
    telu_imdct_simd(NULL, m->wave, m->y, B, 2 * T);
    return commit;
}

void model_backward(struct model *m, float *dwave, const int *stages, int B, int T,
                    float commit, float size)
{
    const struct telu_config *c = &m->cfg;
    int R = B * T;

    telu_mdct_simd(NULL, m->dx, dwave, B, 2 * T);
    telu_head_grad(m->da, m->db, m->dx, m->v, m->s, R * TELU_COEFS);
    gemm_backward(m->dx, 0.0f, m->value_w->g, m->value_b->g, m->da, m->dec_x,
                  m->value_w->w, R, c->dec_width, TELU_COEFS);
    gemm_backward(m->dx, 1.0f, m->scale_w->g, m->scale_b->g, m->db, m->dec_x,
                  m->scale_w->w, R, c->dec_width, TELU_COEFS);
    stack_backward(m, &m->dec, m->dec.block, m->dx, B, T);
    gemm_backward(m->da, 0.0f, m->dec_in_w->g, m->dec_in_b->g, m->dx, m->sum,
                  m->dec_in_w->w, R, c->latent, c->dec_width);

    vq_backward(m->vq, m->db, m->da, stages, B, T, commit, size);

    gemm_backward(m->dx, 0.0f, m->enc_out_w->g, m->enc_out_b->g, m->db, m->enc_x,
                  m->enc_out_w->w, R, c->enc_width, c->latent);
    stack_backward(m, &m->enc, m->enc.block, m->dx, B, T);
    gemm_backward(NULL, 0.0f, m->enc_in_w->g, m->enc_in_b->g, m->dx, m->features,
                  m->enc_in_w->w, R, TELU_FEATURES, c->enc_width);
}
