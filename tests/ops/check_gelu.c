/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_gelu.c - compares the op gelu of a table with plain C. */
#include "check.h"

static int call(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->gelu(ctx, p[0], p[1], size[0]);
}

static int in_place(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->gelu(ctx, p[0], p[0], size[0]);
}

void check_gelu(struct check *c)
{
    static const int sizes[] = { 1, 2, 3, 15, 16, 17, 31, 33, 63, 65, 127, 512, 640 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++) {
            int n = sizes[i];

            check_case(c, call, 1, &n, "n %d, kind %d", n, kind);
            check_out(c, n, 0.0f);
            check_in(c, check_floats(c, n, kind), n);
            if (n == 640 && kind == CHECK_PLAIN)
                check_time(c, n);
            check_go(c);

            check_case(c, in_place, 1, &n, "n %d, kind %d, in place", n, kind);
            check_inout(c, check_floats(c, n, kind), n, 0.0f);
            check_go(c);
        }
}
