/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pass.c - see pass.h. */
#define _GNU_SOURCE            /* sched_getaffinity(), sem_clockwait() */
#include "pass.h"

#include "error.h"
#include "network.h"
#include "scheduler.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How a wait has ended: the packet was run, or its thread is to run it, with others. */
enum fate { DONE, LEADS };

/* Streams whose packets run together. */
struct pass {
    struct telu_pass_stream *row[TELU_NET_ROWS];
    int rows;
};

struct telu_pass_stream {
    struct group *group;
    unsigned window_us;
    struct telu_pass_stream *next, **link;     /* list of the group's streams */
    int expected;              /* 1: open windows wait for this stream */
    int busy, queued;          /* 1: its packet is in a pass or queued; is queued */

    struct telu_pass_stream *queue_next;
    void *request;
    int64_t since, deadline;   /* of its packet, as telu_now_us() */
    int failed;
    enum telu_status status;   /* of the failure, on the thread that ran it */
    char error[TELU_ERROR_BYTES];

    sem_t woken;
    enum fate fate;            /* atomic; set before woken is posted */
    struct pass pass;          /* that its thread runs */
};

/* Streams of one side of a model. */
struct group {
    struct group *next;
    const struct telu_model *m;
    enum telu_side side;
    int most;                  /* rows of a pass */
    struct telu_pass_stream *streams;
    struct telu_pass_stream *first, **last;    /* the queue */
    int queued, passing;       /* packets */
    int expected;              /* streams */
    int64_t deadline;          /* earliest of the queue */
    struct telu_batch_stats stats;
};

static struct {
    pthread_mutex_t lock;      /* guards this, groups, and the streams' members up to deadline */
    struct group *groups;
    int passes;                /* that run */
    int most;                  /* at once; -1: not known yet */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .most = -1 };

static int count_cores(void)
{
    cpu_set_t set;

    /* Fails on machines of more than 1024 cores. */
    return sched_getaffinity(0, sizeof(set), &set) ? CPU_SETSIZE : CPU_COUNT(&set);
}

/* --- Passes; these require the lock ---------------------------------------------- */

static void enqueue(struct telu_pass_stream *s, void *request)
{
    struct group *g = s->group;

    s->request = request;
    s->since = telu_now_us();
    s->deadline = s->since + s->window_us;
    s->failed = 0;
    s->busy = s->queued = 1;
    s->queue_next = NULL;
    if (!g->queued || s->deadline < g->deadline)
        g->deadline = s->deadline;
    *g->last = s;
    g->last = &s->queue_next;
    g->queued++;
    g->expected += !s->expected;
    s->expected = 1;
}

/* Whether a pass of the group may begin. */
static int is_due(const struct group *g, int64_t now)
{
    return g->queued && all.passes < all.most &&
           (g->queued >= g->most || g->queued + g->passing >= g->expected || g->deadline <= now);
}

/* The next window does not wait for streams that missed this one. */
static void expect_less(struct group *g)
{
    g->expected = 0;
    for (struct telu_pass_stream *s = g->streams; s; s = s->next) {
        s->expected = s->busy;
        g->expected += s->busy;
    }
}

/* Takes the first packets of the queue. */
static void begin(struct group *g, struct pass *p, int64_t now)
{
    if (g->first->window_us && g->first->deadline <= now && g->queued < g->most)
        expect_less(g);
    for (p->rows = 0; g->first && p->rows < g->most; g->first = g->first->queue_next) {
        g->first->queued = 0;
        p->row[p->rows++] = g->first;
    }
    if (!g->first)
        g->last = &g->first;
    g->deadline = INT64_MAX;
    for (struct telu_pass_stream *s = g->first; s; s = s->queue_next)
        g->deadline = s->deadline < g->deadline ? s->deadline : g->deadline;
    g->queued -= p->rows;
    g->passing += p->rows;
    all.passes++;
    g->stats.runs++;
    g->stats.packets += (uint64_t)p->rows;
    g->stats.most = p->rows > g->stats.most ? p->rows : g->stats.most;
}

static void wake(struct telu_pass_stream *s, enum fate fate)
{
    __atomic_store_n(&s->fate, fate, __ATOMIC_RELEASE);
    sem_post(&s->woken);               /* its owner may free it from here on */
}

/* Lets threads that wait begin what is due, the packet first that has waited longest. */
static void hand_over(void)
{
    const int64_t now = telu_now_us();

    for (;;) {
        struct group *oldest = NULL;
        struct telu_pass_stream *leader;

        for (struct group *g = all.groups; g; g = g->next)
            if (is_due(g, now) && (!oldest || g->first->since < oldest->first->since))
                oldest = g;
        if (!oldest)
            return;
        leader = oldest->first;
        begin(oldest, &leader->pass, now);
        wake(leader, LEADS);
    }
}

/* --- Running --------------------------------------------------------------- */

/* Notes why a packet failed for the thread that waits for it. */
static void note_failure(struct telu_pass_stream *s)
{
    s->failed = 1;
    s->status = telu_error_status();
    snprintf(s->error, sizeof(s->error), "%s", telu_error());
}

static void encode(struct telu_pass_stream *const *row, int rows)
{
    struct telu_encode_request r[TELU_NET_ROWS];

    for (int i = 0; i < rows; i++)
        r[i] = *(struct telu_encode_request *)row[i]->request;
    telu_encode_many(r, rows);
    for (int i = 0; i < rows; i++) {
        *(struct telu_encode_request *)row[i]->request = r[i];
        if (r[i].bytes < 0)
            note_failure(row[i]);
    }
}

static void decode(struct telu_pass_stream *const *row, int rows)
{
    struct telu_decode_request r[TELU_NET_ROWS];

    for (int i = 0; i < rows; i++)
        r[i] = *(struct telu_decode_request *)row[i]->request;
    telu_decode_many(r, rows);
    for (int i = 0; i < rows; i++) {
        *(struct telu_decode_request *)row[i]->request = r[i];
        if (r[i].result < 0)
            note_failure(row[i]);
    }
}

/* Runs the pass, whose rows include `own`, and wakes its other streams. */
static void run(const struct pass *p, struct telu_pass_stream *own)
{
    struct group *g = own->group;

    if (g->side == TELU_ENCODE)
        encode(p->row, p->rows);
    else
        decode(p->row, p->rows);
    pthread_mutex_lock(&all.lock);
    all.passes--;
    g->passing -= p->rows;
    for (int i = 0; i < p->rows; i++)
        p->row[i]->busy = 0;
    hand_over();
    pthread_mutex_unlock(&all.lock);
    for (int i = 0; i < p->rows; i++)
        if (p->row[i] != own)
            wake(p->row[i], DONE);
}

/* Waits until another thread has decided on the packet, or, if there is one, until the deadline.
 * Returns 0 when that was first. */
static int wait_for(struct telu_pass_stream *s, const int64_t *deadline)
{
    struct timespec t = { 0 };
    int failed;

    if (deadline) {
        t.tv_sec = *deadline / 1000000;
        t.tv_nsec = *deadline % 1000000 * 1000;
    }
    do
        failed = deadline ? sem_clockwait(&s->woken, CLOCK_MONOTONIC, &t) : sem_wait(&s->woken);
    while (failed && errno == EINTR);
    return !failed;
}

/* Returns 1 when this thread is to run s->pass, and 0 when the packet was run. */
static int await(struct telu_pass_stream *s)
{
    int leads;

    if (!s->window_us || !wait_for(s, &s->deadline)) {
        pthread_mutex_lock(&all.lock);
        leads = s->queued && is_due(s->group, telu_now_us());
        if (leads)
            begin(s->group, &s->pass, telu_now_us());
        pthread_mutex_unlock(&all.lock);
        if (leads)
            return 1;
        wait_for(s, NULL);     /* all cores are busy, or the packet is in a pass */
    }
    return __atomic_load_n(&s->fate, __ATOMIC_ACQUIRE) == LEADS;
}

/* Returns 0, or -1 when the packet failed. */
static int submit(struct telu_pass_stream *s, void *request)
{
    int leads;

    pthread_mutex_lock(&all.lock);
    enqueue(s, request);
    leads = is_due(s->group, s->since);
    if (leads)                 /* fewer packets waited than fill a pass: see hand_over() */
        begin(s->group, &s->pass, s->since);
    pthread_mutex_unlock(&all.lock);
    if (leads || await(s))
        run(&s->pass, s);
    return s->failed ? telu_fail_status(s->status, "%s", s->error) : 0;
}

int telu_pass_encode(struct telu_pass_stream *stream, struct telu_encode_request *request)
{
    return submit(stream, request) ? -1 : request->bytes;
}

int telu_pass_decode(struct telu_pass_stream *stream, struct telu_decode_request *request)
{
    return submit(stream, request) ? -1 : request->result;
}

/* --- Streams --------------------------------------------------------------- */

/* Finds or creates a group, or returns NULL. Requires the lock. */
static struct group *find_group(const struct telu_model *m, enum telu_side side)
{
    struct group *g = all.groups;

    while (g && (g->m != m || g->side != side))
        g = g->next;
    if (g || !(g = calloc(1, sizeof(*g))))
        return g;
    g->m = m;
    g->side = side;
    g->most = telu_net_rows(m);
    g->last = &g->first;
    g->next = all.groups;
    all.groups = g;
    return g;
}

/* Puts the stream into its group. Returns 0, or -1 without memory. */
static int join(struct telu_pass_stream *s, const struct telu_model *m, enum telu_side side)
{
    struct group *g;

    pthread_mutex_lock(&all.lock);
    if (all.most < 0)
        all.most = count_cores();
    s->group = g = find_group(m, side);
    if (g) {
        g->stats.streams++;
        s->link = &g->streams;
        s->next = g->streams;
        if (s->next)
            s->next->link = &s->next;
        g->streams = s;
    }
    pthread_mutex_unlock(&all.lock);
    return g ? 0 : -1;
}

struct telu_pass_stream *telu_pass_add(const struct telu_model *m, enum telu_side side,
                                       unsigned window_us)
{
    struct telu_pass_stream *s = calloc(1, sizeof(*s));

    if (!s || join(s, m, side)) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a stream");
        free(s);
        return NULL;
    }
    s->window_us = window_us;
    sem_init(&s->woken, 0, 0);
    return s;
}

void telu_pass_remove(struct telu_pass_stream *s)
{
    struct group *g, **at = &all.groups;

    if (!s)
        return;
    g = s->group;
    pthread_mutex_lock(&all.lock);
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    g->expected -= s->expected;
    if (--g->stats.streams) {
        hand_over();           /* a window may wait for this stream alone */
    } else {
        while (*at != g)
            at = &(*at)->next;
        *at = g->next;
        free(g);
    }
    pthread_mutex_unlock(&all.lock);
    sem_destroy(&s->woken);
    free(s);
}

void telu_pass_stats(const struct telu_pass_stream *s, struct telu_batch_stats *stats)
{
    pthread_mutex_lock(&all.lock);
    *stats = s->group->stats;
    pthread_mutex_unlock(&all.lock);
}

int telu_pass_waiting(void)
{
    int waiting = 0;

    pthread_mutex_lock(&all.lock);
    for (const struct group *g = all.groups; g; g = g->next)
        waiting += g->queued;
    pthread_mutex_unlock(&all.lock);
    return waiting;
}

void telu_pass_cores(int n)
{
    pthread_mutex_lock(&all.lock);
    all.most = n < 0 ? count_cores() : n;
    hand_over();
    pthread_mutex_unlock(&all.lock);
}
