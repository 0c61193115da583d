/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grad_postnet.c - checks the gradient of the post-network in training, tensor by tensor, against
 * difference quotients. */
#include "corrector.h"
#include "gemm.h"
#include "memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define B 3
#define T 6
#define SAMPLES (B * (2 * T + 1) * TELU_HOP)

static int failed;

/* Fills packets of all kinds with random numbers. The steps are wide enough that no correction is
 * clipped: there the gradient would jump. */
static void fill(struct trace_row *row, struct rng *rng)
{
    for (int i = 0; i < B * T; i++) {
        row[i].kind = (enum telu_postnet_kind)(i % TELU_POSTNET_KINDS);
        row[i].stages = i % 7;
        row[i].confidence[0] = row[i].confidence[1] = 0.3f;
        for (int k = 0; k < TELU_COEFS; k++) {
            row[i].c[k] = 0.1f * rng_normal(rng);
            row[i].base[k] = 0.1f * rng_normal(rng);
            row[i].prediction[k] = row[i].c[k] + 0.05f * rng_normal(rng);
            row[i].q[k] = row[i].kind == TELU_POSTNET_REFINED && rng_below(rng, 3) == 0;
        }
        for (int b = 0; b < TELU_BANDS; b++)
            row[i].step[b] = 1.0f + 0.1f * (float)b;
    }
}

static double run(struct corrector *m, const struct trace_row *const *row, const float *k)
{
    double sum = 0.0;

    corrector_forward(m, row, B, T);
    for (int i = 0; i < SAMPLES; i++)
        sum += (double)k[i] * m->wave[i];
    return sum;
}

/* Compares the gradient of each tensor along a direction with a difference quotient. */
static void check_tensors(struct corrector *m, const struct trace_row *const *row, const float *k,
                          struct rng *rng)
{
    params_zero_grad(m->p);
    run(m, row, k);
    corrector_backward(m, k, row, B, T);
    for (int i = 0; i < m->p->count; i++) {
        struct param *e = &m->p->all[i];
        float *d = floats(e->n), *keep = floats(e->n);
        double along = 0.0, size = 1e-20, diff, h = 2e-3 / sqrt(e->t.shape[1]);

        for (size_t j = 0; j < e->n; j++)
            size += (double)e->g[j] * e->g[j] / e->n;
        memcpy(keep, e->w, e->n * sizeof(float));
        for (size_t j = 0; j < e->n; j++) {
            d[j] = rng_normal(rng) + e->g[j] / (float)sqrt(size);
            along += (double)d[j] * e->g[j];
            e->w[j] = keep[j] + (float)h * d[j];
        }
        diff = run(m, row, k);
        for (size_t j = 0; j < e->n; j++)
            e->w[j] = keep[j] - (float)h * d[j];
        diff = (diff - run(m, row, k)) / (2.0 * h);
        memcpy(e->w, keep, e->n * sizeof(float));
        if (!(fabs(diff - along) <= 0.02 * fabs(diff)) || diff == 0.0) {
            failed = 1;
            printf("%s: gradient %.6g, difference quotient %.6g\n", e->t.name, along, diff);
        }
        free(d);
        free(keep);
    }
}

int main(void)
{
    const struct telu_postnet_config post = { 16, 2 };
    struct telu_config cfg = telu_config_default();
    struct trace_row *rows = zeroed(sizeof(*rows) * B * T);
    const struct trace_row *row[B];
    float *k = floats(SAMPLES);
    struct corrector *m;
    struct rng rng;

    gemm_threads(1);
    rng_seed(&rng, 7);
    fill(rows, &rng);
    for (int b = 0; b < B; b++)
        row[b] = rows + b * T;
    /* The first and last half hop of a wave lack a neighbour: mdct is imdct's adjoint between. */
    for (int b = 0; b < B; b++)
        for (int i = TELU_HOP; i < 2 * T * TELU_HOP; i++)
            k[b * (2 * T + 1) * TELU_HOP + i] = rng_normal(&rng);
    m = corrector_new(&cfg, &post, B, T, &rng);
    for (size_t i = 0; i < m->out_w->n; i++)
        m->out_w->w[i] = 0.1f * rng_normal(&rng);
    for (size_t i = 0; i < m->out_b->n; i++)
        m->out_b->w[i] = 0.1f * rng_normal(&rng);
    check_tensors(m, row, k, &rng);
    corrector_free(m);
    free(rows);
    free(k);
    return failed;
}
