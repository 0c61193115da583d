/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* train.h - the loop: steps, epochs, checks, checkpoints. */
#ifndef TRAIN_H
#define TRAIN_H

#include "device_trainer.h"
#include "checkpoint.h"
#include "options.h"

struct run {
    struct options o;
    struct trainer *t;
    struct device_trainer *device;     /* NULL: t steps by itself */
    struct progress p;
    struct dataset train, valid;
    char *folder, *last, *best, *csv, *weights, *report;
    const volatile int *stop;  /* set by a signal */
};

/* Steps that make an epoch: its segments are as long as the speech. */
long train_epoch_steps(const struct run *r);

/* Trains until the epochs or the time are over: 0; or until *stop, after finishing the
 * step: 1. Saves at the end, and every few minutes. */
int train(struct run *r);

/* Seconds that a step takes, from a few of them. The network is not what it was. */
double train_time(struct run *r);

#endif
