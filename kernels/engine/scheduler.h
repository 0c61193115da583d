/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scheduler.h - state that the streams (batch.c) and the scheduler (scheduler.c) share.
 *
 * Streams queue requests and commands (add, remove, quit) under the batch's lock and sleep on
 * their own semaphores. Whichever thread sets `busy` owns the engine: the scheduler's thread,
 * or a stream that found the engine idle. The latter runs the batch without two wake-ups.
 */
#ifndef TELU_SCHEDULER_H
#define TELU_SCHEDULER_H

#include "batch.h"

#include <pthread.h>
#include <semaphore.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_ERROR_BYTES 512   /* of an error text, with its 0 */

struct telu_batch_stream {
    struct telu_batch *batch;
    enum telu_side side;
    int slot;
    unsigned window_us;
    struct telu_batch_stream *next, **link;    /* list of all streams of the side */
    int expected;              /* 1: open windows wait for this stream */

    struct telu_batch_stream *queue_next;
    struct telu_request *request;      /* the caller's; NULL: none is queued */
    int failed, removed;
    sem_t done;                /* posted when the request has been run or has failed */
    int caller;                /* enum in batch.c; atomic */
    sem_t caller_left;
};

/* Requests of one side. */
struct telu_queue {
    struct telu_batch_stream *first, **last;
    struct telu_batch_stream *streams; /* all of the side */
    int queued, expected;
    int64_t deadline;          /* earliest end of a window, as telu_now_us() */
    int window_open;           /* 1: the scheduler slept for the requests now queued */
    struct telu_batch_stats stats;
};

enum telu_command_kind { TELU_COMMAND_ADD, TELU_COMMAND_REMOVE, TELU_COMMAND_QUIT };

/* One call that the scheduler's thread executes for a caller. */
struct telu_command {
    enum telu_command_kind kind;
    struct telu_batch_stream *stream;
    struct telu_command *next;
    int failed;
    enum telu_status status;   /* of the failure */
    char error[TELU_ERROR_BYTES];
    sem_t done;
};

struct telu_batch {
    struct telu_batch *next;
    int users;
    const struct telu_module *module;
    const struct telu_model *m;
    int device;

    pthread_t thread;
    pthread_mutex_t lock;      /* guards the members below */
    pthread_cond_t work;
    struct telu_queue side[2];
    struct telu_command *commands, **last_command;
    int failed;
    enum telu_status status;   /* both constant once failed is 1 */
    char error[TELU_ERROR_BYTES];
    int busy;                  /* 1: one thread owns the members below, without the lock */

    struct telu_engine *engine;
    int next_side;
    struct telu_request *requests;     /* [TELU_BATCH_MAX], of the running batch */
    struct telu_batch_stream **streams;        /* [TELU_BATCH_MAX], their streams */
};

int64_t telu_now_us(void);     /* monotonic */

/* Returns 1 when a batch of that side may run. Otherwise lowers *until to its deadline.
 * Requires the lock. */
int telu_scheduler_due(const struct telu_queue *queue, int64_t now, int64_t *until);

/* Runs one batch of that side and wakes its streams. Requires the lock, and releases it while
 * the engine runs; requires that the batch is not busy. */
void telu_scheduler_run(struct telu_batch *b, enum telu_side side);

/* Main function of the scheduler's thread; returns after TELU_COMMAND_QUIT. */
void *telu_scheduler(void *batch);

#ifdef __cplusplus
}
#endif
#endif
