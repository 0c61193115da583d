/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_time.h - a clock to measure and to wait by, and ranks of what was measured. */
#ifndef BENCH_TIME_H
#define BENCH_TIME_H

double bench_now(void);                /* seconds */

/* Until bench_now() is t. */
void bench_wait_until(double t);

/* Sorts v [n]. Value below which the share p of them lies; p = 1: the largest. */
double bench_rank(double *v, int n, double p);

#endif
