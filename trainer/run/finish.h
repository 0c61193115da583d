/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finish.h - turns a trained network into a weight file, and measures it. */
#ifndef FINISH_H
#define FINISH_H

#include "checkpoint.h"
#include "dataset.h"
#include "options.h"

#include <signal.h>

/* Files that finish() reads and writes. */
struct result {
    const char *weights;       /* the file to write */
    const char *report;        /* NULL: none */
    const char *csv;           /* for the report's curves */
};

/* Writes the files of r and prints the codec's quality on `valid`. With --postnet it trains that
 * first, unless *stop ends it: then it writes nothing, and the same command goes on. Exits with the
 * reason on failure. */
void finish(const struct trainer *t, const struct progress *p, const struct options *o,
            const struct dataset *train, const struct dataset *valid,
            const struct result *r, const volatile sig_atomic_t *stop);

#endif
