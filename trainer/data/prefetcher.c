/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* prefetcher.c - see prefetcher.h. */
#include "prefetcher.h"

#include "memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prefetcher {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    struct trainer cutter;     /* a copy of t with its own buffer and rng */
    const struct dataset *data;
    float *(*buffer)(void *user, int which);
    void *user;
    const char *(*error)(void);
    struct prefetcher_batch batch[PREFETCHER_BATCHES];
    long made, used;
    int end;
    char trouble[512];
};

static void cut(struct prefetcher *f, struct prefetcher_batch *b)
{
    float *x = f->buffer(f->user, b->which);

    if (!x) {
        pthread_mutex_lock(&f->lock);
        snprintf(f->trouble, sizeof(f->trouble), "%s", f->error());
        f->end = 1;
        pthread_mutex_unlock(&f->lock);
        return;
    }
    f->cutter.x = x;
    f->cutter.stages = b->stages;
    trainer_crop(&f->cutter, f->data);
    b->after = f->cutter.rng;
}

static void *serve(void *arg)
{
    struct prefetcher *f = arg;

    pthread_mutex_lock(&f->lock);
    while (!f->end) {
        if (f->made - f->used == PREFETCHER_BATCHES) {
            pthread_cond_wait(&f->change, &f->lock);
            continue;
        }
        pthread_mutex_unlock(&f->lock);
        cut(f, &f->batch[f->made % PREFETCHER_BATCHES]);
        pthread_mutex_lock(&f->lock);
        f->made++;
        pthread_cond_signal(&f->change);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

struct prefetcher *prefetcher_new(const struct trainer *t, const struct dataset *data,
                                  float *(*buffer)(void *user, int which), void *user,
                                  const char *(*error)(void))
{
    struct prefetcher *f = zeroed(sizeof(*f));
    int why;

    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->change, NULL);
    f->cutter = *t;
    f->data = data;
    f->buffer = buffer;
    f->user = user;
    f->error = error;
    for (int i = 0; i < PREFETCHER_BATCHES; i++) {
        f->batch[i].which = i;
        f->batch[i].stages = zeroed(sizeof(int) * t->B);
    }
    why = pthread_create(&f->thread, NULL, serve, f);
    if (why)
        die("cannot start a thread: %s", strerror(why));
    return f;
}

void prefetcher_free(struct prefetcher *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->end = 1;
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    for (int i = 0; i < PREFETCHER_BATCHES; i++)
        free(f->batch[i].stages);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->change);
    free(f);
}

const struct prefetcher_batch *prefetcher_take(struct prefetcher *f)
{
    pthread_mutex_lock(&f->lock);
    while (f->made == f->used && !f->end)
        pthread_cond_wait(&f->change, &f->lock);
    pthread_mutex_unlock(&f->lock);
    if (*f->trouble)
        die("%s", f->trouble);
    return &f->batch[f->used % PREFETCHER_BATCHES];
}

void prefetcher_used(struct prefetcher *f)
{
    pthread_mutex_lock(&f->lock);
    f->used++;
    pthread_cond_signal(&f->change);
    pthread_mutex_unlock(&f->lock);
}
