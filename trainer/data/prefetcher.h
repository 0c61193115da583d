/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* prefetcher.h - a thread that cuts batches ahead of need, in the order and with the random
 * numbers that trainer_crop() would have had at each step. */
#ifndef FEED_H
#define FEED_H

#include "step.h"

#define FEED_BATCHES 4

struct feed_batch {
    int which;                 /* 0 .. FEED_BATCHES - 1, in turn */
    int *stages;               /* as trainer->stages */
    struct rng after;          /* trainer->rng once this batch was cut */
};

struct feed;

/* Starts with what t->rng is now. room(user, which): where to put batch `which`; may
 * wait; NULL with error() when that failed. t and data stay as they are until
 * feed_free(). */
struct feed *feed_new(const struct trainer *t, const struct dataset *data,
                      float *(*room)(void *user, int which), void *user,
                      const char *(*error)(void));
void feed_free(struct feed *f);

/* Waits for the next batch, which stays until feed_used(). Exits when there is no room
 * for it. */
const struct feed_batch *feed_take(struct feed *f);

/* Its room may be asked for again. */
void feed_used(struct feed *f);

#endif
