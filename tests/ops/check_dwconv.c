/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_dwconv.c - compares the op dwconv of a table with plain C, and a stream with a batch. */
#include "check.h"

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
