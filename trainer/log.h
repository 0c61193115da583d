/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.h - what an epoch brought: lines for eyes, a row of metrics.csv for plots. */
#ifndef LOG_H
#define LOG_H

#include "evaluate.h"

/* Sums over the steps of an epoch. */
struct epoch {
    struct loss_value loss;
    double commit, norm;
    long steps, skipped;
    double seconds;            /* of steps alone */
};

void epoch_add(struct epoch *e, const struct step_result *r);

/* Prints the epoch, and appends it to csv_path. `audio`: seconds of speech a step. */
void epoch_log(const struct epoch *e, const struct evaluation *v, struct trainer *t,
               int number, long step, double minutes, double rate, double audio,
               const char *csv_path);

#endif
