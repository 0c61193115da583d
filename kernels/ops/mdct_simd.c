/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct_simd.c - see mdct.h: the loops of mdct_body.h, vectorised. */
#include "mdct_body.h"

TELU_TARGET_CLONES
int telu_mdct_simd(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    (void)ctx;
    mdct(y, x, B, H);
    return 0;
}

TELU_TARGET_CLONES
int telu_imdct_simd(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    (void)ctx;
    imdct(y, x, B, H);
    return 0;
}
