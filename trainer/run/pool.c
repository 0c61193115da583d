/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pool.c - see pool.h. */
#include "pool.h"

#include "memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

static int threads = 1;

/* The pool does one piece of work at a time. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    unsigned number;           /* of the piece: a thread does each one once */
    int busy;                  /* threads that still work on it */
    void (*fn)(void *arg, int item, int thread);
    void *arg;
    int n;
    atomic_int next;           /* item */
} work = { .lock = PTHREAD_MUTEX_INITIALIZER, .begin = PTHREAD_COND_INITIALIZER,
           .end = PTHREAD_COND_INITIALIZER };

static void take_items(int thread)
{
    int item;

    while ((item = atomic_fetch_add(&work.next, 1)) < work.n)
        work.fn(work.arg, item, thread);
}

static void *serve(void *number)
{
    int thread = (int)(intptr_t)number;
    unsigned seen = 0;

    pthread_mutex_lock(&work.lock);
    for (;;) {
        while (work.number == seen)
            pthread_cond_wait(&work.begin, &work.lock);
        seen = work.number;
        pthread_mutex_unlock(&work.lock);
        take_items(thread);
        pthread_mutex_lock(&work.lock);
        if (--work.busy == 0)
            pthread_cond_signal(&work.end);
    }
    return NULL;
}

void pool_start(int n)
{
    for (threads = 1; threads < n; threads++) {
        pthread_t t;
        int why = pthread_create(&t, NULL, serve, (void *)(intptr_t)threads);

        if (why)
            die("cannot start %d threads: %s", n, strerror(why));
        pthread_detach(t);
    }
}

int pool_threads(void)
{
    return threads;
}

void pool_run(void (*fn)(void *arg, int item, int thread), void *arg, int n)
{
    pthread_mutex_lock(&work.lock);
    work.fn = fn;
    work.arg = arg;
    work.n = n;
    atomic_store(&work.next, 0);
    work.busy = threads - 1;
    work.number++;
    pthread_cond_broadcast(&work.begin);
    pthread_mutex_unlock(&work.lock);
    take_items(0);
    pthread_mutex_lock(&work.lock);
    while (work.busy)
        pthread_cond_wait(&work.end, &work.lock);
    pthread_mutex_unlock(&work.lock);
}
