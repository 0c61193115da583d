/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_time.c - see bench_time.h. */
#include "bench_time.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void bench_wait_until(double t)
{
    struct timespec ts = { .tv_sec = (time_t)t };

    ts.tv_nsec = (long)(1e9 * (t - (double)ts.tv_sec));
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        ;
}

static int smaller(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_rank(double *v, int n, double p)
{
    int at = (int)(p * n);

    qsort(v, (size_t)n, sizeof(*v), smaller);
    return v[at < n ? at : n - 1];
}
