/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grads_c.c - table of backward ops on the CPU, the definition of each. */
#include "grads.h"

#include "dwconv.h"
#include "gelu.h"
#include "head.h"
#include "linear.h"
#include "norm.h"
#include "residual.h"

static int linear(struct telu_ctx *ctx, float *dx, float *dw, float *db, const float *dy,
                  const float *x, const float *w, int R, int I, int O)
{
    (void)ctx;
    telu_linear_grad(dx, dw, db, dy, x, w, R, I, O);
    return 0;
}

static int dwconv(struct telu_ctx *ctx, float *dx, float *dw, float *db, const float *dy,
                  const float *x, const float *w, int B, int T, int C, int K)
{
    (void)ctx;
    telu_dwconv_grad(dx, dw, db, dy, x, w, B, T, C, K);
    return 0;
}

static int norm(struct telu_ctx *ctx, float *dx, float *dg, float *db, const float *dy,
                const float *x, const float *g, int R, int C)
{
    (void)ctx;
    telu_norm_grad(dx, dg, db, dy, x, g, R, C);
    return 0;
}

static int gelu(struct telu_ctx *ctx, float *dx, const float *dy, const float *x, int n)
{
    (void)ctx;
    telu_gelu_grad(dx, dy, x, n);
    return 0;
}

static int residual(struct telu_ctx *ctx, float *dh, float *ds, const float *dy,
                    const float *h, const float *s, int R, int C)
{
    (void)ctx;
    telu_residual_grad(dh, ds, dy, h, s, R, C);
    return 0;
}

static int head(struct telu_ctx *ctx, float *dv, float *ds, const float *dy,
                const float *v, const float *s, int n)
{
    (void)ctx;
    telu_head_grad(dv, ds, dy, v, s, n);
    return 0;
}

const struct telu_grads telu_grads_c = {
    .be = &telu_backend_c,
    .linear = linear,
    .dwconv = dwconv,
    .norm = norm,
    .gelu = gelu,
    .residual = residual,
    .head = head,
};
