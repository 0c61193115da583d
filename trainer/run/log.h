/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.h - an epoch as printed lines and as numbers for metrics.csv. */
#ifndef LOG_H
#define LOG_H

#include "evaluate.h"
#include "quality.h"

/* Sums over the steps of an epoch. */
struct epoch {
    struct loss_value loss;
    double commit, norm;
    long steps, skipped;
    double seconds;            /* of steps alone */
};

/* End of an epoch. */
struct epoch_end {
    int number;
    long step;
    double minutes, rate;
    double audio;              /* seconds of speech in a step */
};

void epoch_add(struct epoch *e, const struct step_result *r);

/* e: without steps at the start, epoch 0. q: of this epoch, NULL when the whole codec was not
 * measured. */
void epoch_print(const struct epoch *e, const struct epoch_end *at,
                 const struct evaluation *v, const struct quality *q,
                 const struct trainer *t);
void epoch_metrics(struct metrics *m, const struct epoch *e, const struct epoch_end *at,
                   const struct evaluation *v, const struct quality *q,
                   const struct trainer *t);

#endif
