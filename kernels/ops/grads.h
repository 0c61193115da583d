/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grads.h - one table per backend of training: a pointer per backward op. As in backend.h, the
 * plain C table is the definition, and tests/ops/check.c walks the struct. The header of each
 * op describes its gradient.
 */
#ifndef TELU_GRADS_H
#define TELU_GRADS_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_grads {
    const struct telu_backend *be;         /* its alloc() makes the arrays */

    int (*linear)(struct telu_ctx *ctx, float *dx, float *dw, float *db,
                  const float *dy, const float *x, const float *w, int R, int I,
                  int O);
    int (*dwconv)(struct telu_ctx *ctx, float *dx, float *dw, float *db,
                  const float *dy, const float *x, const float *w, int B, int T, int C,
                  int K);
    int (*norm)(struct telu_ctx *ctx, float *dx, float *dg, float *db,
                const float *dy, const float *x, const float *g, int R, int C);
    int (*gelu)(struct telu_ctx *ctx, float *dx, const float *dy, const float *x,
                int n);
    int (*residual)(struct telu_ctx *ctx, float *dh, float *ds, const float *dy,
                    const float *h, const float *s, int R, int C);
    int (*head)(struct telu_ctx *ctx, float *dv, float *ds, const float *dy,
                const float *v, const float *s, int n);
};

extern const struct telu_grads telu_grads_c;
extern const struct telu_grads telu_grads_cuda;      /* in the CUDA module alone */

#ifdef __cplusplus
}
#endif
#endif
