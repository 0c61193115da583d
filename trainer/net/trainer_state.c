/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trainer_state.c - see trainer_state.h and step.h. */
#include "trainer_state.h"

#include "step.h"

#define PLACE(place) ((struct trainer *)0)->place

#define SAME_ARRAY(name, field, type, count, place) \
    _Static_assert(sizeof(type) == sizeof(*PLACE(place)), "type of " #field);
#define SAME_VALUE(name, field, type, place) \
    _Static_assert(sizeof(type) == sizeof(PLACE(place)), "type of " #field);
#define SAME_HOST(name, type, place) \
    _Static_assert(sizeof(type) == sizeof(PLACE(place)), "type of " name);

TRAINER_STATE(SAME_ARRAY, SAME_VALUE, SAME_HOST)

struct state_counts trainer_counts(const struct trainer *t)
{
    const struct vq *v = t->model->vq;

    return (struct state_counts){ t->model->p->total, t->model->p->books_total,
                                  v->state_total, (size_t)v->stages * v->codes };
}

static int add_counts(void *user, const struct telu_tensor *t)
{
    struct state_counts *counts = user;
    const size_t n = (size_t)t->shape[0] * t->shape[1] * t->shape[2];

    counts->weights += t->kind == TELU_WEIGHT ? n : 0;
    counts->codebooks += t->kind == TELU_CODEBOOK ? n : 0;
    return 0;
}

struct state_counts trainer_counts_of(const struct telu_config *cfg)
{
    struct state_counts counts = { 0 };

    telu_config_tensors(cfg, add_counts, &counts);
    counts.hits = (size_t)cfg->stages * cfg->codes;
    counts.means = counts.codebooks + counts.hits;
    return counts;
}

#define GET_ARRAY(name, field, type, count, place) s.field = t->place;
#define GET_VALUE(name, field, type, place) s.field = t->place;

struct telu_train_state trainer_state(struct trainer *t)
{
    struct telu_train_state s;

    TRAINER_STATE(GET_ARRAY, GET_VALUE, STATE_SKIP)
    return s;
}

#define SET_VALUE(name, field, type, place) t->place = s->field;

void trainer_set_values(struct trainer *t, const struct telu_train_state *s)
{
    TRAINER_STATE(STATE_SKIP, SET_VALUE, STATE_SKIP)
}
