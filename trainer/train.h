/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* train.h - the training loop: steps, epochs, checks, checkpoints. */
#ifndef TRAIN_H
#define TRAIN_H

#include "device_trainer.h"
#include "checkpoint.h"
#include "options.h"

struct run {
    struct options o;
    struct trainer *t;
    struct device_trainer *device;     /* NULL: t takes the steps */
    struct progress p;
    struct dataset train, valid;
    char *folder, *last, *best, *csv, *weights, *report;
    const volatile int *stop;  /* set by a signal */
};

/* Returns the steps of an epoch, whose segments are together as long as the speech. */
long train_epoch_steps(const struct run *r);

/* Checks the weights of --init as epoch 0, then trains until the epochs or the time are over
 * and returns 0, or until *stop, after the step, and returns 1. Saves at the end and every few
 * minutes. */
int train(struct run *r);

/* Returns the seconds that a step takes, from a few steps; these change the network. */
double train_time(struct run *r);

#endif
