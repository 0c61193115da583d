/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residual.c - see residual.h. */
#include "residual.h"

#include "target_clones.h"

TELU_ALWAYS_INLINE void residual(float *y, const float *x, const float *h,
                        const float *s, int R, int C)
{
    for (int r = 0; r < R; r++, x += C, h += C, y += C)
        for (int c = 0; c < C; c++)
            y[c] = x[c] + s[c] * h[c];
}

int telu_residual_c(struct telu_ctx *ctx, float *y, const float *x, const float *h,
                    const float *s, int R, int C)
{
    (void)ctx;
    residual(y, x, h, s, R, C);
    return 0;
}

TELU_TARGET_CLONES
int telu_residual_simd(struct telu_ctx *ctx, float *y, const float *x,
                       const float *h, const float *s, int R, int C)
{
    (void)ctx;
    residual(y, x, h, s, R, C);
    return 0;
}
