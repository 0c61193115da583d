/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.h - the engine of kernels/engine/engine.h on the CPU, one stream of telu.h for each slot,
 * which watches how it is used and fails when it is told to. What is built on engines can
 * thus be tested bit for bit, and in every bad case, without a device. */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "module.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct fake_control {
    /* Orders. */
    atomic_int devices;        /* of the machine; 0, and -1: error() says why */
    atomic_int refuse_open;    /* 1: no memory; 2: any other reason */
    atomic_int slots_left;     /* further slots that there is memory for; -1: any */
    atomic_int runs_left;      /* further runs before the device fails; -1: any */
    atomic_int memory;         /* 1: what fails then is memory */
    atomic_int delay;          /* of each run, microseconds */
    atomic_int gate;           /* further runs that may begin, the others wait; -1: any */

    /* What was seen. */
    atomic_int engines, slots; /* open now */
    atomic_int opened;         /* engines, ever */
    atomic_int held;           /* runs that came to a gate that was shut */
    atomic_int runs[2], packets[2], most;
    pthread_t runner;          /* of the last run, once it is over */
    char sides[100];           /* of the first runs: E or D */
    atomic_int breaches;       /* of the contract in engine.h; the last one: */
    const char *breach;
};

extern struct fake_control fake_control;
extern const struct telu_engine_ops fake_engine;

/* A module with that engine and nothing else, as libtelucodec-cuda.so gives it. */
extern const struct telu_module fake_module;

/* Orders as at the start, and nothing seen. */
static inline void fake_reset(struct fake_control *c)
{
    memset((void *)c, 0, sizeof(*c));
    c->devices = 1;
    c->slots_left = c->runs_left = c->gate = -1;
}

#endif
