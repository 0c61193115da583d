/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* evaluate.h - measures the network, without packets and tables, on whole held-out files:
 * fast enough for every epoch. */
#ifndef EVALUATE_H
#define EVALUATE_H

#include "dataset.h"
#include "step.h"

#define EVALUATE_POINTS 4

/* Numbers of stages: 1.5, 3, 6 and 8 kbit/s. */
extern const int evaluate_stages[EVALUATE_POINTS];

struct evaluation {
    double snr[EVALUATE_POINTS];   /* dB, mean over files */
    struct loss_value loss;        /* with the most stages */
    double mean;                   /* of the output: there is no bias */
    double level;                  /* output's deviation / original's */
    double use;                    /* share of all codes that these files chose */
};

/* Uses at most `files` of them, evenly spaced. */
struct evaluation evaluate(struct trainer *t, const struct dataset *d, int files);

#endif
