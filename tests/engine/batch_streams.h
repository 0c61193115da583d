/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* batch_streams.h - streams in threads, which run through one batch of the fake engine and compare
 * with a stream alone. */
#ifndef BATCH_STREAMS_H
#define BATCH_STREAMS_H

#include "expect.h"
#include "fake/engine.h"
#include "scheduler.h"
#include "tiny_model.h"

#include <pthread.h>
#include <string.h>

#define PACKETS 40
#define STREAMS 32

extern struct telu_model *model;       /* of all streams */

struct stream {
    pthread_t thread;
    int number, packets, window;
    struct telu_batch_stream *member;    /* given, or NULL: its own */
    int result;                /* 0: good; 1: refused; 2: failed; 3: differs */
    atomic_int done;           /* packets; -1: not started */
    atomic_int ended;
    char why[200];
};

/* Seconds of a clock that runs evenly; and a wait. */
double now(void);
void pause_ms(int ms);

struct telu_batch_stream *join(enum telu_side side, unsigned window);

/* Threads of a stream: encodes its signal, or decodes packets of another encoder, some of them
 * lost; and compares. */
void *encoder(void *user);
void *decoder(void *user);

void start(struct stream *s, int number, int packets, struct telu_batch_stream *member,
           int window, void *(*run)(void *));

/* Sends one packet of each stream; sides: e.g. "EED". The first one waits at the engine's
 * gate, the others queue behind it in their order. */
void line_up(struct stream *s, struct telu_batch_stream **member, const char *sides);

static inline void finish(struct stream *s, int result, const char *what)
{
    pthread_join(s->thread, NULL);
    check(s->result == result, what, s->result);
}

static inline void check_fake(const char *what)
{
    check(fake_control.breaches == 0, fake_control.breaches ? fake_control.breach : what,
          fake_control.breaches);
    check(fake_control.engines == 0, "engines left open", fake_control.engines);
    check(fake_control.slots == 0, "slots left", fake_control.slots);
}

#endif
