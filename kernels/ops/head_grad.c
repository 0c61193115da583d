/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head_grad.c - see head.h. */
#include "head.h"

#include "approx.h"
#include "target_clones.h"

TELU_TARGET_CLONES
void telu_head_grad(float *dv, float *ds, const float *dy, const float *v,
                    const float *s, int n)
{
    for (int i = 0; i < n; i++) {
        float c = s[i] > TELU_HEAD_LEAST ? s[i] : TELU_HEAD_LEAST;
        float e = telu_exp(c < TELU_HEAD_MOST ? c : TELU_HEAD_MOST);
        float g = dy[i], d = g * (v[i] * e);
        int up = (s[i] > TELU_HEAD_LEAST) | (d < 0.0f);
        int down = (s[i] < TELU_HEAD_MOST) | (d > 0.0f);

        dv[i] = g * e;
        ds[i] = up & down ? d : 0.0f;
    }
}
