/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_grads.c - compares the backward ops of a table with plain C, which grad_ops.c
 * proves. Outputs that accumulate hold numbers before.
 *
 * A device sums over rows and channels in its own order: SUMS bounds the error, relative to
 * the largest value of the buffer. Elementwise ops give equal bits.
 */
#include "check.h"

#define SUMS  1e-5f
#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

static const float *plain(struct check *c, size_t n)
{
    return check_floats(c, n, CHECK_PLAIN);
}

static void sum(struct check *c, size_t n)
{
    check_inout(c, plain(c, n), n, check_tol(c, SUMS));
    check_least(c, 4.0f);
}

static void in(struct check *c, size_t n)
{
    check_in(c, plain(c, n), n);
}

/* --- linear --------------------------------------------------------------- */

static int linear(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->linear(ctx, p[0], p[1], p[2], p[3], p[4], p[5], s[0], s[1],
                                    s[2]);
}

static int weights_only(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->linear(ctx, NULL, p[1], NULL, p[3], p[4], p[5], s[0], s[1],
                                    s[2]);
}

void check_linear_grad(struct check *c)
{
    static const int rows[] = { 1, 3, 40, 300 }, widths[] = { 1, 8, 33, 70 };

    for (int r = 0; r < COUNT(rows); r++)
        for (int i = 0; i < COUNT(widths); i++)
            for (int o = 0; o < COUNT(widths); o++)
                for (int all = 0; all < 2; all++) {
                    int R = rows[r], I = widths[i], O = widths[o];

                    check_case(c, all ? linear : weights_only, 3, (int[]){ R, I, O },
                               "R %d, I %d, O %d, all %d", R, I, O, all);
                    sum(c, (size_t)R * I);
                    sum(c, (size_t)O * I);
                    sum(c, O);
                    in(c, (size_t)R * O);
                    in(c, (size_t)R * I);
                    in(c, (size_t)O * I);
                    if (R == 300 && I == 70 && O == 70 && all)
                        check_time(c, 2.0 * R * I * O);
                    check_go(c);
                }
}

/* --- dwconv --------------------------------------------------------------- */

static int dwconv(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->dwconv(ctx, p[0], p[1], p[2], p[3], p[4], p[5], s[0], s[1],
                                    s[2], s[3]);
}

static void dwconv_one(struct check *c, int B, int T, int C, int K)
{
    size_t n = (size_t)B * T * C, w = (size_t)C * K;

    check_case(c, dwconv, 4, (int[]){ B, T, C, K }, "B %d, T %d, C %d, K %d", B, T, C, K);
    sum(c, n);
    sum(c, w);
    sum(c, C);
    in(c, n);
    in(c, n);
    in(c, w);
    if (T == 50)
        check_time(c, 2.0 * (double)n * K);
    check_go(c);
}

void check_dwconv_grad(struct check *c)
{
    static const int packets[] = { 1, 3, 26 }, widths[] = { 1, 31, 64, 70 };
    static const int taps[] = { 1, 2, 7, 8, 15 };

    for (int t = 0; t < COUNT(packets); t++)
        for (int i = 0; i < COUNT(widths); i++)
            for (int k = 0; k < COUNT(taps); k++) {
                dwconv_one(c, 1, packets[t], widths[i], taps[k]);
                dwconv_one(c, 21, packets[t], widths[i], taps[k]);
            }
    dwconv_one(c, 24, 50, 320, 7);
}

/* --- norm ----------------------------------------------------------------- */

static int norm(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->norm(ctx, p[0], p[1], p[2], p[3], p[4], p[5], s[0], s[1]);
}

void check_norm_grad(struct check *c)
{
    /* The gradient of two channels is 0 except for rounding. */
    static const int rows[] = { 1, 7, 45 };
    static const int widths[] = { 1, 5, 16, 33, 64, 100, 256, 320, 321, 513, 1024 };

    for (int r = 0; r < COUNT(rows); r++)
        for (int i = 0; i < COUNT(widths); i++) {
            int R = rows[r], C = widths[i];
            size_t n = (size_t)R * C;

            check_case(c, norm, 2, (int[]){ R, C }, "R %d, C %d", R, C);
            sum(c, n);
            sum(c, C);
            sum(c, C);
            in(c, n);
            in(c, n);
            in(c, C);
            if (R == 45 && C == 320)
                check_time(c, (double)n);
            check_go(c);
        }
}

/* --- gelu, residual, head ------------------------------------------------- */

static int gelu(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->gelu(ctx, p[0], p[1], p[2], s[0]);
}

static int residual(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->residual(ctx, p[0], p[1], p[2], p[3], p[4], s[0], s[1]);
}

static int residual_onto(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->residual(ctx, p[0], p[1], p[0], p[2], p[3], s[0], s[1]);
}

static int head(struct telu_ctx *ctx, void **p, const int *s)
{
    return check_grads(ctx)->head(ctx, p[0], p[1], p[2], p[3], p[4], s[0]);
}

static const int sizes[] = { 1, 3, 16, 17, 255, 640, 1028 };

void check_gelu_grad(struct check *c)
{
    for (int i = 0; i < COUNT(sizes); i++)
        for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++) {
            int n = sizes[i];

            check_case(c, gelu, 1, &n, "n %d, kind %d", n, kind);
            check_inout(c, check_floats(c, n, kind), n, 0.0f);
            check_in(c, check_floats(c, n, kind), n);
            check_in(c, check_floats(c, n, kind), n);
            if (n == 640 && kind == CHECK_PLAIN)
                check_time(c, n);
            check_go(c);
        }
}

void check_residual_grad(struct check *c)
{
    static const int rows[] = { 1, 2, 9, 70, 1100 }, widths[] = { 1, 31, 32, 65, 320 };

    for (int r = 0; r < COUNT(rows); r++)
        for (int i = 0; i < COUNT(widths); i++)
            for (int onto = 0; onto < 2; onto++) {
                int R = rows[r], C = widths[i];
                size_t n = (size_t)R * C;

                check_case(c, onto ? residual_onto : residual, 2, (int[]){ R, C },
                           "R %d, C %d, onto dy %d", R, C, onto);
                if (onto)
                    check_inout(c, plain(c, n), n, 0.0f);
                else
                    check_out(c, n, 0.0f);
                sum(c, C);
                if (!onto)
                    in(c, n);
                in(c, n);
                in(c, C);
                if (R == 1100 && C == 320 && !onto)
                    check_time(c, (double)n);
                check_go(c);
            }
}

void check_head_grad(struct check *c)
{
    for (int i = 0; i < COUNT(sizes); i++)
        for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++) {
            int n = sizes[i];

            check_case(c, head, 1, &n, "n %d, kind %d", n, kind);
            check_out(c, n, 0.0f);
            check_out(c, n, 0.0f);
            for (int k = 0; k < 3; k++)
                check_in(c, check_floats(c, n, kind), n);
            if (n == 640 && kind == CHECK_PLAIN)
                check_time(c, n);
            check_go(c);
        }
}
