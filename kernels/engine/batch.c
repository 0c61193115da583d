/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* batch.c - finds or creates batches, adds and removes streams, and submits their requests;
 * scheduler.c runs the batches. */
#include "scheduler.h"

#include "error.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* telu_batch_stream.caller: whether a thread is in telu_batch_run(), and whether
 * telu_batch_remove() waits for it. */
enum { CALLER_OUTSIDE, CALLER_INSIDE, CALLER_AWAITED };

/* Guards the list of usable batches and their `users`; taken before a batch's own lock. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct telu_batch *list;

static void wait_for(sem_t *s)
{
    while (sem_wait(s) && errno == EINTR)
        ;
}

/* Passes the command to the scheduler's thread and waits until it is executed. */
static int execute(struct telu_batch *b, struct telu_command *c)
{
    sem_init(&c->done, 0, 0);
    pthread_mutex_lock(&b->lock);
    *b->last_command = c;
    b->last_command = &c->next;
    pthread_cond_signal(&b->work);
    pthread_mutex_unlock(&b->lock);
    wait_for(&c->done);
    sem_destroy(&c->done);
    return c->failed ? telu_fail_status(c->status, "%s", c->error) : 0;
}

/* --- Batches --------------------------------------------------------------- */

/* The thread blocks all signals, which belong to the application. */
static int start_thread(struct telu_batch *b)
{
    sigset_t all, before;
    int e;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    e = pthread_create(&b->thread, NULL, telu_scheduler, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return e ? telu_fail("no thread for an engine: %s", strerror(e)) : 0;
}

static void free_batch(struct telu_batch *b)
{
    pthread_cond_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    free(b->streams);
    free(b->requests);
    free(b);
}

static struct telu_batch *create_batch(const struct telu_module *module,
                                       const struct telu_model *m, int device)
{
    struct telu_batch *b = calloc(1, sizeof(*b));
    pthread_condattr_t clock;

    if (!b) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a batch");
        return NULL;
    }
    b->module = module;
    b->m = m;
    b->device = device;
    b->last_command = &b->commands;
    for (int i = 0; i < 2; i++)
        b->side[i].last = &b->side[i].first;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&b->work, &clock);
    pthread_condattr_destroy(&clock);
    b->requests = calloc(TELU_BATCH_MAX, sizeof(*b->requests));
    b->streams = calloc(TELU_BATCH_MAX, sizeof(*b->streams));
    if (!b->requests || !b->streams)
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a batch");
    else if (!start_thread(b))
        return b;
    free_batch(b);
    return NULL;
}

/* Returns a usable batch, found or created, and counts one more user. */
static struct telu_batch *acquire_batch(const struct telu_module *module,
                                        const struct telu_model *m, int device)
{
    struct telu_batch *b;
    int failed = 1;

    pthread_mutex_lock(&list_lock);
    for (b = list; b; b = b->next) {
        if (b->module != module || b->m != m || b->device != device)
            continue;
        pthread_mutex_lock(&b->lock);
        failed = b->failed;
        pthread_mutex_unlock(&b->lock);
        if (!failed)
            break;
    }
    if (!b) {
        b = create_batch(module, m, device);
        if (b) {
            b->next = list;
            list = b;
        }
    }
    if (b)
        b->users++;
    pthread_mutex_unlock(&list_lock);
    return b;
}

/* Ends the batch when its last user is gone. */
static void release_batch(struct telu_batch *b)
{
    struct telu_command quit = { .kind = TELU_COMMAND_QUIT };
    struct telu_batch **at = &list;
    int users;

    pthread_mutex_lock(&list_lock);
    users = --b->users;
    while (!users && *at != b)
        at = &(*at)->next;
    if (!users)
        *at = b->next;
    pthread_mutex_unlock(&list_lock);
    if (users)
        return;
    execute(b, &quit);
    pthread_join(b->thread, NULL);
    free_batch(b);
}

/* --- Streams --------------------------------------------------------------- */

struct telu_batch_stream *telu_batch_add(const struct telu_module *module,
                                         const struct telu_model *m, int device,
                                         enum telu_side side, unsigned window_us)
{
    struct telu_batch_stream *stream = calloc(1, sizeof(*stream));
    struct telu_command add = { .kind = TELU_COMMAND_ADD, .stream = stream };

    if (!stream) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a stream");
        return NULL;
    }
    if (!module->engine) {
        telu_fail("The module \"%s\" was built without an engine", module->name);
        free(stream);
        return NULL;
    }
    stream->side = side;
    stream->window_us = window_us;
    stream->batch = acquire_batch(module, m, device);
    if (!stream->batch) {
        free(stream);
        return NULL;
    }
    if (execute(stream->batch, &add)) {
        release_batch(stream->batch);
        free(stream);
        return NULL;
    }
    sem_init(&stream->done, 0, 0);
    sem_init(&stream->caller_left, 0, 0);
    return stream;
}

void telu_batch_remove(struct telu_batch_stream *stream)
{
    struct telu_command command = { .kind = TELU_COMMAND_REMOVE, .stream = stream };
    int inside = CALLER_INSIDE;

    if (!stream)
        return;
    execute(stream->batch, &command);
    if (__atomic_compare_exchange_n(&stream->caller, &inside, CALLER_AWAITED, 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        wait_for(&stream->caller_left);
    release_batch(stream->batch);
    sem_destroy(&stream->done);
    sem_destroy(&stream->caller_left);
    free(stream);
}

/* The functions below require the lock. */

/* Returns 1 when the scheduler's thread must be signalled because its deadline is now earlier. */
static int enqueue(struct telu_batch *b, struct telu_batch_stream *stream,
                   struct telu_request *request)
{
    struct telu_queue *queue = &b->side[stream->side];
    int64_t deadline = telu_now_us() + stream->window_us;
    int earlier = !queue->queued || deadline < queue->deadline;

    stream->request = request;
    stream->queue_next = NULL;
    *queue->last = stream;
    queue->last = &stream->queue_next;
    queue->queued++;
    queue->expected += !stream->expected;
    stream->expected = 1;
    if (earlier)
        queue->deadline = deadline;
    return earlier;
}

static int is_due(const struct telu_batch *b, enum telu_side side)
{
    int64_t never = INT64_MAX;

    return telu_scheduler_due(&b->side[side], telu_now_us(), &never);
}

/* 1: no thread owns the engine, and the scheduler's thread has no work before a deadline. */
static int is_idle(const struct telu_batch *b)
{
    return !b->busy && !b->commands && !is_due(b, TELU_ENCODE) && !is_due(b, TELU_DECODE);
}

/* Runs the request with all queued ones when the engine is idle; else leaves it queued. */
static void submit(struct telu_batch *b, struct telu_batch_stream *stream,
                   struct telu_request *request)
{
    int idle = is_idle(b), earlier = enqueue(b, stream, request);
    int due = is_due(b, stream->side);

    if (idle && due) {
        telu_scheduler_run(b, stream->side);
        if (b->commands || b->side[0].queued || b->side[1].queued)
            pthread_cond_signal(&b->work);
    } else if (!b->busy && (earlier || due)) {
        pthread_cond_signal(&b->work);
    }
}

int telu_batch_run(struct telu_batch_stream *stream, struct telu_request *request)
{
    struct telu_batch *b = stream->batch;
    int refused, failed;

    __atomic_store_n(&stream->caller, CALLER_INSIDE, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&b->lock);
    refused = b->failed || stream->removed;
    if (!refused)
        submit(b, stream, request);
    pthread_mutex_unlock(&b->lock);
    if (!refused)
        wait_for(&stream->done);

    failed = refused || stream->failed;
    if (failed) {
        pthread_mutex_lock(&b->lock);
        if (b->failed)
            telu_fail_status(b->status, "%s", b->error);
        else
            telu_fail("the stream was closed");
        pthread_mutex_unlock(&b->lock);
    }
    if (__atomic_exchange_n(&stream->caller, CALLER_OUTSIDE, __ATOMIC_SEQ_CST) == CALLER_AWAITED)
        sem_post(&stream->caller_left);
    return failed ? -1 : 0;
}

void telu_batch_stats(struct telu_batch_stream *stream, struct telu_batch_stats *stats)
{
    struct telu_batch *b = stream->batch;

    pthread_mutex_lock(&b->lock);
    *stats = b->side[stream->side].stats;
    pthread_mutex_unlock(&b->lock);
}
