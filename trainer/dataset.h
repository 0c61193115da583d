/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dataset.h - speech from a folder: every file that GStreamer can decode, at 16 kHz,
 * mono, kept in memory as one long line of samples to crop from. */
#ifndef DATASET_H
#define DATASET_H

#include "rng.h"

struct clip {
    char *path;
    float *pcm;
    long n;
    long at;                   /* where it begins in the line */
};

struct dataset {
    struct clip *clip;
    int n;
    long total;                /* samples */
};

/* Reads dir with all folders below it, in order of name. Files that cannot be
 * decoded are named on stderr and left out. Exits when none is left. */
void dataset_load(struct dataset *d, const char *dir);
void dataset_release(struct dataset *d);

/* Moves about `share` of the samples from d to `part`: whole folders (speakers)
 * where the files lie in several folders, whole files otherwise. Leaves something on
 * both sides, or exits. */
void dataset_split(struct dataset *d, struct dataset *part, double share,
                   struct rng *rng);

/* n samples from position `at` of the line on, across the ends of clips; zeros
 * outside the line. */
void dataset_read(const struct dataset *d, float *to, long at, long n);

#endif
