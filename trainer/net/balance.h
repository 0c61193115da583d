/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balance.h - weighs the losses by what they do to the sound, not by their values
 * (the balancer of EnCodec, Defossez et al. 2022).
 *
 * Each term's gradient with respect to the output is scaled to a fixed share of a
 * common size, by running means, so that none drowns another as training goes on.
 * The size of a gradient is the mean over items of its length times the item's level:
 * otherwise quiet items, whose gradients are long in proportion, would decide alone.
 */
#ifndef BALANCE_H
#define BALANCE_H

#include "constants.h"
#include "reduce.h"

struct balance {
    double norm[BALANCE_TERMS];    /* running means; 0 before the first step */
};

/* g[0] += ... : the weighted sum of the three gradients is left in g[0]. x and g[]
 * as in loss_run(). reduce: the sizes are means over the items of all ranks. */
void balance_run(struct balance *b, float *const g[BALANCE_TERMS], const float *x,
                 int B, int n, int stride, const struct reduce *reduce);

#endif
