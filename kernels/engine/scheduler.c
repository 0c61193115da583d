/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scheduler.c - forms batches, runs them and wakes their streams; main loop of an engine's
 * thread, which serves requests that found the engine busy and windows that end. */
#include "scheduler.h"

#include "error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COMMANDS_US 1000       /* longest time spent on commands between two batches */

int64_t telu_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Fails all queued requests with the module's error. Requires the lock. */
static void fail_batch(struct telu_batch *b)
{
    b->failed = 1;
    b->status = b->module->status();
    snprintf(b->error, sizeof(b->error), "%s", b->module->error());
    for (int i = 0; i < 2; i++) {
        struct telu_queue *queue = &b->side[i];
        struct telu_batch_stream *stream, *next;

        for (stream = queue->first; stream; stream = next) {
            next = stream->queue_next;
            stream->request = NULL;
            stream->failed = 1;
            sem_post(&stream->done);
        }
        queue->first = NULL;
        queue->last = &queue->first;
        queue->queued = 0;
    }
}

int telu_scheduler_due(const struct telu_queue *queue, int64_t now, int64_t *until)
{
    if (!queue->queued)
        return 0;
    if (queue->queued >= queue->expected || queue->queued >= TELU_BATCH_MAX ||
        queue->deadline <= now)
        return 1;
    *until = queue->deadline < *until ? queue->deadline : *until;
    return 0;
}

/* Moves the first requests of the queue to b->requests; returns how many. Requires the lock. */
static int dequeue(struct telu_batch *b, struct telu_queue *queue)
{
    int n = 0;

    /* The next window does not wait for streams that missed this one. */
    if (queue->window_open && queue->queued < queue->expected) {
        for (struct telu_batch_stream *stream = queue->streams; stream; stream = stream->next)
            stream->expected = stream->request != NULL;
        queue->expected = queue->queued;
    }
    queue->window_open = 0;

    for (; queue->first && n < TELU_BATCH_MAX; n++) {
        b->streams[n] = queue->first;
        b->requests[n] = *queue->first->request;
        b->requests[n].slot = queue->first->slot;
        queue->first = queue->first->queue_next;
    }
    if (!queue->first)
        queue->last = &queue->first;
    queue->queued -= n;
    queue->deadline = 0;               /* the remaining requests are due at once */

    queue->stats.runs++;
    queue->stats.packets += (uint64_t)n;
    queue->stats.most = n > queue->stats.most ? n : queue->stats.most;
    return n;
}

void telu_scheduler_run(struct telu_batch *b, enum telu_side side)
{
    const struct telu_engine_ops *ops = b->module->engine;
    int n = dequeue(b, &b->side[side]), failed;

    b->busy = 1;
    b->next_side = !side;
    pthread_mutex_unlock(&b->lock);
    failed = ops->run(b->engine, side, b->requests, n);
    if (failed) {
        pthread_mutex_lock(&b->lock);
        fail_batch(b);
        pthread_mutex_unlock(&b->lock);
    }
    for (int i = 0; i < n; i++) {
        struct telu_batch_stream *stream = b->streams[i];

        if (!failed)
            *stream->request = b->requests[i];
        stream->request = NULL;
        stream->failed = failed != 0;
        sem_post(&stream->done);       /* its owner may free it from here on */
    }
    if (failed) {
        ops->close(b->engine);
        b->engine = NULL;
    }
    pthread_mutex_lock(&b->lock);
    b->busy = 0;
}

static void add_stream(struct telu_batch *b, struct telu_command *c)
{
    struct telu_batch_stream *stream = c->stream;
    struct telu_queue *queue = &b->side[stream->side];
    int slot = -1;

    if (b->engine)
        slot = b->module->engine->slot_new(b->engine, stream->side);
    pthread_mutex_lock(&b->lock);
    if (slot < 0) {
        c->failed = 1;
        c->status = b->failed ? b->status : b->module->status();
        snprintf(c->error, sizeof(c->error), "%s", b->failed ? b->error : b->module->error());
    } else {
        stream->slot = slot;
        stream->link = &queue->streams;
        stream->next = queue->streams;
        if (stream->next)
            stream->next->link = &stream->next;
        queue->streams = stream;
        queue->stats.streams++;
    }
    pthread_mutex_unlock(&b->lock);
}

/* The batch is busy with this command, so a request of the stream is still in the queue. */
static void remove_stream(struct telu_batch *b, struct telu_batch_stream *stream)
{
    struct telu_queue *queue = &b->side[stream->side];

    pthread_mutex_lock(&b->lock);
    if (stream->request) {
        struct telu_batch_stream **at = &queue->first;

        while (*at != stream)
            at = &(*at)->queue_next;
        *at = stream->queue_next;
        if (!*at)
            queue->last = at;
        queue->queued--;
        stream->request = NULL;
        stream->failed = 1;
        sem_post(&stream->done);
    }
    stream->removed = 1;
    queue->expected -= stream->expected;
    queue->stats.streams--;
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    pthread_mutex_unlock(&b->lock);
    if (b->engine)
        b->module->engine->slot_free(b->engine, stream->side, stream->slot);
}

/* Executes the first command; returns 0 after TELU_COMMAND_QUIT. Requires the lock, and
 * releases it meanwhile. */
static int execute(struct telu_batch *b)
{
    struct telu_command *c = b->commands;
    enum telu_command_kind kind = c->kind;

    b->commands = c->next;
    if (!b->commands)
        b->last_command = &b->commands;
    b->busy = 1;
    pthread_mutex_unlock(&b->lock);
    if (kind == TELU_COMMAND_ADD)
        add_stream(b, c);
    else if (kind == TELU_COMMAND_REMOVE)
        remove_stream(b, c->stream);
    pthread_mutex_lock(&b->lock);
    b->busy = 0;
    sem_post(&c->done);
    return kind != TELU_COMMAND_QUIT;
}

/* Returns a side that may run, b->next_side first, or -1: none may before *until, which is
 * INT64_MAX without requests. Requires the lock. */
static int choose_side(const struct telu_batch *b, int64_t *until)
{
    int64_t now = telu_now_us();

    *until = INT64_MAX;
    if (telu_scheduler_due(&b->side[b->next_side], now, until))
        return b->next_side;
    return telu_scheduler_due(&b->side[!b->next_side], now, until) ? !b->next_side : -1;
}

/* Requires the lock, and releases it while the thread sleeps. */
static void sleep_until(struct telu_batch *b, int64_t until)
{
    struct timespec t = { .tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000 };

    if (until == INT64_MAX) {
        pthread_cond_wait(&b->work, &b->lock);
        return;
    }
    for (int i = 0; i < 2; i++)
        b->side[i].window_open |= b->side[i].queued > 0;
    pthread_cond_timedwait(&b->work, &b->lock, &t);
}

void *telu_scheduler(void *user)
{
    struct telu_batch *b = user;
    const struct telu_engine_ops *ops = b->module->engine;
    int64_t until;
    int quit = 0, side;

    b->engine = ops->open(b->m, b->device, TELU_BATCH_MAX);
    pthread_mutex_lock(&b->lock);
    if (!b->engine)
        fail_batch(b);
    while (!quit) {
        if (b->busy) {                 /* by a stream, which signals what was queued meanwhile */
            pthread_cond_wait(&b->work, &b->lock);
            continue;
        }
        /* Streams that come and go must not delay streams that play. */
        for (until = telu_now_us() + COMMANDS_US;
             !quit && b->commands && telu_now_us() < until;)
            quit = !execute(b);
        side = choose_side(b, &until);
        if (side >= 0)
            telu_scheduler_run(b, (enum telu_side)side);
        else if (!quit && !b->commands)
            sleep_until(b, until);
    }
    pthread_mutex_unlock(&b->lock);
    if (b->engine)
        ops->close(b->engine);
    return NULL;
}
