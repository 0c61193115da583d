/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balance.h - weighs the losses by their gradients at the output, not by their values
 * (the balancer of EnCodec, Defossez et al. 2022).
 *
 * Running means scale each term's gradient with respect to the output to a fixed share of
 * a common size, so that none drowns another during training. The size of a gradient is
 * the mean over items of its length times the item's level: otherwise quiet items, which
 * have proportionally long gradients, would decide alone.
 */
#ifndef BALANCE_H
#define BALANCE_H

#include "constants.h"
#include "reduce.h"

struct balance {
    double norm[BALANCE_TERMS];    /* running means of the sizes; 0 before the first step */
};

/* Writes the weighted sum of the three gradients to g[0]. x and g[] as in loss_run().
 * reduce: sizes become means over the items of all ranks. */
void balance_run(struct balance *b, float *const g[BALANCE_TERMS], const float *x,
                 int B, int n, int stride, const struct reduce *reduce);

#endif
