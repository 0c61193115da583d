/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head.c - see head.h. */
#include "head.h"

#include "approx.h"
#include "target_clones.h"

TELU_ALWAYS_INLINE void head(float *y, const float *v, const float *s, int n)
{
    for (int i = 0; i < n; i++) {
        float c = s[i] > TELU_HEAD_LEAST ? s[i] : TELU_HEAD_LEAST;

        y[i] = v[i] * telu_exp(c < TELU_HEAD_MOST ? c : TELU_HEAD_MOST);
    }
}

int telu_head_c(struct telu_ctx *ctx, float *y, const float *v, const float *s,
                int n)
{
    (void)ctx;
    head(y, v, s, n);
    return 0;
}

TELU_TARGET_CLONES
int telu_head_simd(struct telu_ctx *ctx, float *y, const float *v, const float *s,
                   int n)
{
    (void)ctx;
    head(y, v, s, n);
    return 0;
}
