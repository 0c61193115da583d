/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* params.c - see params.h. */
#include "params.h"

#include "memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count_tensor(void *user, const struct telu_tensor *t)
{
    (void)t;
    ++*(int *)user;
    return 0;
}

static int add_tensor(void *user, const struct telu_tensor *t)
{
    struct params *p = user;
    struct param *e = &p->all[p->count++];

    e->t = *t;
    if (t->kind == TELU_TABLE)
        return 0;
    e->n = (size_t)t->shape[0] * t->shape[1] * t->shape[2];
    *(t->kind == TELU_WEIGHT ? &p->total : &p->books_total) += e->n;
    return 0;
}

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n >= m && !strcmp(s + n - m, tail);
}

static void fill(struct params *p, int i, struct rng *rng)
{
    struct param *e = &p->all[i];
    float bound = 0.0f, fixed = 0.0f;

    if (e->t.decay)
        bound = 1.0f / sqrtf((float)e->t.shape[1]);
    else if (ends_with(e->t.name, "norm.g"))
        fixed = 1.0f;
    else if (ends_with(e->t.name, "norm.b"))
        fixed = 0.0f;
    else if (ends_with(e->t.name, ".scale"))
        fixed = 0.5f;
    else                       /* a bias: it follows its matrix in the list */
        bound = 1.0f / sqrtf((float)p->all[i - 1].t.shape[1]);
    for (size_t k = 0; k < e->n; k++)
        e->w[k] = bound > 0.0f ? rng_uniform(rng, -bound, bound) : fixed;
}

static int each_tensor(const struct telu_config *cfg, const struct telu_postnet_config *post,
                       int (*fn)(void *user, const struct telu_tensor *t), void *user)
{
    return post ? telu_postnet_tensors(cfg, post, fn, user) : telu_config_tensors(cfg, fn, user);
}

struct params *params_new(const struct telu_config *cfg, const struct telu_postnet_config *post,
                          struct rng *rng)
{
    struct params *p = zeroed(sizeof(*p));
    size_t at = 0, book = 0;
    int n = 0;

    each_tensor(cfg, post, count_tensor, &n);
    p->all = zeroed(sizeof(*p->all) * n);
    each_tensor(cfg, post, add_tensor, p);
    p->value = floats(p->total);
    p->grad = floats(p->total);
    p->books = floats(p->books_total);
    for (int i = 0; i < p->count; i++) {
        struct param *e = &p->all[i];

        if (e->t.kind == TELU_WEIGHT) {
            e->w = p->value + at;
            e->g = p->grad + at;
            at += e->n;
            fill(p, i, rng);
        } else if (e->t.kind == TELU_CODEBOOK) {
            e->w = p->books + book;
            book += e->n;
        }
    }
    return p;
}

void params_free(struct params *p)
{
    if (!p)
        return;
    free(p->all);
    free(p->value);
    free(p->grad);
    free(p->books);
    free(p);
}

struct param *params_get(struct params *p, const char *prefix, int index,
                         const char *name)
{
    char full[64];

    telu_tensor_name(full, sizeof(full), prefix, index, name);
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->all[i].t.name, full))
            return &p->all[i];
    die("no tensor %s in this network", full);
}

void params_zero_grad(struct params *p)
{
    memset(p->grad, 0, sizeof(float) * p->total);
}
