/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_trainer.h - a trainer's steps on a device: the host's side of training.h. Steps are
 * begun and told of later; the trainer on the host is behind until card_pull(). Whatever
 * goes wrong on the device ends the program with a word: the checkpoint that was
 * written last is whole. */
#ifndef CARD_H
#define CARD_H

#include "options.h"
#include "step.h"

#define CARD_STEPS 64          /* between two card_results(), at most */

struct card;

/* What --device and --precision say, said on stdout. NULL: the CPU. Takes t's arrays
 * for a batch away. Exits where cuda is wanted and cannot be had. */
struct card *card_new(const struct options *o, struct trainer *t);
void card_free(struct card *c);

/* From now on steps take batches from data, which a thread cuts. */
void card_begin(struct card *c, const struct dataset *data);

/* One step, begun. */
void card_step(struct card *c, float rate, float decay);

/* Waits for the steps that were begun; those not told of yet, the oldest first. */
int card_results(struct card *c, struct step_result r[CARD_STEPS]);

/* The device's state to the trainer, for checks and checkpoints; and back. */
void card_pull(struct card *c);
void card_push(struct card *c);

#endif
