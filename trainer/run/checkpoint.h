/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* checkpoint.h - saves all that a run needs to resume as if it had never stopped. The
 * file belongs to this machine: pieces of memory, each with name and size, and a check
 * sum. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "step.h"

/* Progress of the run, besides the trainer. */
struct progress {
    long step;
    int epoch;                 /* complete ones */
    double seconds;            /* spent so far */
    double best;               /* best value of the figure that selects best.ckpt */
    struct telu_config config;
    /* Files of version 1 lack the following fields. */
    long seed;                 /* seed of the split into training and checking */
    char settings[1000];       /* the options of the run, for the weight file */
};

/* Writes to a temporary file, syncs it, renames, syncs the folder: path is always whole.
 * Exits with the reason when writing fails, and path is unchanged. */
void checkpoint_save(const char *path, struct trainer *t, struct progress *p);

/* Returns 0; 1 when there is no such file. Exits when it is damaged or of another
 * network. */
int checkpoint_load(const char *path, struct trainer *t, struct progress *p);

/* Reads only the progress (with its config), from which the caller makes the trainer. Returns and
 * exits as checkpoint_load(), also when the file's size is not that of its network. */
int checkpoint_peek(const char *path, struct progress *p);

/* Copies rank 0's state to all ranks (parallel.h). */
void checkpoint_share(struct trainer *t, struct progress *p);

/* Returns the check sum of all that training changes; it differs between ranks only after
 * a fault. */
uint32_t checkpoint_sum(struct trainer *t);

#endif
