/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_trainer.h - a trainer's steps on a device: the host's side of training.h. A step
 * begins at once and its result is read later; the trainer on the host lags until
 * device_trainer_pull(). An error of the device ends the program with its text; the last
 * checkpoint stays whole. */
#ifndef DEVICE_TRAINER_H
#define DEVICE_TRAINER_H

#include "options.h"
#include "step.h"

#define DEVICE_TRAINER_STEPS 64        /* between two device_trainer_results(), at most */

struct device_trainer;

/* Opens the device of --device and --precision and prints it. NULL: the CPU. Frees t's
 * arrays for a batch. Exits when cuda is requested but missing. */
struct device_trainer *device_trainer_new(const struct options *o, struct trainer *t);
void device_trainer_free(struct device_trainer *c);

/* Later steps take batches from data, which a thread cuts ahead. */
void device_trainer_begin(struct device_trainer *c, const struct dataset *data);

/* Begins one step. */
void device_trainer_step(struct device_trainer *c, float rate, float decay);

/* Waits for the steps begun. Writes their results to r, the oldest first, each only once,
 * and returns the number. */
int device_trainer_results(struct device_trainer *c,
                           struct step_result r[DEVICE_TRAINER_STEPS]);

/* Copy the device's state to the trainer, for checks and checkpoints, and back. */
void device_trainer_pull(struct device_trainer *c);
void device_trainer_push(struct device_trainer *c);

#endif
