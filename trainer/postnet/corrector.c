/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corrector.c - see corrector.h. */
#include "corrector.h"

#include "change_grad.h"
#include "gemm.h"
#include "mdct.h"
#include "memory.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SCALE 0.1f       /* of a block's output, at the start */

struct corrector *corrector_new(const struct telu_config *cfg,
                                const struct telu_postnet_config *post, int B, int T,
                                struct rng *rng)
{
    struct corrector *m = zeroed(sizeof(*m));
    size_t rows = (size_t)B * T, width = post->width, wide = width * cfg->expand;

    m->cfg = *cfg;
    m->post = *post;
    m->p = params_new(cfg, post, rng);
    stack_init(&m->stack, m->p, "post", post->width, post->blocks, cfg->kernel, cfg->expand);
    stack_reserve(&m->stack, rows);
    m->in_w = params_get(m->p, "post", -1, "in.w");
    m->in_b = params_get(m->p, "post", -1, "in.b");
    m->out_w = params_get(m->p, "post", -1, "out.w");
    m->out_b = params_get(m->p, "post", -1, "out.b");
    memset(m->out_w->w, 0, m->out_w->n * sizeof(float));
    memset(m->out_b->w, 0, m->out_b->n * sizeof(float));
    for (int i = 0; i < post->blocks; i++)
        for (size_t k = 0; k < width; k++)
            m->stack.block[i].scale->w[k] = FIRST_SCALE;

    m->features = floats(rows * TELU_POSTNET_FEATURES);
    m->x = floats(rows * width);
    m->o = floats(rows * TELU_POSTNET_OUTPUTS);
    m->y = floats(rows * TELU_COEFS);
    m->wave = floats((size_t)B * (2 * T + 1) * TELU_HOP);
    m->dx = floats(rows * width);
    m->dy = floats(rows * TELU_COEFS);
    m->doo = floats(rows * TELU_POSTNET_OUTPUTS);
    m->scratch = (struct stack_scratch){ floats(rows * width), floats(rows * width),
                                         floats(rows * wide), floats(rows * wide) };
    return m;
}

void corrector_free(struct corrector *m)
{
    float *all[] = { m->features, m->x, m->o, m->y, m->wave, m->dx, m->dy, m->doo,
                     m->scratch.da, m->scratch.db, m->scratch.dh, m->scratch.dg };

    for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++)
        free(all[k]);
    stack_release(&m->stack);
    params_free(m->p);
    free(m);
}

struct job {
    struct corrector *m;
    const struct trace_row *const *row;
    int T;
};

static void piece_features(void *arg, int b, int thread)
{
    const struct job *j = arg;
    float *f = j->m->features + (size_t)b * j->T * TELU_POSTNET_FEATURES;

    (void)thread;
    for (int t = 0; t < j->T; t++, f += TELU_POSTNET_FEATURES) {
        struct telu_postnet_packet p = trace_packet(&j->row[b][t]);

        telu_postnet_features(f, &p);
    }
}

static void piece_change(void *arg, int b, int thread)
{
    const struct job *j = arg;
    size_t r = (size_t)b * j->T;

    (void)thread;
    for (int t = 0; t < j->T; t++, r++) {
        struct telu_postnet_packet p = trace_packet(&j->row[b][t]);
        float *y = j->m->y + r * TELU_COEFS;

        telu_postnet_change(y, j->m->o + r * TELU_POSTNET_OUTPUTS, &p);
        for (int k = 0; k < TELU_COEFS; k++)
            y[k] += p.c[k];
    }
}

static void piece_grad(void *arg, int b, int thread)
{
    const struct job *j = arg;
    size_t r = (size_t)b * j->T;

    (void)thread;
    for (int t = 0; t < j->T; t++, r++) {
        struct telu_postnet_packet p = trace_packet(&j->row[b][t]);

        change_grad(j->m->doo + r * TELU_POSTNET_OUTPUTS, j->m->dy + r * TELU_COEFS,
                    j->m->o + r * TELU_POSTNET_OUTPUTS, &p);
    }
}

void corrector_forward(struct corrector *m, const struct trace_row *const *row, int B, int T)
{
    struct job j = { m, row, T };
    int R = B * T, W = m->post.width;

    pool_run(piece_features, &j, B);
    gemm_forward(m->stack.block[0].x, m->features, m->in_w->w, m->in_b->w, R,
                 TELU_POSTNET_FEATURES, W);
    stack_forward(&m->stack, m->x, B, T);
    gemm_forward(m->o, m->x, m->out_w->w, m->out_b->w, R, W, TELU_POSTNET_OUTPUTS);
    pool_run(piece_change, &j, B);
    telu_imdct_simd(NULL, m->wave, m->y, B, 2 * T);
}

void corrector_backward(struct corrector *m, const float *dwave,
                        const struct trace_row *const *row, int B, int T)
{
    struct job j = { m, row, T };
    int R = B * T, W = m->post.width;

    telu_mdct_simd(NULL, m->dy, dwave, B, 2 * T);
    pool_run(piece_grad, &j, B);
    gemm_backward(m->dx, 0.0f, m->out_w->g, m->out_b->g, m->doo, m->x, m->out_w->w, R, W,
                  TELU_POSTNET_OUTPUTS);
    stack_backward(&m->stack, &m->scratch, m->dx, B, T);
    gemm_backward(NULL, 0.0f, m->in_w->g, m->in_b->g, m->dx, m->features, m->in_w->w, R,
                  TELU_POSTNET_FEATURES, W);
}
