/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* remote.h - a tiny network in training on the module's device, for its tests. */
#ifndef REMOTE_H
#define REMOTE_H

#include "expect.h"
#include "gemm.h"
#include "memory.h"
#include "module.h"
#include "rng.h"
#include "schedule.h"
#include "step.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 3
#define PACKETS 6
#define DECAY 0.6f             /* fast: codes die and restart within 20 steps */
#define HITS (3 * 16)          /* stages and codes of tiny() */

static const struct telu_module *module;
static const struct telu_training *ops;

/* Returns 0, or 77 after printing why when there is no device. */
static inline int open_module(void)
{
    module = telu_module_open(NULL);
    if (!module || module->devices() < 1) {
        printf("%s\n", module ? module->error() : telu_error());
        return 77;
    }
    ops = module->training;
    gemm_threads(1);
    return 0;
}

static inline struct telu_config tiny(void)
{
    struct telu_config c = {
        .enc_width = 32, .enc_blocks = 2, .dec_width = 40, .dec_blocks = 1,
        .kernel = 3, .expand = 2, .latent = 24, .stages = 3, .codes = 16,
        .dim = { 16, 9, 8 }, .env_stages = 1,
    };

    return c;
}

static inline struct trainer *fresh(void)
{
    struct telu_config c = tiny();

    return trainer_new(&c, ITEMS, PACKETS, 7);
}

/* Batch `step`: a glide with noise, louder and softer; stages descending. */
static inline void fill(float *x, int *stages, int stride, int step)
{
    struct rng rng;

    rng_seed(&rng, 100 + (uint64_t)step);
    for (int b = 0; b < ITEMS; b++) {
        float level = 0.02f + 0.1f * (float)b, phase = rng_uniform(&rng, 0.0f, 6.0f);

        for (int i = 0; i < stride; i++)
            x[(size_t)b * stride + i] =
                level * (sinf(phase + (float)i * (0.05f + 0.01f * (float)b)) +
                         0.2f * rng_normal(&rng));
        stages[b] = b == 0 ? 3 : b == 1 ? 2 + step % 2 : 1 + step % 2;
    }
}

/* --- The device's trainer ----------------------------------------------- */

struct remote {
    void *t;
    struct trainer *host;      /* its arrays receive the state */
    struct trainer *start;     /* as it began */
    struct telu_train_state s;
};

static inline int said(int bad, const char *what)
{
    if (bad) {
        failed = 1;
        printf("%s: %s\n", what, module->error());
    }
    return bad;
}

static inline struct remote *remote(enum telu_precision precision)
{
    struct remote *r = zeroed(sizeof(*r));
    struct telu_config c = tiny();

    r->host = fresh();
    r->start = fresh();
    r->s = trainer_state(r->host);
    r->t = ops->open(0, &c, ITEMS, PACKETS, precision);
    if (said(!r->t, "open") || said(ops->put(r->t, &r->s), "put"))
        exit(1);
    return r;
}

static inline void remote_free(struct remote *r)
{
    ops->close(r->t);
    trainer_free(r->host);
    trainer_free(r->start);
    free(r);
}

static inline void begin(struct remote *r, int step)
{
    int stages[ITEMS];

    fill(ops->staging(r->t, step % TELU_TRAIN_STAGING), stages, r->host->stride, step);
    said(ops->step(r->t, step % TELU_TRAIN_STAGING, stages,
                   1e-3f * schedule_rate(step, 0.5), DECAY), "step");
}

#define SAME_ARRAY(name, field, type, n, place) \
    && !memcmp(a->s.field, b->s.field, sizeof(type) * count.n)
#define SAME_VALUE(name, field, type, place) \
    && !memcmp(&a->s.field, &b->s.field, sizeof(type))

/* Returns 1 when both states are equal to the bit. */
static inline int same(const struct remote *a, const struct remote *b)
{
    const struct state_counts count = trainer_counts(a->host);

    return 1 TRAINER_STATE(SAME_ARRAY, SAME_VALUE, STATE_SKIP);
}

#endif
