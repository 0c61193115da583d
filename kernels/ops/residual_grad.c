/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residual_grad.c - see residual.h. */
#include "residual.h"

#include "target_clones.h"

TELU_TARGET_CLONES
void telu_residual_grad(float *dh, float *ds, const float *dy, const float *h,
                        const float *s, int R, int C)
{
    for (int r = 0; r < R; r++, dy += C, h += C, dh += C) {
        /* ds first: dh may be dy. */
        for (int c = 0; c < C; c++)
            ds[c] += dy[c] * h[c];
        for (int c = 0; c < C; c++)
            dh[c] = s[c] * dy[c];
    }
}
