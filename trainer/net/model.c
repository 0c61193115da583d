/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.c - see model.h. */
#include "model.h"

#include "compand.h"
#include "gemm.h"
#include "head.h"
#include "mdct.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct model *model_new(const struct telu_config *cfg, struct rng *rng)
{
    struct model *m = zeroed(sizeof(*m));
    struct params *p = m->p = params_new(cfg, NULL, rng);

    m->cfg = *cfg;
    m->vq = vq_new(cfg, p, rng);
    stack_init(&m->enc, p, "enc", cfg->enc_width, cfg->enc_blocks, cfg->kernel, cfg->expand);
    stack_init(&m->dec, p, "dec", cfg->dec_width, cfg->dec_blocks, cfg->kernel, cfg->expand);
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

static void release_rows(struct model *m)
{
    float *all[] = { m->c, m->features, m->enc_x, m->latent, m->sum, m->dec_x, m->v,
                     m->s, m->y, m->wave, m->dx, m->scratch.da, m->scratch.db, m->scratch.dh,
                     m->scratch.dg };

    for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++)
        free(all[k]);
    stack_release(&m->enc);
    stack_release(&m->dec);
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
    m->scratch.da = floats(n * wide);
    m->scratch.db = floats(n * wide);
    m->scratch.dh = floats(n * width * c->expand);
    m->scratch.dg = floats(n * width * c->expand);
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
    stack_forward(enc, m->enc_x, B, T);
    gemm_forward(m->latent, m->enc_x, m->enc_out_w->w, m->enc_out_b->w, R,
                 c->enc_width, c->latent);

    commit = vq_forward(m->vq, m->sum, m->latent, stages, B, T, decay);

    gemm_forward(dec->block[0].x, m->sum, m->dec_in_w->w, m->dec_in_b->w, R,
                 c->latent, c->dec_width);
    stack_forward(dec, m->dec_x, B, T);
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
    telu_head_grad(m->scratch.da, m->scratch.db, m->dx, m->v, m->s, R * TELU_COEFS);
    gemm_backward(m->dx, 0.0f, m->value_w->g, m->value_b->g, m->scratch.da, m->dec_x,
                  m->value_w->w, R, c->dec_width, TELU_COEFS);
    gemm_backward(m->dx, 1.0f, m->scale_w->g, m->scale_b->g, m->scratch.db, m->dec_x,
                  m->scale_w->w, R, c->dec_width, TELU_COEFS);
    stack_backward(&m->dec, &m->scratch, m->dx, B, T);
    gemm_backward(m->scratch.da, 0.0f, m->dec_in_w->g, m->dec_in_b->g, m->dx, m->sum,
                  m->dec_in_w->w, R, c->latent, c->dec_width);

    vq_backward(m->vq, m->scratch.db, m->scratch.da, stages, B, T, commit, size);

    gemm_backward(m->dx, 0.0f, m->enc_out_w->g, m->enc_out_b->g, m->scratch.db, m->enc_x,
                  m->enc_out_w->w, R, c->enc_width, c->latent);
    stack_backward(&m->enc, &m->scratch, m->dx, B, T);
    gemm_backward(NULL, 0.0f, m->enc_in_w->g, m->enc_in_b->g, m->dx, m->features,
                  m->enc_in_w->w, R, TELU_FEATURES, c->enc_width);
}
