/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu.c - see gelu.h. */
#include "gelu.h"

#include "approx.h"
#include "target_clones.h"

TELU_ALWAYS_INLINE void gelu(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++) {
        float u = 0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i]);

        y[i] = x[i] / (1.0f + telu_exp(-2.0f * u));
    }
}

int telu_gelu_c(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    (void)ctx;
    gelu(y, x, n);
    return 0;
}

TELU_TARGET_CLONES
int telu_gelu_simd(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    (void)ctx;
    gelu(y, x, n);
    return 0;
}
