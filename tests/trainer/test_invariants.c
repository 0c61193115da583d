/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_invariants.c - tests the rules that training depends on: codebooks begin from
 * data, follow the residuals and stay bounded; no loss drowns another; the decoder has no
 * bounds; gradients are clipped or left out. grad_loss.c covers silence, squares, clicks. */
#include "expect.h"
#include "gemm.h"
#include "memory.h"
#include "step.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS   600             /* of latents, in 3 items */
#define ITEMS  3
#define LATENT 16

static struct telu_config small(int stages, int codes)
{
    struct telu_config c = {
        .enc_width = 32, .enc_blocks = 1, .dec_width = 32, .dec_blocks = 1,
        .kernel = 3, .expand = 2, .latent = LATENT, .stages = stages, .codes = codes,
        .env_stages = 1,
    };

    for (int s = 0; s < stages; s++)
        c.dim[s] = 8;
    return c;
}

struct bench {
    struct params *p;
    struct vq *v;
    struct rng rng;
    int stages[ITEMS];
    float x[ROWS * LATENT], sum[ROWS * LATENT], dx[ROWS * LATENT];
};

static struct bench *bench(int stages, int codes)
{
    struct bench *b = zeroed(sizeof(*b));
    struct telu_config c = small(stages, codes);

    rng_seed(&b->rng, 11);
    b->p = params_new(&c, NULL, &b->rng);
    b->v = vq_new(&c, b->p, &b->rng);
    for (int i = 0; i < ITEMS; i++)
        b->stages[i] = stages;
    return b;
}

static void bench_free(struct bench *b)
{
    vq_free(b->v);
    params_free(b->p);
    free(b);
}

static double step(struct bench *b, float decay)
{
    return vq_forward(b->v, b->sum, b->x, b->stages, ITEMS, ROWS / ITEMS, decay);
}

/* Draws `clusters` clouds; row k lies in cloud k mod clusters. */
static void clouds(struct bench *b, int clusters, float apart, float wide)
{
    float centre[64 * LATENT];

    for (int i = 0; i < clusters * LATENT; i++)
        centre[i] = apart * rng_normal(&b->rng);
    for (int r = 0; r < ROWS; r++)
        for (int d = 0; d < LATENT; d++)
            b->x[r * LATENT + d] = centre[r % clusters * LATENT + d] +
                                   wide * rng_normal(&b->rng);
}

static double distance(const float *a, const float *b, int n)
{
    double sum = 0.0;

    for (int i = 0; i < n; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum);
}

/* Each code starts on one of the latents, whatever their size. */
static void test_start(float level)
{
    struct bench *b = bench(2, 32);
    double worst = 0.0, size = 0.0;

    clouds(b, 20, level, 0.3f * level);
    step(b, 0.999f);
    for (int s = 0; s < 2; s++) {
        const struct vq_stage *st = &b->v->s[s];

        size = cblas_snrm2(ROWS * st->dim, st->z, 1) / sqrt(ROWS);
        for (int c = 0; c < 32; c++) {
            double nearest = INFINITY;

            for (int r = 0; r < ROWS; r++)
                nearest = fmin(nearest, distance(st->book->w + c * st->dim,
                                                 st->z + r * st->dim, st->dim));
            worst = fmax(worst, nearest / (size + 0.01));
        }
    }
    check(worst < 0.3, "codes that begin away from the data, distance / size", worst);
    bench_free(b);
}

/* Each code becomes the mean of its rows, stage after stage: the second stage's rows are
 * the first one's residuals. */
static void test_centroids(void)
{
    struct bench *b = bench(2, 16);
    double error = 0.0;

    clouds(b, 16, 1.0f, 0.05f);
    for (int i = 0; i < 400; i++)
        step(b, 0.9f);
    for (int s = 0; s < 2; s++) {
        const struct vq_stage *st = &b->v->s[s];
        const int32_t *index = b->v->index + (size_t)s * b->v->rows;
        double worst = 0.0, spread = 0.0;

        for (int c = 0; c < 16; c++) {
            float mean[TELU_MAX_DIM] = { 0 };
            int n = 0;

            for (int r = 0; r < ROWS; r++)
                n += index[r] == c;
            for (int r = 0; r < ROWS; r++)
                for (int d = 0; d < st->dim && index[r] == c; d++)
                    mean[d] += st->z[r * st->dim + d] / n;
            if (n)
                worst = fmax(worst, distance(mean, st->book->w + c * st->dim, st->dim));
        }
        spread = cblas_snrm2(ROWS * st->dim, st->z, 1) / sqrt(ROWS);
        check(worst < 0.01 * spread,
              s ? "codes of stage 1 off their centroids, of spread"
                : "codes of stage 0 off their centroids, of spread",
              worst / spread);
    }
    /* 16 codes on 16 clouds of deviation 0.05 reach nearly the least error. */
    step(b, 0.0f);
    for (int i = 0; i < ROWS * b->v->s[0].dim; i++)
        error += pow(b->v->s[0].z[i] - b->v->s[0].q[i], 2);
    error = sqrt(error) / cblas_snrm2(ROWS * b->v->s[0].dim, b->v->s[0].z, 1);
    check(error < 0.4, "error of 16 codes on 16 clouds, of their size", error);
    bench_free(b);
}

/* The data move away, and the codes left behind restart among them. */
static void test_restart(void)
{
    struct bench *b = bench(1, 32);
    float share;

    clouds(b, 32, 0.01f, 0.001f);
    for (int i = 0; i < 50; i++)
        step(b, 0.9f);
    for (int r = 0; r < ROWS * LATENT; r++)
        b->x[r] = 5.0f + rng_normal(&b->rng);
    for (int i = 0; i < 100; i++)
        step(b, 0.9f);
    vq_clear_use(b->v);
    step(b, 0.9f);
    vq_use(b->v, &share);
    check(share > 0.8f, "share of the codes in use after the data moved", share);
    check(b->v->restarts == 0, "codes restarted though all are in use", b->v->restarts);
    bench_free(b);
}

/* The latents grow tenfold from step to step, jump and fall back. */
static void test_adversary(void)
{
    static const float level[] = { 1, 10, 1e2f, 1e4f, 1e6f, 1e-6f, 1e6f, 0, 1e3f, 1 };
    struct bench *b = bench(4, 32);
    double worst = 0.0, steepest = 0.0;

    for (size_t i = 0; i < sizeof(level) / sizeof(*level); i++) {
        float dsum[ROWS * LATENT] = { 0 };

        for (int k = 0; k < ROWS * LATENT; k++)
            b->x[k] = level[i] * rng_normal(&b->rng) * (k % 97 ? 1.0f : 30.0f);
        worst = fmax(worst, step(b, 0.98f));
        vq_backward(b->v, b->dx, dsum, b->stages, ITEMS, ROWS / ITEMS, 1.0f, 0.1f);
        steepest = fmax(steepest, cblas_snrm2(ROWS * LATENT, b->dx, 1));
    }
    check(isfinite(worst) && isfinite(steepest), "loss on adversarial latents", worst);
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < ROWS * LATENT; k++)
            b->x[k] = rng_normal(&b->rng);
        worst = step(b, 0.98f);
    }
    check(worst < 16.0, "commitment loss 20 steps after adversarial latents", worst);
    bench_free(b);
}

/* The loss is relative: a thousandfold latent has the loss of a single one. */
static void test_relative(void)
{
    double loss[2];

    for (int i = 0; i < 2; i++) {
        struct bench *b = bench(4, 32);

        clouds(b, 50, i ? 1000.0f : 1.0f, i ? 300.0f : 0.3f);
        for (int k = 0; k < 30; k++)
            loss[i] = step(b, 0.98f);
        bench_free(b);
    }
    check(loss[1] < 1.2 * loss[0] && loss[1] < 4.0,
          "commitment loss of latents a thousand times larger", loss[1]);
}

/* Gradients of sizes 1, 1000 and 0.001 weigh by their shares, not by their sizes. */
static void test_balance(void)
{
    static const double size[BALANCE_TERMS] = { 1.0, 1000.0, 0.001 };
    struct balance b = { 0 };
    static float x[3000], at[BALANCE_TERMS][3000];
    double part[BALANCE_TERMS] = { 0 }, all = 0.0;
    float *g[BALANCE_TERMS];

    for (int t = 0; t < BALANCE_TERMS; t++)
        g[t] = at[t];
    for (int i = 0; i < 3000; i++) {
        x[i] = 0.1f;
        at[i % 3][i] = (float)size[i % 3];
    }
    balance_run(&b, g, x, 1, 3000, 3000, NULL);
    for (int i = 0; i < 3000; i++)
        part[i % 3] += (double)at[0][i] * at[0][i];
    for (int t = 0; t < BALANCE_TERMS; t++)
        all += sqrt(part[t]);
    for (int t = 0; t < BALANCE_TERMS; t++)
        check(sqrt(part[t]) > 0.01 * all && sqrt(part[t]) < 0.6 * all,
              "share of a loss in the gradient", sqrt(part[t]) / all);
}

static float largest(const float *x, int n)
{
    float most = 0.0f;

    for (int i = 0; i < n; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return most;
}

/* The decoder has no tanh or clamp: its output has the level that its weights give, and
 * learns any. */
static void test_unbounded(void)
{
    struct telu_config c = small(4, 32);
    struct trainer *t = trainer_new(&c, 1, 20, 3);
    struct model *m = t->model;

    for (int i = 0; i < t->stride; i++)
        t->x[i] = 5.0f * (float)sin(0.1 * i);
    t->stages[0] = c.stages;
    for (int i = 0; i < 150; i++)
        trainer_step(t, 1e-2f, 0.9f);
    check(largest(m->wave + MODEL_LEAD, MODEL_COMPLETE(20)) > 2.0f,
          "peak of the output, of a peak of 5 learnt by heart",
          largest(m->wave + MODEL_LEAD, MODEL_COMPLETE(20)));
    for (size_t i = 0; i < m->value_w->n; i++)
        m->value_w->w[i] *= 1000.0f;
    model_forward(m, t->x, t->stages, 1, 20, 0.0f);
    check(largest(m->wave + MODEL_LEAD, MODEL_COMPLETE(20)) > 1000.0f,
          "peak of the output with values a thousand times larger",
          largest(m->wave + MODEL_LEAD, MODEL_COMPLETE(20)));
    trainer_free(t);
}

/* Adam's first moment is 0.2 of the clipped gradient after one step. */
static void test_clip(void)
{
    struct telu_config c = small(4, 32);
    struct trainer *t = trainer_new(&c, 2, 20, 3);
    struct step_result r;
    double m;

    for (int i = 0; i < 2 * t->stride; i++)
        t->x[i] = 0.3f * rng_normal(&t->rng);
    t->stages[0] = t->stages[1] = c.stages;
    for (int i = 0; i < TELU_COEFS; i++)
        t->model->value_b->w[i] = 50.0f;       /* far off: a steep slope */
    r = trainer_step(t, 1e-3f, 0.9f);
    m = cblas_snrm2((int)t->model->p->total, t->adam.m, 1) / 0.2;
    check(r.norm > 1.5, "length of a steep gradient", r.norm);
    check(m > 0.99 && m < 1.01, "length of the clipped gradient", m);
    trainer_free(t);
}

/* A skipped step leaves weights, optimiser and codebooks unchanged to the bit. */
static void test_skip(float poison)
{
    struct telu_config c = small(4, 32);
    struct trainer *t = trainer_new(&c, 2, 20, 3);
    const struct params *p = t->model->p;
    size_t n = sizeof(float) * p->total, books = sizeof(float) * p->books_total;
    float *value = zeroed(n), *m = zeroed(n), *book = zeroed(books);
    struct step_result r;

    t->stages[0] = t->stages[1] = c.stages;
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < 2 * t->stride; i++)
            t->x[i] = 0.3f * rng_normal(&t->rng);
        if (k == 3)
            t->x[700] = poison;
        memcpy(value, p->value, n);
        memcpy(m, t->adam.m, n);
        memcpy(book, p->books, books);
        r = trainer_step(t, 1e-3f, 0.9f);
    }
    check(t->skipped == 1 && !isfinite(r.norm), "steps skipped", (double)t->skipped);
    check(!memcmp(value, p->value, n), "a skipped step moved the weights", poison);
    check(!memcmp(m, t->adam.m, n), "a skipped step moved the optimiser", poison);
    check(!memcmp(book, p->books, books), "a skipped step moved the codebooks", poison);
    t->x[700] = 0.0f;
    r = trainer_step(t, 1e-3f, 0.9f);
    check(isfinite(r.norm) && t->skipped == 1, "gradient after a skipped step", r.norm);
    free(value);
    free(m);
    free(book);
    trainer_free(t);
}

/* The random gain spreads the levels of a batch far wider than the recordings. */
static void test_gain(void)
{
    static float pcm[TELU_RATE];
    struct clip clip = { .pcm = pcm, .n = TELU_RATE, .times = 1 };
    struct dataset d = { .clip = &clip, .n = 1, .total = TELU_RATE };
    struct telu_config c = small(1, 32);
    struct trainer *t = trainer_new(&c, 16, 20, 3);
    double low = INFINITY, high = 0.0;

    for (int i = 0; i < TELU_RATE; i++)
        pcm[i] = 0.1f * (float)sin(0.3 * i);
    for (int k = 0; k < 8; k++) {
        trainer_crop(t, &d);
        for (int b = 0; b < 16; b++) {
            double level =
                cblas_snrm2(TELU_PACKET * 20, t->x + b * t->stride + MODEL_LEAD, 1);

            low = fmin(low, level);
            high = fmax(high, level);
        }
    }
    check(20.0 * log10(high / low) > 25.0, "range of the random gain, dB",
          20.0 * log10(high / low));
    trainer_free(t);
}

int main(void)
{
    gemm_threads(1);
    test_start(1.0f);
    test_start(1e-3f);
    test_start(1e3f);
    test_centroids();
    test_restart();
    test_adversary();
    test_relative();
    test_balance();
    test_unbounded();
    test_clip();
    test_skip(NAN);
    test_skip(INFINITY);
    test_gain();
    return failed;
}
