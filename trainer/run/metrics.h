/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics.h - one epoch's numbers by name, and metrics.csv, which has one line per epoch. */
#ifndef METRICS_H
#define METRICS_H

#define METRICS_MOST 80

struct metrics {
    int n;
    char name[METRICS_MOST][24];
    double value[METRICS_MOST];    /* NaN: not measured in this epoch */
};

void metrics_add(struct metrics *m, double value, const char *name, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns NaN when no number has that name. */
double metrics_get(const struct metrics *m, const char *name);

/* Removes the lines beyond `epoch` from path (a resumed run may have written some) and those that
 * a full disk has cut, and renames a file with other columns than m's to path.old. Exits with the
 * reason on failure. */
void metrics_prepare(const char *path, const struct metrics *m, int epoch);

/* Adds m as a line, after a line of names where the file begins. Exits with the reason on
 * failure. */
void metrics_append(const char *path, const struct metrics *m);

/* Returns all whole lines of a file: a list for free(), *n long; NULL when there is no file. */
struct metrics *metrics_read(const char *path, int *n);

#endif
