/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.h - writes one HTML page: the training's options, its curves, sounds and
 * spectrograms. All is in one file; the page fetches nothing. */
#ifndef REPORT_H
#define REPORT_H

#include "quality.h"

/* The texts and figures of the page, besides the curves of metrics.csv. */
struct report {
    const char *name;          /* of the experiment */
    const char *training;      /* a line: files, hours, options, steps, minutes */
    const char *model_id;
    const struct quality *quality;     /* QUALITY_POINTS of them */
};

/* Writes path from csv_path and, coded by m, the first seconds of clip. Exits with the
 * reason on failure. */
void report_write(const char *path, const struct report *r, const char *csv_path,
                  const struct telu_model *m, const struct clip *clip);

#endif
