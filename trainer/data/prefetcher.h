/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* prefetcher.h - cuts batches on a thread ahead of the steps, in the same order and with
 * the same random numbers as trainer_crop() at each step. */
#ifndef PREFETCHER_H
#define PREFETCHER_H

#include "step.h"

#define PREFETCHER_BATCHES 4

struct prefetcher_batch {
    int which;                 /* 0 .. PREFETCHER_BATCHES - 1, in turn */
    int *stages;               /* as trainer->stages */
    struct rng after;          /* trainer->rng after this batch */
};

struct prefetcher;

/* Starts from t->rng. buffer(user, which) returns the buffer of batch `which`; it may wait,
 * and returns NULL, with error(), when it failed. t and data stay unchanged until
 * prefetcher_free(). */
struct prefetcher *prefetcher_new(const struct trainer *t, const struct dataset *data,
                                  float *(*buffer)(void *user, int which), void *user,
                                  const char *(*error)(void));
void prefetcher_free(struct prefetcher *f);

/* Returns the next batch, valid until prefetcher_used(); waits for it. Exits when the
 * batch has no buffer. */
const struct prefetcher_batch *prefetcher_take(struct prefetcher *f);

/* Releases the batch's buffer for a later batch. */
void prefetcher_used(struct prefetcher *f);

#endif
