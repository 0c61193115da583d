/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* folders.h - the speech by the folders of the data: a language, a speaker or a source each. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include "quality.h"

#define FOLDERS_MOST 16        /* measured: those with most speech */
#define FOLDER_FIGURE 1        /* the point that folders are compared by: base8k */

struct folder {
    char *name;                /* below the data's folder; "." is that one itself */
    int files, checked;        /* to learn from, to check on */
    double minutes;            /* of both */
    struct quality q[QUALITY_POINTS];  /* of files to check on, or else of files learnt from */
};

struct folders {
    struct folder *folder;     /* those with most speech first */
    int n, left_out;           /* folders here; folders beyond FOLDERS_MOST */
};

/* Divides train and valid by the first folder below the one that all clips are in, and measures m
 * on the beginnings of a few files of each. */
void folders_measure(struct folders *f, const struct telu_model *m, const struct dataset *train,
                     const struct dataset *valid);
void folders_release(struct folders *f);

#endif
