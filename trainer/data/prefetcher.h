/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* prefetcher.h - a thread that cuts batches ahead of need, in the order and with the random
 * numbers that trainer_crop() would have had at each step. */
#ifndef PREFETCHER_H
#define PREFETCHER_H

#include "step.h"

#define PREFETCHER_BATCHES 4

struct prefetcher_batch {
    int which;                 /* 0 .. PREFETCHER_BATCHES - 1, in turn */
    int *stages;               /* as trainer->stages */
    struct rng after;          /* trainer->rng once this batch was cut */
};

struct prefetcher;

/* Starts with what t->rng is now. buffer(user, which): where to put batch `which`; may
 * wait; NULL with error() when that failed. t and data stay as they are until
 * prefetcher_free(). */
struct prefetcher *prefetcher_new(const struct trainer *t, const struct dataset *data,
                                  float *(*buffer)(void *user, int which), void *user,
                                  const char *(*error)(void));
void prefetcher_free(struct prefetcher *f);

/* Waits for the next batch, which stays until prefetcher_used(). Exits when there is no room
 * for it. */
const struct prefetcher_batch *prefetcher_take(struct prefetcher *f);

/* Its room may be asked for again. */
void prefetcher_used(struct prefetcher *f);

#endif
