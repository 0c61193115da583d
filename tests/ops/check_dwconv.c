/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_dwconv.c - compares the ops dwconv and dwconv_live of a table with plain C, and a
 * stream with a batch. */
#include "check.h"

#define MOST_ROWS 8            /* for dwconv_live */

static int call(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->dwconv(ctx, p[0], p[1], p[2], p[3], p[4], s[0], s[1], s[2], s[3]);
}

static int without_history(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->dwconv(ctx, p[0], p[1], NULL, p[2], p[3], s[0], s[1], s[2], s[3]);
}

static void one(struct check *c, int B, int T, int C, int K, enum check_kind kind)
{
    const int size[] = { B, T, C, K };
    size_t n = (size_t)B * T * C, h = (size_t)B * (K - 1) * C;

    check_case(c, call, 4, size, "B %d, T %d, C %d, K %d, kind %d", B, T, C, K, kind);
    check_out(c, n, 0.0f);
    check_in(c, check_floats(c, n, kind), n);
    check_inout(c, check_floats(c, h, kind), h, 0.0f);
    check_in(c, check_floats(c, (size_t)C * K, kind), (size_t)C * K);
    check_in(c, check_floats(c, C, kind), C);
    if (B == 1 && T == 1 && C == 320 && K == 7 && kind == CHECK_PLAIN)
        check_time(c, (double)C * K);
    check_go(c);

    check_case(c, without_history, 4, size, "B %d, T %d, C %d, K %d, kind %d, no past",
               B, T, C, K, kind);
    check_out(c, n, 0.0f);
    check_in(c, check_floats(c, n, kind), n);
    check_in(c, check_floats(c, (size_t)C * K, kind), (size_t)C * K);
    check_in(c, check_floats(c, C, kind), C);
    check_go(c);
}

void check_dwconv(struct check *c)
{
    static const int batches[] = { 1, 3 }, packets[] = { 1, 2, 6, 7, 20 };
    static const int widths[] = { 1, 15, 17, 64, 65, 320 }, taps[] = { 1, 2, 7, 15 };

    for (int b = 0; b < 2; b++)
        for (int t = 0; t < 5; t++)
            for (int i = 0; i < 6; i++)
                for (int k = 0; k < 4; k++)
                    for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++)
                        one(c, batches[b], packets[t], widths[i], taps[k], kind);
    /* More streams than a device runs at once. */
    one(c, 1100, 1, 1024, 7, CHECK_PLAIN);
}

/* The test lays the histories of s[3] streams out side by side, and in turned order; rows take them
 * in turns. */
static int live(struct telu_ctx *ctx, void **p, const int *s)
{
    float *hist[MOST_ROWS];

    for (int r = 0; r < s[0]; r++)
        hist[r] = (float *)p[2] + (size_t)(s[3] - 1 - r % s[3]) * (s[2] - 1) * s[1];
    return ctx->be->dwconv_live(ctx, p[0], p[1], hist, p[3], p[4], s[0], s[1], s[2]);
}

static void one_live(struct check *c, int R, int streams, int C, int K, enum check_kind kind)
{
    size_t n = (size_t)R * C, h = (size_t)streams * C * (K - 1);

    check_case(c, live, 4, (int[]){ R, C, K, streams }, "R %d of %d, C %d, K %d, kind %d", R,
               streams, C, K, kind);
    check_out(c, n, 0.0f);
    check_in(c, check_floats(c, n, kind), n);
    check_inout(c, check_floats(c, h, kind), h, 0.0f);
    check_in(c, check_floats(c, (size_t)C * K, kind), (size_t)C * K);
    check_in(c, check_floats(c, C, kind), C);
    if (R != 3 && R == streams && C == 320 && K == 7 && kind == CHECK_PLAIN)
        check_time(c, (double)n * K);
    check_go(c);
}

void check_dwconv_live(struct check *c)
{
    static const int rows[] = { 1, 3, MOST_ROWS };
    static const int widths[] = { 1, 15, 32, 33, 65, 320, 1024 }, taps[] = { 1, 2, 7, 15 };

    for (int r = 0; r < 3; r++)
        for (int i = 0; i < 7; i++)
            for (int k = 0; k < 4; k++)
                for (int kind = CHECK_PLAIN; kind <= CHECK_EXTREME; kind++)
                    for (int streams = rows[r]; streams; streams /= 3)
                        one_live(c, rows[r], streams, widths[i], taps[k], kind);
}
