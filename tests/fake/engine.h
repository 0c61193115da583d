/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.h - an engine (kernels/engine/engine.h) on the CPU, with a stream of telu.h in each
 * slot. It checks its callers and fails on request, so that its users can be tested bit for
 * bit, and in every bad case, without a device. */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "module.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct fake_control {
    /* Set by the test. */
    atomic_int devices;        /* of the machine; 0 and -1: error() has the reason */
    atomic_int refuse_open;    /* 1: no memory; 2: any other reason */
    atomic_int slots_left;     /* further slots that fit into memory; -1: any */
    atomic_int runs_left;      /* further runs before the device fails; -1: any */
    atomic_int memory;         /* 1: that failure is out of memory */
    atomic_int delay;          /* microseconds that each run takes */
    atomic_int gate;           /* further runs that may begin, the others wait; -1: any */

    /* Seen by the engine. */
    atomic_int engines, slots; /* open now */
    atomic_int opened;         /* engines, ever */
    atomic_int held;           /* runs that waited at a shut gate */
    atomic_int runs[2], packets[2], most;
    pthread_t runner;          /* thread of the last finished run */
    char sides[100];           /* of the first runs: E or D */
    atomic_int breaches;       /* of the contract in engine.h; and the last one */
    const char *breach;
};

extern struct fake_control fake_control;
extern const struct telu_engine_ops fake_engine;

/* A module with that engine alone, as libtelucodec-cuda.so returns it. */
extern const struct telu_module fake_module;

/* Restores the initial settings and clears the counters. */
static inline void fake_reset(struct fake_control *c)
{
    memset((void *)c, 0, sizeof(*c));
    c->devices = 1;
    c->slots_left = c->runs_left = c->gate = -1;
}

#endif
