/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reduce.h - sums over the ranks of a data-parallel run. Items are dealt in turn: item i
 * of rank r is item i ranks + r of the whole batch. So each rank's items have descending
 * stages when the whole batch's do. */
#ifndef REDUCE_H
#define REDUCE_H

#include <stddef.h>

struct reduce {
    int rank, ranks;
    /* x[0 .. n-1] = sum over all ranks, the same bits on each. It does not return after
     * the loss of a rank. */
    void (*sum)(void *user, float *x, size_t n);
    void *user;
};

/* r == NULL: there is one rank. */
static inline void reduce_sum(const struct reduce *r, float *x, size_t n)
{
    if (r)
        r->sum(r->user, x, n);
}

static inline int reduce_ranks(const struct reduce *r)
{
    return r ? r->ranks : 1;
}

#endif
