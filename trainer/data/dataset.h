/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dataset.h - loads speech from a folder: every file that GStreamer can decode, at 16
 * kHz, mono, kept in memory as one long line of samples to crop from. Each file is read
 * once and may be deleted while training runs. */
#ifndef DATASET_H
#define DATASET_H

#include "rng.h"

struct clip {
    char *path;
    float *pcm;
    long n;
    float peak;                /* largest magnitude */
    int times;                 /* repetitions in the line, one after the other */
    long at;                   /* offset of the first one in the line */
};

struct dataset {
    char *dir;                 /* the folder it was read from */
    struct clip *clip;
    int n, left_out;           /* clips; files that could not be used */
    long samples;              /* of all clips, each counted once */
    long total;                /* of the line */
};

/* Reads dir with all folders below it, in order of name, following links. Files that
 * cannot be used are named on stderr and left out; the last line counts them. Exits when
 * too little is left, or only silence. *stop, read between files, ends loading early. */
void dataset_load(struct dataset *d, const char *dir, const volatile int *stop);
void dataset_release(struct dataset *d);

/* Applies "GLOB=N": repeats the clips of matching folders (speakers) N times in the line.
 * Returns their number; -1 when the text has another form. */
int dataset_repeat(struct dataset *d, const char *text);

/* Returns the number of different folders with files. */
int dataset_speakers(const struct dataset *d);

/* Moves about `share` of the samples from d to `part`: whole folders (speakers) if there
 * are several, else whole files, else the end of the only file. */
void dataset_split(struct dataset *d, struct dataset *part, double share,
                   struct rng *rng);

/* Copies n samples from position `at` of the line on, across the ends of clips; zeros
 * outside the line. */
void dataset_read(const struct dataset *d, float *to, long at, long n);

#endif
