/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.h - writes one HTML page: the training's options, its verdict, tables, curves, sounds
 * and spectrograms. All is in one file; the page fetches nothing. */
#ifndef REPORT_H
#define REPORT_H

#include "folders.h"
#include "metrics.h"

/* Content of the page. */
struct report {
    const char *name;          /* of the experiment, and of its model */
    const char *training;      /* a line: files, hours, options, steps, minutes */
    const char *model_id;
    const char *verdict;       /* sentences, a line each */
    const struct quality *quality;     /* QUALITY_POINTS of them */
    const struct folders *folders;     /* NULL: none */
    const struct quality_layers *layers;       /* NULL: not measured */
    const struct metrics *m;   /* [n]: lines of metrics.csv */
    int n;
    int files, left_out;       /* of the data: used, and not */
};

/* Writes path, with the first seconds of clip, coded by m. Exits with the reason on failure. */
void report_write(const char *path, const struct report *r, const struct telu_model *m,
                  const struct clip *clip);

#endif
