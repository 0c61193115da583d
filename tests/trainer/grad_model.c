/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grad_model.c - the gradient of a whole small network against finite differences. */
#include "gemm.h"
#include "memory.h"
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define B 3
#define T 9

static int failed;

static struct telu_config tiny(void)
{
    struct telu_config c = {
        .enc_width = 24, .enc_blocks = 2, .dec_width = 40, .dec_blocks = 2,
        .kernel = 3, .expand = 2, .latent = 16, .stages = 3, .codes = 16,
        .dim = { 8, 5, 4 }, .env_stages = 1,
    };

    return c;
}

/* The loss is the scalar product of the sound with fixed numbers. */
static double run(struct model *m, const float *x, const float *k, const int *stages)
{
    double sum = 0.0;

    model_forward(m, x, stages, B, T, 0.0f);
    for (int i = 0; i < B * (2 * T + 1) * TELU_HOP; i++)
        sum += (double)m->wave[i] * k[i];
    return sum;
}

/* Tests each tensor along its own direction. */
static void test_tensors(struct model *m, const float *x, const float *k,
                         const int *stages, struct rng *rng)
{
    int n = B * (2 * T + 1) * TELU_HOP;
    float *dwave = floats(n);

    params_zero_grad(m->p);
    run(m, x, k, stages);
    for (int i = 0; i < n; i++)
        dwave[i] = k[i];
    model_backward(m, dwave, stages, B, T, 0.0f, 0.0f);
    for (int i = 0; i < m->p->count; i++) {
        struct param *e = &m->p->all[i];
        double along = 0.0, size = 0.0, h, diff;
        float *d, *keep;

        if (e->t.kind != TELU_WEIGHT)
            continue;
        d = floats(e->n);
        keep = floats(e->n);
        for (size_t j = 0; j < e->n; j++)
            size += (double)e->g[j] * e->g[j] / e->n;
        size = sqrt(size) + 1e-20;
        for (size_t j = 0; j < e->n; j++) {
            keep[j] = e->w[j];
            d[j] = rng_normal(rng) + e->g[j] / (float)size;
            along += (double)d[j] * e->g[j];
        }
        h = 3e-3 / sqrt(e->t.shape[1]);
        for (size_t j = 0; j < e->n; j++)
            e->w[j] = keep[j] + (float)h * d[j];
        diff = run(m, x, k, stages);
        for (size_t j = 0; j < e->n; j++)
            e->w[j] = keep[j] - (float)h * d[j];
        diff = (diff - run(m, x, k, stages)) / (2.0 * h);
        for (size_t j = 0; j < e->n; j++)
            e->w[j] = keep[j];
        if (!(fabs(diff - along) <= 0.02 * fabs(diff)) || diff == 0.0) {
            failed = 1;
            printf("%s: gradient %.6g, difference quotient %.6g\n", e->t.name, along,
                   diff);
        }
        free(d);
        free(keep);
    }
    free(dwave);
}

/* The true quantiser of one stage, without other losses, has d commit / d latent = in^T 2
 * (z - q) / (D energy) and d size / d latent = in^T 2 z / D. */
static void test_commit(struct rng *rng)
{
    struct telu_config c = tiny();
    struct params *p;
    struct vq *v;
    float x[16], sum[16], dsum[16] = { 0 }, dx[16];
    const int stages[1] = { 1 };
    double energy = 1e-3;

    c.stages = 1;
    p = params_new(&c, NULL, rng);
    v = vq_new(&c, p, rng);
    for (size_t i = 0; i < p->books_total; i++)
        p->books[i] = rng_normal(rng);
    for (int i = 0; i < 16; i++)
        x[i] = rng_normal(rng);
    vq_forward(v, sum, x, stages, 1, 1, 0.0f);
    vq_backward(v, dx, dsum, stages, 1, 1, 0.7f, 0.3f);
    for (int d = 0; d < 8; d++)
        energy += v->s[0].z[d] * v->s[0].z[d] / 8.0;
    for (int i = 0; i < 16; i++) {
        double want = 0.0;

        for (int d = 0; d < 8; d++)
            want += 2.0 / 8.0 * (0.7 / energy * (v->s[0].z[d] - v->s[0].q[d]) +
                                 0.3 * v->s[0].z[d]) * v->s[0].in_w->w[d * 16 + i];
        if (!(fabs(dx[i] - want) < 1e-5)) {
            failed = 1;
            printf("commitment: gradient %d is %g, expected %g\n", i, dx[i], want);
        }
    }
    vq_free(v);
    params_free(p);
}

int main(void)
{
    struct telu_config c = tiny();
    const int stages[B] = { 3, 2, 1 };
    int n = B * (2 * T + 1) * TELU_HOP;
    float *x = floats(n), *k = floats(n);
    struct rng rng;
    struct model *m;

    gemm_threads(1);
    rng_seed(&rng, 3);
    for (int i = 0; i < n; i++) {
        x[i] = 0.2f * rng_normal(&rng);
        k[i] = rng_normal(&rng);
    }
    m = model_new(&c, &rng);
    m->vq->bypass = 1;
    test_tensors(m, x, k, stages, &rng);
    test_commit(&rng);
    model_free(m);
    free(x);
    free(k);
    return failed;
}
