/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_time.h - a clock, and quantiles of measured times. */
#ifndef BENCH_TIME_H
#define BENCH_TIME_H

double bench_now(void);                /* seconds */

/* Sleeps until bench_now() is t. */
void bench_wait_until(double t);

/* Sorts v [n]. Returns the value below which the share p of them lies; p = 1: the largest. */
double bench_rank(double *v, int n, double p);

#endif
