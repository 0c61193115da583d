/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compand.c - see compand.h. */
#include "compand.h"

#include "approx.h"
#include "target_clones.h"

#include <math.h>

TELU_ALWAYS_INLINE void compand(float *restrict y, const float *restrict x, int R)
{
    for (int r = 0; r < R; r++, x += TELU_COEFS, y += TELU_FEATURES) {
        for (int i = 0; i < TELU_COEFS; i++) {
            float sign = (float)((x[i] > 0.0f) - (x[i] < 0.0f));

            y[i] = 3.0f * sign * sqrtf(fabsf(x[i]) + 1e-6f);
        }
        for (int i = 0; i < TELU_COEFS; i++)
            y[TELU_COEFS + i] = 0.2f * telu_log(fabsf(x[i]) + 1e-4f) + 1.0f;
    }
}

int telu_compand_c(struct telu_ctx *ctx, float *y, const float *x, int R)
{
    (void)ctx;
    compand(y, x, R);
    return 0;
}

TELU_TARGET_CLONES
int telu_compand_simd(struct telu_ctx *ctx, float *y, const float *x, int R)
{
    (void)ctx;
    compand(y, x, R);
    return 0;
}
