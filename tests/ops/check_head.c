/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_head.c - compares the op head of a table with plain C. */
#include "check.h"

static int call(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->head(ctx, p[0], p[1], p[2], size[0]);
}

static int onto_v(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->head(ctx, p[0], p[0], p[1], size[0]);
}

static int onto_s(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->head(ctx, p[0], p[1], p[0], size[0]);
}

void check_head(struct check *c)
{
    static const int sizes[] = { 1, 2, 7, 16, 17, 31, 64, 65, 255, 320, 641 };
    static const check_call aliased[] = { onto_v, onto_s };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++) {
            int n = sizes[i];

            check_case(c, call, 1, &n, "n %d, kind %d", n, kind);
            check_out(c, n, 0.0f);
            check_in(c, check_floats(c, n, kind), n);
            check_in(c, check_floats(c, n, kind), n);
            if (n == 320 && kind == CHECK_PLAIN)
                check_time(c, n);
            check_go(c);

            for (int a = 0; a < 2; a++) {
                check_case(c, aliased[a], 1, &n, "n %d, kind %d, onto %c", n, kind,
                           "vs"[a]);
                check_inout(c, check_floats(c, n, kind), n, 0.0f);
                check_in(c, check_floats(c, n, kind), n);
                check_go(c);
            }
        }
}
