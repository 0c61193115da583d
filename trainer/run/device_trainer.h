/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_trainer.h - a trainer's steps on a device: the host's side of training.h. Steps are
 * begun and told of later; the trainer on the host is behind until device_trainer_pull(). Whatever
 * goes wrong on the device ends the program with a word: the checkpoint that was
 * written last is whole. */
#ifndef DEVICE_TRAINER_H
#define DEVICE_TRAINER_H

#include "options.h"
#include "step.h"

#define DEVICE_TRAINER_STEPS 64          /* between two device_trainer_results(), at most */

struct device_trainer;

/* What --device and --precision say, said on stdout. NULL: the CPU. Takes t's arrays
 * for a batch away. Exits where cuda is wanted and cannot be had. */
struct device_trainer *device_trainer_new(const struct options *o, struct trainer *t);
void device_trainer_free(struct device_trainer *c);

/* From now on steps take batches from data, which a thread cuts. */
void device_trainer_begin(struct device_trainer *c, const struct dataset *data);

/* One step, begun. */
void device_trainer_step(struct device_trainer *c, float rate, float decay);

/* Waits for the steps that were begun; those not told of yet, the oldest first. */
int device_trainer_results(struct device_trainer *c, struct step_result r[DEVICE_TRAINER_STEPS]);

/* The device's state to the trainer, for checks and checkpoints; and back. */
void device_trainer_pull(struct device_trainer *c);
void device_trainer_push(struct device_trainer *c);

#endif
