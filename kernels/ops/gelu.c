/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu.c - see gelu.h. */
#include "gelu.h"

#include "approx.h"
#include "target_clones.h"

#define BLOCK 64

/* y [n] = gelu of x [n], n <= BLOCK. The exponentials are apart: in one loop with them, gcc divides
 * once more for those that were limited. */
TELU_ALWAYS_INLINE void block(float *y, const float *x, int n)
{
    float e[BLOCK];

    for (int i = 0; i < n; i++) {
        float u = 0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i]);

        e[i] = telu_exp(-2.0f * u);
    }
    for (int i = 0; i < n; i++)
        y[i] = x[i] / (1.0f + e[i]);
}

TELU_ALWAYS_INLINE void gelu(float *y, const float *x, int n)
{
    int i = 0;

    for (; i + BLOCK <= n; i += BLOCK)
        block(y + i, x + i, BLOCK);
    block(y + i, x + i, n - i);
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
