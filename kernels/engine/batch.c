/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* batch.c - who shares a batch, and how a stream comes, hands in packets and goes; the
 * batch itself is run by scheduler.c. */
#include "scheduler.h"

#include "error.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What telu_batch_stream.inside says. */
enum { OUT, IN, AWAITED_AT_THE_DOOR };

/* All that live, and how many use each. Taken before a batch's own lock. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct telu_batch *list;

static void wait_for(sem_t *s)
{
    while (sem_wait(s) && errno == EINTR)
        ;
}

static int ask(struct telu_batch *b, struct telu_call *c)
{
    sem_init(&c->done, 0, 0);
    pthread_mutex_lock(&b->lock);
    *b->last_call = c;
    b->last_call = &c->next;
    pthread_cond_signal(&b->work);
    pthread_mutex_unlock(&b->lock);
    wait_for(&c->done);
    sem_destroy(&c->done);
    return c->failed ? telu_fail("%s", c->why) : 0;
}

/* --- Making and ending one ------------------------------------------------- */

/* The thread gets no signals: they are the application's. */
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

static void release(struct telu_batch *b)
{
    pthread_cond_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    free(b->taken);
    free(b->jobs);
    free(b);
}

static struct telu_batch *make(const struct telu_module *module,
                               const struct telu_model *m, int device)
{
    struct telu_batch *b = calloc(1, sizeof(*b));
    pthread_condattr_t clock;

    if (!b) {
        telu_fail("no memory for a batch");
        return NULL;
    }
    b->module = module;
    b->m = m;
    b->device = device;
    b->last_call = &b->calls;
    for (int i = 0; i < 2; i++)
        b->side[i].last = &b->side[i].first;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&b->work, &clock);
    pthread_condattr_destroy(&clock);
    b->jobs = calloc(TELU_BATCH_MAX, sizeof(*b->jobs));
    b->taken = calloc(TELU_BATCH_MAX, sizeof(*b->taken));
    if (!b->jobs || !b->taken)
        telu_fail("no memory for a batch");
    else if (!start_thread(b))
        return b;
    release(b);
    return NULL;
}

/* The one to join, counted: a living one, or a new one. */
static struct telu_batch *acquire(const struct telu_module *module,
                                  const struct telu_model *m, int device)
{
    struct telu_batch *b;
    int dead = 1;

    pthread_mutex_lock(&list_lock);
    for (b = list; b; b = b->next) {
        if (b->module != module || b->m != m || b->device != device)
            continue;
        pthread_mutex_lock(&b->lock);
        dead = b->dead;
        pthread_mutex_unlock(&b->lock);
        if (!dead)
            break;
    }
    if (!b) {
        b = make(module, m, device);
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

static void give_back(struct telu_batch *b)
{
    struct telu_call quit = { .kind = TELU_QUIT };
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
    ask(b, &quit);
    pthread_join(b->thread, NULL);
    release(b);
}

/* --- Seats ----------------------------------------------------------------- */

struct telu_batch_stream *telu_batch_add(const struct telu_module *module,
                                  const struct telu_model *m, int device,
                                  enum telu_side side, unsigned window)
{
    struct telu_batch_stream *seat = calloc(1, sizeof(*seat));
    struct telu_call join_call = { .kind = TELU_JOIN, .seat = seat };

    if (!seat) {
        telu_fail("no memory for a stream");
        return NULL;
    }
    if (!module->engine) {
        telu_fail("The module \"%s\" was built without an engine", module->name);
        free(seat);
        return NULL;
    }
    seat->side = side;
    seat->window = window;
    seat->batch = acquire(module, m, device);
    if (!seat->batch) {
        free(seat);
        return NULL;
    }
    if (ask(seat->batch, &join_call)) {
        give_back(seat->batch);
        free(seat);
        return NULL;
    }
    sem_init(&seat->done, 0, 0);
    sem_init(&seat->out, 0, 0);
    return seat;
}

void telu_batch_remove(struct telu_batch_stream *s)
{
    struct telu_call call = { .kind = TELU_LEAVE, .seat = s };
    int in = IN;

    if (!s)
        return;
    ask(s->batch, &call);
    if (__atomic_compare_exchange_n(&s->inside, &in, AWAITED_AT_THE_DOOR, 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        wait_for(&s->out);
    give_back(s->batch);
    sem_destroy(&s->done);
    sem_destroy(&s->out);
    free(s);
}

/* With the lock, as all below. Puts it into the queue. Returns whether the engine's thread
 * must be told, if nobody runs what is there now. */
static int put_in(struct telu_batch *b, struct telu_batch_stream *seat, struct telu_request *job)
{
    struct telu_queue *s = &b->side[seat->side];
    int64_t due = telu_now_us() + seat->window;
    int sooner = !s->queued || due < s->due;

    seat->job = job;
    seat->behind = NULL;
    *s->last = seat;
    s->last = &seat->behind;
    s->queued++;
    s->expected += !seat->expected;
    seat->expected = 1;
    if (sooner)
        s->due = due;
    return sooner;
}

static int is_due(const struct telu_batch *b, enum telu_side side)
{
    int64_t never = INT64_MAX;

    return telu_scheduler_due(&b->side[side], telu_now_us(), &never);
}

/* Nobody has the engine, and its thread has nothing to do: what waits, waits for more. */
static int is_idle(const struct telu_batch *b)
{
    return !b->busy && !b->calls && !is_due(b, TELU_ENCODE) && !is_due(b, TELU_DECODE);
}

/* Runs it, with all that waited for it, or leaves it to the thread. */
static void hand_in(struct telu_batch *b, struct telu_batch_stream *seat, struct telu_request *job)
{
    int idle = is_idle(b), sooner = put_in(b, seat, job), due = is_due(b, seat->side);

    if (idle && due) {
        telu_scheduler_run(b, seat->side);
        if (b->calls || b->side[0].queued || b->side[1].queued)
            pthread_cond_signal(&b->work);
    } else if (!b->busy && (sooner || due)) {
        pthread_cond_signal(&b->work);
    }
}

int telu_batch_run(struct telu_batch_stream *seat, struct telu_request *job)
{
    struct telu_batch *b = seat->batch;
    int barred, failed;

    __atomic_store_n(&seat->inside, IN, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&b->lock);
    barred = b->dead || seat->left;
    if (!barred)
        hand_in(b, seat, job);
    pthread_mutex_unlock(&b->lock);
    if (!barred)
        wait_for(&seat->done);

    failed = barred || seat->failed;
    if (failed) {
        pthread_mutex_lock(&b->lock);
        telu_fail("%s", b->dead ? b->why : "the stream was closed");
        pthread_mutex_unlock(&b->lock);
    }
    if (__atomic_exchange_n(&seat->inside, OUT, __ATOMIC_SEQ_CST) == AWAITED_AT_THE_DOOR)
        sem_post(&seat->out);
    return failed ? -1 : 0;
}

void telu_batch_stats(struct telu_batch_stream *seat, struct telu_batch_stats *stats)
{
    struct telu_batch *b = seat->batch;

    pthread_mutex_lock(&b->lock);
    *stats = b->side[seat->side].stats;
    pthread_mutex_unlock(&b->lock);
}
