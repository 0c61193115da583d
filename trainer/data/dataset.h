/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dataset.h - speech from a folder: every file that GStreamer can decode, at 16 kHz,
 * mono, kept in memory as one long line of samples to crop from. The files are read once:
 * they may be deleted while training runs. */
#ifndef DATASET_H
#define DATASET_H

#include "rng.h"

struct clip {
    char *path;
    float *pcm;
    long n;
    int times;                 /* that it stands in the line, one after the other */
    long at;                   /* where it begins in the line */
};

struct dataset {
    struct clip *clip;
    int n;
    long samples;              /* of all clips, each counted once */
    long total;                /* of the line */
};

/* Reads dir with all folders below it, in order of name, following links. Files that
 * cannot be decoded are named on stderr and left out. Exits when too little is left,
 * or nothing but silence. *stop is looked at between files: it ends loading early. */
void dataset_load(struct dataset *d, const char *dir, const volatile int *stop);
void dataset_release(struct dataset *d);

/* "GLOB=N": clips whose folder's name (the speaker's) matches stand N times in the
 * line. Returns their number; -1 when the text is none of that form. */
int dataset_repeat(struct dataset *d, const char *text);

/* Different folders that files lie in. */
int dataset_speakers(const struct dataset *d);

/* Moves about `share` of the samples from d to `part`: whole folders (speakers)
 * where the files lie in several folders, whole files otherwise, the end of the file
 * when there is but one. */
void dataset_split(struct dataset *d, struct dataset *part, double share,
                   struct rng *rng);

/* n samples from position `at` of the line on, across the ends of clips; zeros
 * outside the line. */
void dataset_read(const struct dataset *d, float *to, long at, long n);

#endif
