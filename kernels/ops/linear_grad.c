/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear_grad.c - see linear.h. */
#include "linear.h"

#include "target_clones.h"

TELU_TARGET_CLONES
void telu_linear_grad(float *dx, float *dw, float *db, const float *dy,
                      const float *x, const float *w, int R, int I, int O)
{
    for (int r = 0; r < R; r++)
        for (int o = 0; o < O; o++) {
            const float g = dy[(size_t)r * O + o];
            const float *restrict xr = x + (size_t)r * I;
            float *restrict row = dw + (size_t)o * I;

            for (int i = 0; i < I; i++)
                row[i] += g * xr[i];
            if (db)
                db[o] += g;
        }
    if (!dx)
        return;
    for (int r = 0; r < R; r++)
        for (int o = 0; o < O; o++) {
            const float g = dy[(size_t)r * O + o];
            const float *restrict row = w + (size_t)o * I;
            float *restrict dxr = dx + (size_t)r * I;

            for (int i = 0; i < I; i++)
                dxr[i] += g * row[i];
        }
}
