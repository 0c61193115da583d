/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_norm.c - compares the op norm of a table with plain C. */
#include "check.h"

static int call(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->norm(ctx, p[0], p[1], p[2], p[3], size[0], size[1]);
}

static int in_place(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->norm(ctx, p[0], p[0], p[1], p[2], size[0], size[1]);
}

/* Checks a constant row, whose variance is 0: the denominator is the epsilon alone. */
static void constant(struct check *c, int C)
{
    float *x = check_floats(c, C, CHECK_PLAIN);

    for (int i = 0; i < C; i++)
        x[i] = 0.1f;
    check_case(c, call, 2, (int[]){ 1, C }, "constant, C %d", C);
    check_out(c, C, 0.0f);
    check_in(c, x, C);
    check_in(c, check_floats(c, C, CHECK_PLAIN), C);
    check_in(c, check_floats(c, C, CHECK_PLAIN), C);
    check_go(c);
}

static void one(struct check *c, int R, int C, enum check_kind kind)
{
    size_t n = (size_t)R * C;

    check_case(c, call, 2, (int[]){ R, C }, "R %d, C %d, kind %d", R, C, kind);
    check_out(c, n, 0.0f);
    check_in(c, check_floats(c, n, kind), n);
    check_in(c, check_floats(c, C, kind), C);
    check_in(c, check_floats(c, C, kind), C);
    if (R == 1 && C == 320 && kind == CHECK_PLAIN)
        check_time(c, 3.0 * C);
    check_go(c);

    check_case(c, in_place, 2, (int[]){ R, C }, "R %d, C %d, kind %d, in place", R, C,
               kind);
    check_inout(c, check_floats(c, n, kind), n, 0.0f);
    check_in(c, check_floats(c, C, kind), C);
    check_in(c, check_floats(c, C, kind), C);
    check_go(c);
}

void check_norm(struct check *c)
{
    static const int rows[] = { 1, 2, 5 };
    static const int widths[] = { 1, 2, 15, 16, 17, 31, 32, 33, 100, 256, 320, 1023 };

    for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
        constant(c, widths[i]);
        for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++)
            for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++)
                one(c, rows[r], widths[i], kind);
    }
    one(c, 37, 320, CHECK_PLAIN);
    one(c, 37, 1024, CHECK_EXTREME);
}
