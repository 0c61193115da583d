/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verdict.h - judges a run by its checks: which weights to keep, and in words what to do next. */
#ifndef VERDICT_H
#define VERDICT_H

#include "folders.h"
#include "metrics.h"

/* The network's SNR at the checks of metrics.csv, in dB, mean over the numbers of stages. */
struct checks {
    double start;              /* of the weights of --init, epoch 0; NaN: there were none */
    double best, last;
    int best_epoch, last_epoch;
};

/* Returns 1, or 0 when there was no check. */
int checks_of(struct checks *c, const struct metrics *m, int n);

/* Returns 1 when the last check is worse than the start, or clearly worse than the best one: the
 * weights to keep are then those of best.ckpt. */
int checks_fell(const struct checks *c);

/* Grounds of the verdict. */
struct verdict {
    const struct metrics *m;   /* [n]: lines of metrics.csv */
    int n;
    const struct quality *quality;     /* QUALITY_POINTS of them, of the weights that were kept */
    const struct folders *folders;
    double minutes;            /* of speech to learn from */
    int codes;                 /* of a stage */
    const char *preset;
};

/* Returns the verdict, a sentence or two a line: to be freed with g_free(). */
char *verdict_text(const struct verdict *v);

#endif
