/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.c - see step.h. */
#include "step.h"

#include "constants.h"
#include "memory.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

struct trainer *trainer_new(const struct telu_config *cfg, int batch, int packets,
                            uint64_t seed)
{
    struct trainer *t = zeroed(sizeof(*t));
    size_t n;

    rng_seed(&t->rng, seed);
    t->model = model_new(cfg, &t->rng);
    t->loss = loss_new();
    adamw_init(&t->adam, t->model->p);
    t->B = batch;
    t->T = packets;
    t->stride = (2 * packets + 1) * TELU_HOP;
    n = (size_t)batch * t->stride;
    t->x = floats(n);
    for (int i = 0; i < BALANCE_TERMS; i++)
        t->grad[i] = floats(n);
    t->stages = zeroed(sizeof(int) * batch);
    t->drawn = zeroed(sizeof(int) * batch);
    return t;
}

void trainer_free(struct trainer *t)
{
    model_free(t->model);
    loss_free(t->loss);
    adamw_release(&t->adam);
    free(t->x);
    for (int i = 0; i < BALANCE_TERMS; i++)
        free(t->grad[i]);
    free(t->stages);
    free(t->drawn);
    free(t);
}

void trainer_reduce(struct trainer *t, const struct reduce *r)
{
    t->reduce = t->model->vq->reduce = r;
    free(t->drawn);
    t->drawn = zeroed(sizeof(int) * t->B * reduce_ranks(r));
}

static int descending(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

/* Half of the items vary in level as recordings do; the others vary so widely that a
 * distant whisper is coded as well. */
static float gain(struct trainer *t, int item)
{
    float db = rng_uniform(&t->rng, item % 2 ? -36.0f : -10.0f, 6.0f);

    return powf(10.0f, db / 20.0f);
}

/* Half of the items take three quarters of the stages (6 kbit/s of 16, the rate of the
 * base layer alone), the others any number of them (quantiser dropout). */
static int stages_of(struct trainer *t, int item, int items)
{
    int most = t->model->cfg.stages;

    return item < items / 2 ? (3 * most + 3) / 4 : 1 + (int)rng_below(&t->rng, most);
}

/* Each rank draws for the whole batch, and keeps the items dealt to it (reduce.h). */
void trainer_crop(struct trainer *t, const struct dataset *data)
{
    int ranks = reduce_ranks(t->reduce), rank = t->reduce ? t->reduce->rank : 0;
    int items = t->B * ranks;

    for (int i = 0; i < items; i++) {
        float *x = t->x + (size_t)(i / ranks) * t->stride;
        long last = data->total - (long)TELU_PACKET * t->T;
        long at = last > 0 ? (long)rng_below(&t->rng, last) : 0;
        float level = gain(t, i);

        t->drawn[i] = stages_of(t, i, items);
        if (i % ranks != rank)
            continue;
        dataset_read(data, x, at - MODEL_LEAD, t->stride);
        cblas_sscal(t->stride, level, x, 1);
    }
    qsort(t->drawn, items, sizeof(int), descending);
    for (int b = 0; b < t->B; b++)
        t->stages[b] = t->drawn[b * ranks + rank];
}

struct step_result trainer_step(struct trainer *t, float rate, float decay)
{
    struct model *m = t->model;
    struct step_result r;
    int n = MODEL_COMPLETE(t->T);
    float *g[BALANCE_TERMS];

    r.commit = model_forward(m, t->x, t->stages, t->B, t->T, decay);
    for (int i = 0; i < BALANCE_TERMS; i++)
        g[i] = t->grad[i] + MODEL_LEAD;
    r.loss = loss_run(t->loss, g[0], g[1], g[2], t->x + MODEL_LEAD,
                      m->wave + MODEL_LEAD, t->B, n, t->stride);
    balance_run(&t->balance, g, t->x + MODEL_LEAD, t->B, n, t->stride, t->reduce);
    params_zero_grad(m->p);
    model_backward(m, t->grad[0], t->stages, t->B, t->T, COMMIT_WEIGHT,
                   LATENT_WEIGHT);
    if (t->reduce) {           /* takes the mean, as in one large batch */
        reduce_sum(t->reduce, m->p->grad, m->p->total);
        cblas_sscal((int)m->p->total, 1.0f / (float)t->reduce->ranks, m->p->grad, 1);
    }
    r.norm = grad_norm(m->p);
    if (!isfinite(r.norm))
        t->skipped++;
    else
        adamw_step(&t->adam, m->p, rate, WEIGHT_DECAY,
                   r.norm > GRADIENT_CLIP ? (float)(GRADIENT_CLIP / r.norm) : 1.0f);
    return r;
}
