/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* adamw.h - takes one step of AdamW (Loshchilov, Hutter 2019) over all weights:
 *
 *   m = .8 m + .2 g;  v = .99 v + .01 g^2;  w -= lr (m' / (sqrt(v') + 1e-8) + decay w)
 *
 * m', v' corrected for their start at zero; only matrices decay. */
#ifndef ADAMW_H
#define ADAMW_H

#include "params.h"

struct adamw {
    float *m, *v;              /* (params->total) */
    long step;
};

void adamw_init(struct adamw *a, const struct params *p);
void adamw_release(struct adamw *a);

/* Returns the length of the gradient as one vector; infinite or NaN when any element is. */
double grad_norm(const struct params *p);

/* Takes one step with gradients times `scale`. */
void adamw_step(struct adamw *a, struct params *p, float lr, float decay,
                float scale);

#endif
