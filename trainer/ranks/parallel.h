/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parallel.h - the ranks of a data-parallel run: processes that mpirun, or srun, has
 * started together. parallel.c has them through MPI, serial.c for a build without MPI
 * says that there is one.
 *
 * What is not said to be local is collective: all ranks call it, in the same order,
 * from the thread that called parallel_start(). A rank that is lost ends the others. */
#ifndef PARALLEL_H
#define PARALLEL_H

#include "reduce.h"

#include <stdint.h>

/* First thing in main(), before there is MPI, and local: with one rank's word on stdout
 * the others' goes nowhere. */
void parallel_begin(void);

/* Starts MPI where a launcher has started this program. */
void parallel_start(void);

/* Waits for the other ranks and ends MPI; call it before main() returns. */
void parallel_end(void);

/* Ends all ranks at once with status 1; returns when there are no others. Local. */
void parallel_abort(void);

/* Local. From parallel_begin() on. */
int parallel_rank(void);

/* Local: how many ranks there are; on this machine; which one of those this is. */
int parallel_ranks(void);
int parallel_locals(void);
int parallel_local(void);

/* Cores for this rank's threads, where those that several may use are shared out
 * evenly; at least 1. Local. */
int parallel_cores(void);

/* For trainer_reduce(): sums each element on one rank, in the order of ranks, so that
 * all get the same bits, run after run. NULL when this rank is the only one. */
const struct reduce *parallel_reduce(void);

/* The same for a few doubles, n up to 16. */
void parallel_sum(double *x, int n);

/* All get what rank 0 has. */
void parallel_share(void *data, size_t bytes);

/* all[r] becomes rank r's `mine`. */
void parallel_gather(uint32_t *all, uint32_t mine);

/* Exits on a rank whose `sum` is another than rank 0's: "`what` differ between ranks". */
void parallel_compare(uint32_t sum, const char *what);

/* Until all ranks have come here; asleep, so that the others may compute. */
void parallel_wait(void);

#endif
