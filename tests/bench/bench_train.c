/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_train.c - times training steps of the default network on the device, from random
 * weights: prints seconds of speech per second. */
#include "bench_gpu.h"

#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 50             /* of an item: a second, the trainer's default */
#define LEAD    32             /* steps between two readings of the results */

struct sizes {
    size_t weights, books;
};

static int add_size(void *user, const struct telu_tensor *t)
{
    struct sizes *s = user;
    size_t n = (size_t)t->shape[0] * t->shape[1] * t->shape[2];

    if (t->kind == TELU_WEIGHT)
        s->weights += n;
    else if (t->kind == TELU_CODEBOOK)
        s->books += n;
    return 0;
}

struct filler {
    float *at;
    uint32_t seed;
};

/* Fills the weights as the trainer does: matrices scaled by their inputs, gains 1, scales of
 * blocks 0.5. */
static int fill(void *user, const struct telu_tensor *t)
{
    struct filler *f = user;
    size_t n = (size_t)t->shape[0] * t->shape[1] * t->shape[2], length = strlen(t->name);
    int scale = length > 6 && !strcmp(t->name + length - 6, ".scale");
    float fixed = strstr(t->name, "norm.g") ? 1.0f : scale ? 0.5f : 0.0f;

    if (t->kind != TELU_WEIGHT)
        return 0;
    for (size_t i = 0; i < n; i++)
        *f->at++ = t->decay ? (float)((2.0 * tiny_random(&f->seed) - 1.0) /
                                      sqrt(t->shape[1])) : fixed;
    return 0;
}

static void release(struct telu_train_state *s)
{
    free(s->value);
    free(s->books);
    free(s->m);
    free(s->v);
    free(s->ema);
    free(s->hits);
}

static int start(struct telu_train_state *s, const struct telu_config *cfg)
{
    struct sizes n = { 0 };
    struct filler f = { .seed = 1 };
    size_t ema = 0;

    telu_config_tensors(cfg, add_size, &n);
    for (int i = 0; i < cfg->stages; i++)
        ema += (size_t)cfg->codes * (1 + cfg->dim[i]);
    *s = (struct telu_train_state){
        .value = calloc(n.weights, sizeof(float)), .books = calloc(n.books, sizeof(float)),
        .m = calloc(n.weights, sizeof(float)), .v = calloc(n.weights, sizeof(float)),
        .ema = calloc(ema, sizeof(float)),
        .hits = calloc((size_t)cfg->stages * cfg->codes, sizeof(uint32_t)),
    };
    s->rng.key = 1;
    f.at = s->value;
    if (!s->value || !s->books || !s->m || !s->v || !s->ema || !s->hits)
        return -1;
    telu_config_tensors(cfg, fill, &f);
    return 0;
}

static int descending(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

/* Draws crops and stages like trainer_crop(). */
static void draw(const struct bench *b, float *x, int *stages, int B, int T, uint32_t *seed)
{
    const int stride = (2 * T + 1) * TELU_HOP, most = b->m->cfg.stages;

    for (int i = 0; i < B; i++) {
        int at = (int)(tiny_random(seed) * (BENCH_SOUND - stride));

        memcpy(x + (size_t)i * stride, b->sound + at, sizeof(float) * (size_t)stride);
        stages[i] = i < B / 2 ? (3 * most + 3) / 4 : 1 + (int)(tiny_random(seed) * most);
    }
    qsort(stages, (size_t)B, sizeof(int), descending);
}

/* Runs steps for `seconds` and reads their results. Returns their number, or -1. */
static int steps(const struct bench *b, void *t, int *stages, int B, int T, int least,
                 double seconds, double *took, struct telu_train_result *last)
{
    static struct telu_train_result r[TELU_TRAIN_RESULTS];
    uint32_t seed = 1;
    double begin = bench_now();
    int n = 0, got;

    do {
        for (int i = 0; i < (b->smoke ? 1 : LEAD); i++, n++) {
            float *x = b->mod->training->staging(t, n % TELU_TRAIN_STAGING);

            if (!x)
                return -1;
            draw(b, x, stages, B, T, &seed);
            if (b->mod->training->step(t, n % TELU_TRAIN_STAGING, stages, 1e-4f, 0.99f))
                return -1;
        }
        got = b->mod->training->results(t, r, TELU_TRAIN_RESULTS);
        if (got < 1)
            return -1;
    } while (n < least || bench_now() - begin < seconds);
    *took = bench_now() - begin;
    *last = r[got - 1];
    return n;
}

static int time_training(const struct bench *b, int B, int T, enum telu_precision p)
{
    const struct telu_training *tr = b->mod->training;
    const char *name = p == TELU_TRAIN_BF16 ? "bf16" : "fp32";
    struct telu_train_state s;
    struct telu_train_result last = { 0 };
    int *stages = calloc((size_t)B, sizeof(*stages)), n = -1, bad;
    void *t = NULL;
    double took = 0.0;
    char setting[64];

    bad = !stages || start(&s, &b->m->cfg);
    if (bad)
        fprintf(stderr, "bench_gpu: no memory to train\n");
    else if (!(t = tr->open(b->device, &b->m->cfg, B, T, p)) || tr->put(t, &s))
        bad = bench_failed(b, "training");
    if (!bad)
        n = steps(b, t, stages, B, T, 1, 0.0, &took, &last);   /* graphs, handles */
    if (n >= 0)
        n = steps(b, t, stages, B, T, 1, b->smoke ? 0.0 : 4.0, &took, &last);
    if (!bad && n < 0)
        bad = bench_failed(b, "training steps");
    snprintf(setting, sizeof(setting), "%s, batches of %d x %.1f s", name, B, 0.02 * T);
    if (bad)
        bench_row(b, "training, s of speech per s", setting, "failed");
    else if (!isfinite(last.mel + last.cpx + last.norm)) {
        fprintf(stderr, "bench_gpu: training: mel %g, cpx %g, norm %g\n", last.mel,
                last.cpx, last.norm);
        bench_row(b, "training, s of speech per s", setting, "failed: not finite");
        bad = 1;
    } else
        bench_row(b, "training, s of speech per s", setting,
                  "**%.0f** (%.2f ms a step, %d steps, mel %.2f at the end)",
                  0.02 * T * B * n / took, 1e3 * took / n, n, last.mel);
    if (t)
        tr->close(t);
    if (stages)
        release(&s);
    free(stages);
    return bad;
}

int bench_train(struct bench *b)
{
    static const int batches[] = { 16, 256 };
    int failed = 0;

    if (b->smoke)
        return time_training(b, 2, 6, TELU_TRAIN_FP32) |
               time_training(b, 2, 6, TELU_TRAIN_BF16);
    if (b->batch > 1)
        return time_training(b, b->batch, PACKETS, TELU_TRAIN_BF16) |
               time_training(b, b->batch, PACKETS, TELU_TRAIN_FP32);
    for (int i = 0; i < 2; i++) {
        failed |= time_training(b, batches[i], PACKETS, TELU_TRAIN_FP32);
        failed |= time_training(b, batches[i], PACKETS, TELU_TRAIN_BF16);
    }
    return failed;
}
