/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_residual.c - compares the op residual of a table with plain C. */
#include "check.h"

static int call(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->residual(ctx, p[0], p[1], p[2], p[3], size[0], size[1]);
}

static int onto_x(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->residual(ctx, p[0], p[0], p[1], p[2], size[0], size[1]);
}

static int onto_h(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->residual(ctx, p[0], p[1], p[0], p[2], size[0], size[1]);
}

static void one(struct check *c, int R, int C, enum check_kind kind)
{
    static const check_call aliased[] = { onto_x, onto_h };
    size_t n = (size_t)R * C;

    check_case(c, call, 2, (int[]){ R, C }, "R %d, C %d, kind %d", R, C, kind);
    check_out(c, n, 0.0f);
    check_in(c, check_floats(c, n, kind), n);
    check_in(c, check_floats(c, n, kind), n);
    check_in(c, check_floats(c, C, kind), C);
    if (R == 1 && C == 320 && kind == CHECK_PLAIN)
        check_time(c, C);
    check_go(c);

    for (int a = 0; a < 2; a++) {
        check_case(c, aliased[a], 2, (int[]){ R, C }, "R %d, C %d, kind %d, onto %c",
                   R, C, kind, "xh"[a]);
        check_inout(c, check_floats(c, n, kind), n, 0.0f);
        check_in(c, check_floats(c, n, kind), n);
        check_in(c, check_floats(c, C, kind), C);
        check_go(c);
    }
}

void check_residual(struct check *c)
{
    static const int rows[] = { 1, 2, 5 };
    static const int widths[] = { 1, 3, 15, 16, 17, 33, 64, 100, 256, 320, 1023 };

    for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++)
        for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++)
            for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++)
                one(c, rows[r], widths[i], kind);
}
