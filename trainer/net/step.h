/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.h - one training step: crops, forward, losses, backward, AdamW. */
#ifndef STEP_H
#define STEP_H

#include "adamw.h"
#include "balance.h"
#include "dataset.h"
#include "loss.h"
#include "model.h"
#include "trainer_state.h"

/* All state that training changes, and the arrays for a batch. */
struct trainer {
    struct model *model;
    struct loss *loss;
    struct adamw adam;
    struct balance balance;
    struct rng rng;
    const struct reduce *reduce;   /* NULL: one rank; see trainer_reduce() */
    long skipped;              /* steps skipped because of a gradient that was not finite */
    int B, T, stride;          /* items, packets and floats of an item */
    float *x, *grad[BALANCE_TERMS];
    int *stages;               /* [B], descending */
    int *drawn;                /* of all ranks' items */
};

struct step_result {
    struct loss_value loss;
    double commit, norm;       /* norm: of the gradient, before clipping */
};

struct trainer *trainer_new(const struct telu_config *cfg, int batch, int packets,
                            uint64_t seed);
void trainer_free(struct trainer *t);

/* Makes t one rank of several, whose gradients and statistics r sums. */
void trainer_reduce(struct trainer *t, const struct reduce *r);

/* trainer_state.h: trainer_counts() returns the arrays' lengths, trainer_counts_of() those that a
 * trainer of that network would have; the others get the state, with pointers to t's own arrays,
 * and put back the values alone. */
struct state_counts trainer_counts(const struct trainer *t);
struct state_counts trainer_counts_of(const struct telu_config *cfg);
struct telu_train_state trainer_state(struct trainer *t);
void trainer_set_values(struct trainer *t, const struct telu_train_state *s);

/* Fills t->x with random crops at random levels, and t->stages with random numbers of
 * stages. */
void trainer_crop(struct trainer *t, const struct dataset *data);

/* Learns from the batch in t->x. rate: learning rate; decay: of the codebooks. */
struct step_result trainer_step(struct trainer *t, float rate, float decay);

#endif
