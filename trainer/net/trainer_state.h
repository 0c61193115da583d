/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trainer_state.h - the state that training changes, in one list: checkpoints hold it,
 * ranks share it, devices load and return it.
 *
 *   ARRAY(name, field, type, count, place)    `count` elements: see struct state_counts
 *   VALUE(name, field, type, place)           one number or struct
 *   HOST(name, type, place)                   one struct that no device has
 *
 * name:  of the part in a checkpoint, in the order of the file; "": left out there
 * field: in struct telu_train_state and on a device
 * place: in struct trainer
 */
#ifndef TRAINER_STATE_H
#define TRAINER_STATE_H

#include "balance.h"
#include "counter_rng.h"

#include <stddef.h>
#include <stdint.h>

#define TRAINER_STATE(ARRAY, VALUE, HOST)                                          \
    ARRAY("weights",   value,     float,    weights,   model->p->value)            \
    ARRAY("codebooks", books,     float,    codebooks, model->p->books)            \
    ARRAY("adam.m",    m,         float,    weights,   adam.m)                     \
    ARRAY("adam.v",    v,         float,    weights,   adam.v)                     \
    VALUE("adam.step", adam_step, long,                adam.step)                  \
    ARRAY("vq",        ema,       float,    means,     model->vq->state)           \
    VALUE("vq.ready",  ready,     int,                 model->vq->ready)           \
    HOST("chance",                struct rng,          rng)                        \
    VALUE("balance",   balance,   struct balance,      balance)                    \
    VALUE("vq.chance", rng,       struct counter_rng,  model->vq->rng)             \
    ARRAY("",          hits,      uint32_t, hits,      model->vq->hits)            \
    VALUE("",          skipped,   long,                skipped)                    \
    VALUE("",          restarts,  uint32_t,            model->vq->restarts)

/* Elements of the arrays, derived from the config. */
struct state_counts {
    size_t weights, codebooks; /* of all tensors of a kind */
    size_t means;              /* counts and sums of every code */
    size_t hits;               /* (stages, codes) */
};

#define STATE_SKIP(...)
#define STATE_POINTER(name, field, type, count, place) type *field;
#define STATE_FIELD(name, field, type, place) type field;

/* The state that a device loads and returns: arrays of the host, and values. */
struct telu_train_state {
    TRAINER_STATE(STATE_POINTER, STATE_FIELD, STATE_SKIP)
};

#endif
