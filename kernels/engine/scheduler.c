/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scheduler.c - gathers jobs, runs them, wakes their owners; and the thread of an engine, which
 * does so for those who found it busy, and for whose window ends. */
#include "scheduler.h"

#include "error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE 1000          /* microseconds of calls between two batches */

int64_t telu_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* With the lock. The device failed: whatever waits is sent back, now and later. */
static void die(struct telu_batch *b, const char *why)
{
    b->dead = 1;
    snprintf(b->why, sizeof(b->why), "%s", why);
    for (int i = 0; i < 2; i++) {
        struct telu_queue *s = &b->side[i];
        struct telu_batch_stream *seat, *behind;

        for (seat = s->first; seat; seat = behind) {
            behind = seat->behind;
            seat->job = NULL;
            seat->failed = 1;
            sem_post(&seat->done);
        }
        s->first = NULL;
        s->last = &s->first;
        s->queued = 0;
    }
}

int telu_scheduler_due(const struct telu_queue *s, int64_t now, int64_t *until)
{
    if (!s->queued)
        return 0;
    if (s->queued >= s->expected || s->queued >= TELU_BATCH_MAX || s->due <= now)
        return 1;
    *until = s->due < *until ? s->due : *until;
    return 0;
}

/* With the lock. Takes the first in the queue; returns how many. */
static int take(struct telu_batch *b, struct telu_queue *s)
{
    int n = 0;

    /* Those that let the window pass are not waited for again until they come. */
    if (s->waited && s->queued < s->expected) {
        for (struct telu_batch_stream *seat = s->seats; seat; seat = seat->next)
            seat->expected = seat->job != NULL;
        s->expected = s->queued;
    }
    s->waited = 0;

    for (; s->first && n < TELU_BATCH_MAX; n++) {
        b->taken[n] = s->first;
        b->jobs[n] = *s->first->job;
        b->jobs[n].slot = s->first->slot;
        s->first = s->first->behind;
    }
    if (!s->first)
        s->last = &s->first;
    s->queued -= n;
    s->due = 0;                        /* what is left has waited long enough */

    s->stats.runs++;
    s->stats.packets += (uint64_t)n;
    s->stats.most = n > s->stats.most ? n : s->stats.most;
    return n;
}

void telu_scheduler_run(struct telu_batch *b, enum telu_side side)
{
    const struct telu_module *module = b->module;
    int n = take(b, &b->side[side]), failed;

    b->busy = 1;
    b->turn = !side;
    pthread_mutex_unlock(&b->lock);
    failed = module->engine->run(b->engine, side, b->jobs, n);
    if (failed) {
        pthread_mutex_lock(&b->lock);
        die(b, module->error());
        pthread_mutex_unlock(&b->lock);
    }
    for (int i = 0; i < n; i++) {
        struct telu_batch_stream *seat = b->taken[i];

        if (!failed)
            *seat->job = b->jobs[i];
        seat->job = NULL;
        seat->failed = failed != 0;
        sem_post(&seat->done);         /* it may be gone from here on */
    }
    if (failed) {
        module->engine->close(b->engine);
        b->engine = NULL;
    }
    pthread_mutex_lock(&b->lock);
    b->busy = 0;
}

static void fail_call(struct telu_call *c, const char *why)
{
    c->failed = 1;
    snprintf(c->why, sizeof(c->why), "%s", why);
}

static void join(struct telu_batch *b, struct telu_call *c)
{
    struct telu_batch_stream *seat = c->seat;
    struct telu_queue *s = &b->side[seat->side];
    int slot = -1;

    if (b->engine)
        slot = b->module->engine->slot_new(b->engine, seat->side);
    pthread_mutex_lock(&b->lock);
    if (slot < 0) {
        fail_call(c, b->dead ? b->why : b->module->error());
    } else {
        seat->slot = slot;
        seat->link = &s->seats;
        seat->next = s->seats;
        if (seat->next)
            seat->next->link = &seat->next;
        s->seats = seat;
        s->stats.streams++;
    }
    pthread_mutex_unlock(&b->lock);
}

/* No batch runs meanwhile, so that its job, if it has one, is still in the queue. */
static void leave(struct telu_batch *b, struct telu_batch_stream *seat)
{
    struct telu_queue *s = &b->side[seat->side];

    pthread_mutex_lock(&b->lock);
    if (seat->job) {
        struct telu_batch_stream **at = &s->first;

        while (*at != seat)
            at = &(*at)->behind;
        *at = seat->behind;
        if (!*at)
            s->last = at;
        s->queued--;
        seat->job = NULL;
        seat->failed = 1;
        sem_post(&seat->done);
    }
    seat->left = 1;
    s->expected -= seat->expected;
    s->stats.streams--;
    *seat->link = seat->next;
    if (seat->next)
        seat->next->link = seat->link;
    pthread_mutex_unlock(&b->lock);
    if (b->engine)
        b->module->engine->slot_free(b->engine, seat->side, seat->slot);
}

/* With the lock, which it lets go of meanwhile. Returns 0 when it is time to end. */
static int answer(struct telu_batch *b)
{
    struct telu_call *c = b->calls;
    enum telu_call_kind kind = c->kind;

    b->calls = c->next;
    if (!b->calls)
        b->last_call = &b->calls;
    b->busy = 1;
    pthread_mutex_unlock(&b->lock);
    if (kind == TELU_JOIN)
        join(b, c);
    else if (kind == TELU_LEAVE)
        leave(b, c->seat);
    pthread_mutex_lock(&b->lock);
    b->busy = 0;
    sem_post(&c->done);
    return kind != TELU_QUIT;
}

/* With the lock. The side that may run, the other one's turn first; -1: none before
 * *until, INT64_MAX: none at all. */
static int pick(const struct telu_batch *b, int64_t *until)
{
    int64_t now = telu_now_us();

    *until = INT64_MAX;
    if (telu_scheduler_due(&b->side[b->turn], now, until))
        return b->turn;
    return telu_scheduler_due(&b->side[!b->turn], now, until) ? !b->turn : -1;
}

/* With the lock, which it lets go of meanwhile. */
static void sleep_until(struct telu_batch *b, int64_t until)
{
    struct timespec t = { .tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000 };

    if (until == INT64_MAX) {
        pthread_cond_wait(&b->work, &b->lock);
        return;
    }
    for (int i = 0; i < 2; i++)
        b->side[i].waited |= b->side[i].queued > 0;
    pthread_cond_timedwait(&b->work, &b->lock, &t);
}

void *telu_scheduler(void *user)
{
    struct telu_batch *b = user;
    const struct telu_engine_ops *ops = b->module->engine;
    int64_t until;
    int go_on = 1, side;

    b->engine = ops->open(b->m, b->device, TELU_BATCH_MAX);
    pthread_mutex_lock(&b->lock);
    if (!b->engine)
        die(b, b->module->error());
    while (go_on) {
        if (b->busy) {                 /* a stream, who will tell of what came meanwhile */
            pthread_cond_wait(&b->work, &b->lock);
            continue;
        }
        /* Those who come and go must not hold up those who play. */
        for (until = telu_now_us() + PATIENCE; go_on && b->calls && telu_now_us() < until;)
            go_on = answer(b);
        side = pick(b, &until);
        if (side >= 0)
            telu_scheduler_run(b, (enum telu_side)side);
        else if (go_on && !b->calls)
            sleep_until(b, until);
    }
    pthread_mutex_unlock(&b->lock);
    if (b->engine)
        ops->close(b->engine);
    return NULL;
}
