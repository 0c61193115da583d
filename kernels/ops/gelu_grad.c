/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu_grad.c - see gelu.h. */
#include "gelu.h"

#include "approx.h"
#include "target_clones.h"

/* With p = 1 / (1 + exp(-2 u)):  dy/dx = p + 2 x p (1 - p) du/dx. */
TELU_TARGET_CLONES
void telu_gelu_grad(float *dx, const float *dy, const float *x, int n)
{
    for (int i = 0; i < n; i++) {
        float x2 = x[i] * x[i];
        float u = 0.79788456f * (x[i] + 0.044715f * x2 * x[i]);
        float du = 0.79788456f * (1.0f + 3.0f * 0.044715f * x2);
        float p = 1.0f / (1.0f + telu_exp(-2.0f * u));

        dx[i] += dy[i] * (p + 2.0f * x[i] * p * (1.0f - p) * du);
    }
}
