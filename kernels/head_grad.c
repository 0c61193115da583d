/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head_grad.c - see head.h. */
#include "head.h"

#include "approx.h"
#include "clones.h"

TELU_CLONES
void telu_head_grad(float *dv, float *ds, const float *dy, const float *v,
                    const float *s, int n)
{
    for (int i = 0; i < n; i++) {
        float c = s[i] > TELU_HEAD_LEAST ? s[i] : TELU_HEAD_LEAST;
        float e = telu_exp(c < TELU_HEAD_MOST ? c : TELU_HEAD_MOST);
        float g = dy[i], y = v[i] * e;
        int inside = (s[i] > TELU_HEAD_LEAST) & (s[i] < TELU_HEAD_MOST);

        dv[i] = g * e;
        ds[i] = inside ? g * y : 0.0f;
    }
}
