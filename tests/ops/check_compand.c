/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_compand.c - compares the op compand of a table with plain C. */
#include "check.h"

#include "compand.h"

static int call(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->compand(ctx, p[0], p[1], size[0]);
}

void check_compand(struct check *c)
{
    for (int R = 1; R <= 4; R++)
        for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++) {
            size_t n = (size_t)R * TELU_COEFS;

            check_case(c, call, 1, &R, "R %d, kind %d", R, kind);
            check_out(c, 2 * n, 0.0f);
            check_in(c, check_floats(c, n, kind), n);
            if (R == 1 && kind == CHECK_PLAIN)
                check_time(c, TELU_FEATURES);
            check_go(c);
        }
}
