/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_linear.c - compares the ops linear and linear8 of a table with plain C. */
#include "check.h"

#include "linear.h"
#include "linear8.h"

#include <math.h>
#include <stdlib.h>

/* Tolerance for a library that sums some hundred rounded terms in its own order. */
#define SUMS 1e-5f

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

static const int rows[] = { 1, 2, 5 };
static const int widths[] = { 1, 2, 8, 15, 16, 17, 32, 63, 64, 65, 128, 130 };

static int call(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->linear(ctx, p[0], p[1], p[2], p[3], s[0], s[1], s[2]);
}

static int no_bias(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->linear(ctx, p[0], p[1], p[2], NULL, s[0], s[1], s[2]);
}

static void one(struct check *c, int R, int I, int O, enum check_kind kind, int bias)
{
    size_t x = (size_t)R * I, y = (size_t)R * O, w = (size_t)O * I;

    check_case(c, bias ? call : no_bias, 3, (int[]){ R, I, O },
               "R %d, I %d, O %d, kind %d, bias %d", R, I, O, kind, bias);
    check_out(c, y, check_tol(c, SUMS));
    check_least(c, 1.0f);
    check_in(c, check_floats(c, x, kind), x);
    check_in(c, check_floats(c, w, kind), w);
    check_in(c, check_floats(c, O, kind), O);
    if (R == 1 && kind == CHECK_PLAIN && (I == 128 || O == 128) &&
        (I == 8 || I == 32 || O == 8 || O == 32))
        check_time(c, (double)w);
    check_go(c);
}

/* Checks that a NaN stays in its row. */
static void not_a_number(struct check *c, int R, int I, int O)
{
    size_t n = (size_t)R * I, w = (size_t)O * I;
    float *x = check_floats(c, n, CHECK_PLAIN);

    x[n / 2] = NAN;
    check_case(c, call, 3, (int[]){ R, I, O }, "R %d, I %d, O %d, a NaN", R, I, O);
    check_out(c, (size_t)R * O, check_tol(c, SUMS));
    check_least(c, 1.0f);
    check_in(c, x, n);
    check_in(c, check_floats(c, w, CHECK_PLAIN), w);
    check_in(c, check_floats(c, O, CHECK_PLAIN), O);
    check_go(c);
}

void check_linear(struct check *c)
{
    /* The order of summation decides whether infinity minus infinity occurs. */
    const enum check_kind most = check_tol(c, SUMS) > 0.0f ? CHECK_SMALL : CHECK_EXTREME;

    not_a_number(c, 5, 17, 33);
    one(c, 70, 320, 130, most, 1);
    for (int r = 0; r < COUNT(rows); r++)
        for (int i = 0; i < COUNT(widths); i++)
            for (int o = 0; o < COUNT(widths); o++)
                for (int k = 0; k < 2; k++)
                    one(c, rows[r], widths[i], widths[o], k ? most : CHECK_PLAIN,
                        (i + o) % 3 != 0);
}

static int call8(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->linear8(ctx, p[0], p[1], p[2], p[3], p[4], s[0], s[1], s[2]);
}

static int no_bias8(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->linear8(ctx, p[0], p[1], p[2], p[3], NULL, s[0], s[1], s[2]);
}

/* Equal bits in every table: integers add up to the same in any order. */
static void one8(struct check *c, int R, int I, int O, enum check_kind kind, int bias)
{
    size_t x = (size_t)R * I, y = (size_t)R * O, w = (size_t)O * I;
    size_t bytes = telu_linear8_bytes(I, O);
    const float *weights = check_floats(c, w, CHECK_PLAIN);
    uint16_t *half = malloc(w * sizeof(*half));
    float *scale = malloc(O * sizeof(*scale));
    int8_t *packed = malloc(bytes);

    if (!half || !scale || !packed)
        abort();
    for (size_t i = 0; i < w; i++)
        half[i] = telu_to_bf16(weights[i]);
    telu_linear8_pack(packed, scale, half, I, O);

    check_case(c, bias ? call8 : no_bias8, 3, (int[]){ R, I, O },
               "R %d, I %d, O %d, kind %d, bias %d", R, I, O, kind, bias);
    check_out(c, y, 0.0f);
    check_in(c, check_floats(c, x, kind), x);
    check_in(c, packed, bytes / sizeof(float));
    check_in(c, scale, O);
    check_in(c, check_floats(c, O, kind), O);
    if (I == 640 && bias)
        check_time(c, (double)w);
    check_go(c);
    free(half);
    free(scale);
    free(packed);
}

void check_linear8(struct check *c)
{
    for (int r = 0; r < COUNT(rows); r++)
        for (int i = 0; i < COUNT(widths); i++)
            for (int o = 0; o < COUNT(widths); o++)
                for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++)
                    one8(c, rows[r], widths[i], widths[o], kind, (i + o) % 3 != 0);
    one8(c, 1, 640, 320, CHECK_PLAIN, 1);
    one8(c, 1, 640, 640, CHECK_PLAIN, 1);
    one8(c, 1, TELU_LINEAR8_INPUTS, 70, CHECK_SMALL, 1);
    /* Several rows share a weight, as many as fit together: of the widest layers fewer. */
    for (int R = 3; R <= 17; R++)
        one8(c, R, 33 + R, 130 - R, R % 2 ? CHECK_EXTREME : CHECK_PLAIN, R % 3 != 0);
    one8(c, 9, TELU_LINEAR8_INPUTS, 65, CHECK_SMALL, 1);
    one8(c, 6, TELU_LINEAR8_INPUTS - 1, 3, CHECK_PLAIN, 0);
    one8(c, 8, 640, 640, CHECK_PLAIN, 1);
    /* Large batches use other code. */
    one8(c, 32, 33, 70, CHECK_EXTREME, 1);
    one8(c, 33, 40, 65, CHECK_EXTREME, 0);
    one8(c, 129, 70, 130, CHECK_PLAIN, 1);
}
