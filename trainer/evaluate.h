/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* evaluate.h - how the network does on whole files that it does not learn from. */
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
};

/* Uses at most `files` of them, evenly spaced. */
struct evaluation evaluate(struct trainer *t, const struct dataset *d, int files);

/* SNR in dB of the whole codec through packets, at 16 kbit/s tuned for SNR; NaN when
 * a packet cannot be made. */
double evaluate_codec(const struct telu_model *m, const struct dataset *d, int files);

#endif
