/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* checkpoint.h - all that a run needs to go on as if it had never stopped. A file of
 * this machine: pieces of memory, each with name and size, and a check sum. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "step.h"

/* Where the run is, besides the trainer. */
struct progress {
    long step;
    int epoch;                 /* complete ones */
    double seconds;            /* spent so far */
    double best;               /* of the figure that best.ckpt goes by */
    struct telu_config config;
    /* What follows is not in files of version 1. */
    long seed;                 /* that the split into training and checking came from */
    char settings[1000];       /* the options of the run, for the weight file */
};

/* Writes to a temporary file, syncs it, renames, syncs the folder: path is always
 * whole. When the disk refuses, exits with the reason, and path is as it was. */
void checkpoint_save(const char *path, struct trainer *t, struct progress *p);

/* 0; 1 when there is no such file. Exits when it is damaged or of another network. */
int checkpoint_load(const char *path, struct trainer *t, struct progress *p);

/* Only the progress (with its config), for making the trainer to load into. */
int checkpoint_peek(const char *path, struct progress *p);

/* All ranks get what rank 0 has (parallel.h). */
void checkpoint_share(struct trainer *t, struct progress *p);

/* Check sum of all that training changes: equal on all ranks, or something broke. */
uint32_t checkpoint_sum(struct trainer *t);

#endif
