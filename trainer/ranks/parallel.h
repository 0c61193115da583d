/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parallel.h - the ranks of a data-parallel run: processes that mpirun, or srun, has
 * started together. parallel.c implements them with MPI; serial.c, for a build without
 * MPI, has one rank.
 *
 * A function not marked local is collective: all ranks call it, in the same order, from
 * the thread that called parallel_start(). A lost rank ends the others. */
#ifndef PARALLEL_H
#define PARALLEL_H

#include "reduce.h"

#include <stdint.h>

/* Silences stdout of all ranks but rank 0. Local; call it first in main(), before MPI
 * starts. */
void parallel_begin(void);

/* Starts MPI if a launcher has started this program. */
void parallel_start(void);

/* Waits for the other ranks and ends MPI; call it before main() returns. */
void parallel_end(void);

/* Ends all ranks at once with status 1; returns when there are no others. Local. */
void parallel_abort(void);

/* Returns this rank. Local, valid from parallel_begin() on. */
int parallel_rank(void);

/* Local: the number of ranks; of ranks on this machine; this rank's index among those. */
int parallel_ranks(void);
int parallel_locals(void);
int parallel_local(void);

/* Returns the cores for this rank's threads, at least 1; ranks share common cores evenly.
 * Local. */
int parallel_cores(void);

/* Returns the reduction for trainer_reduce(): one rank sums each element in the order of
 * ranks, so that all get the same bits in every run. NULL for one rank. */
const struct reduce *parallel_reduce(void);

/* Sums a few doubles over the ranks likewise, n up to 16. */
void parallel_sum(double *x, int n);

/* Copies rank 0's data to all ranks. */
void parallel_share(void *data, size_t bytes);

/* Gathers: all[r] becomes rank r's `mine`. */
void parallel_gather(uint32_t *all, uint32_t mine);

/* Exits on a rank whose `sum` differs from rank 0's: "`what` differ between ranks". */
void parallel_compare(uint32_t sum, const char *what);

/* Sleeps until all ranks have called it, so that the others can compute. */
void parallel_wait(void);

#endif
