/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scheduler.h - the inside of a batch: what its streams (batch.c) and the thread of its engine
 * (scheduler.c) share. Streams leave jobs and calls (join, leave, quit) under the lock of the
 * batch, and sleep on a semaphore of their own. The engine belongs to whoever has set
 * `busy`: the thread, or a stream that found it idle and runs its batch itself, which saves
 * two threads' waking up. */
#ifndef TELU_SCHEDULER_H
#define TELU_SCHEDULER_H

#include "batch.h"

#include <pthread.h>
#include <semaphore.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_WHY 512           /* bytes of a reason */

struct telu_batch_stream {
    struct telu_batch *batch;
    enum telu_side side;
    int slot;
    unsigned window;
    struct telu_batch_stream *next, **link;    /* all of its side */
    int expected;              /* a window is kept open for it */

    struct telu_batch_stream *behind;  /* in the queue */
    struct telu_request *job;      /* its owner's; NULL: none waits */
    int failed, left;
    sem_t done;
    int inside;                /* its owner's thread, see batch.c; atomic */
    sem_t out;
};

/* What waits to be encoded, or to be decoded. */
struct telu_queue {
    struct telu_batch_stream *first, **last;
    struct telu_batch_stream *seats;   /* that may come */
    int queued, expected;
    int64_t due;               /* of the first whose window ends */
    int waited;                /* a window was kept open for this batch */
    struct telu_batch_stats stats;
};

enum telu_call_kind { TELU_JOIN, TELU_LEAVE, TELU_QUIT };

struct telu_call {
    enum telu_call_kind kind;
    struct telu_batch_stream *seat;
    struct telu_call *next;
    int failed;
    char why[TELU_WHY];
    sem_t done;
};

struct telu_batch {
    struct telu_batch *next;
    int users;
    const struct telu_module *module;
    const struct telu_model *m;
    int device;

    pthread_t thread;
    pthread_mutex_t lock;      /* of what follows */
    pthread_cond_t work;
    struct telu_queue side[2];
    struct telu_call *calls, **last_call;
    int dead;
    char why[TELU_WHY];        /* settled when dead */
    int busy;                  /* somebody has what follows, without the lock */

    struct telu_engine *engine;
    int turn;
    struct telu_request *jobs;     /* [TELU_BATCH_MAX], and whose they are */
    struct telu_batch_stream **taken;
};

int64_t telu_now_us(void);     /* monotonic */

/* With the lock: whether a batch of that side may run; if not, *until is lowered to when
 * it may at the latest. */
int telu_scheduler_due(const struct telu_queue *s, int64_t now, int64_t *until);

/* With the lock, which it lets go of meanwhile; not while it is busy. Runs a batch of that
 * side, and wakes those whose packets were in it. */
void telu_scheduler_run(struct telu_batch *b, enum telu_side side);

/* The thread, which is given the batch; ends when it is called to quit. */
void *telu_scheduler(void *batch);

#ifdef __cplusplus
}
#endif
#endif
