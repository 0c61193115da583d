/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_nearest.c - compares the op nearest of a table with plain C; ties give the lowest
 * index. */
#include "check.h"

#define LINES 3                /* of bias; as `biased`: each row has one of them, or zeros */

static int call(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->nearest(ctx, p[0], p[1], p[2], s[3] ? p[3] : NULL, s[3] == LINES ? p[4] : NULL,
                            s[0], s[1], s[2]);
}

/* Makes latents, codes and their bias. With ties, coarse rounding puts many codes at equal
 * distance. */
static void one(struct check *c, int R, int N, int D, enum check_kind kind, int ties, int biased)
{
    size_t rows = (size_t)R * D, n = (size_t)N * D;
    float *z = check_floats(c, rows, kind), *book = check_floats(c, n, kind);
    float *bias = check_floats(c, (size_t)LINES * N, kind);
    int32_t *line = (int32_t *)check_floats(c, R, kind);       /* for its memory */

    if (ties) {
        for (size_t i = 0; i < rows; i++)
            z[i] = (float)(check_random(c) % 2);
        for (size_t i = 0; i < n; i++)
            book[i] = (float)(check_random(c) % 2);
        for (int i = 0; i < LINES * N; i++)
            bias[i] = (float)(check_random(c) % 2);
    }
    for (int i = 0; i < R; i++)
        line[i] = (int32_t)(check_random(c) % (LINES + 1)) - 1;
    check_case(c, call, 4, (int[]){ R, N, D, biased },
               "R %d, N %d, D %d, kind %d, ties %d, biased %d", R, N, D, kind, ties, biased);
    check_out_int(c, R);
    check_in(c, z, rows);
    check_in(c, book, n);
    check_in(c, bias, (size_t)LINES * N);
    check_in(c, line, R);
    if (R == 1 && N == 1024 && (D == 8 || D == 32) && kind == CHECK_PLAIN && !ties)
        check_time(c, (double)n);
    check_go(c);
}

void check_nearest(struct check *c)
{
    static const int rows[] = { 1, 2, 4, 11 }, dims[] = { 1, 3, 8, 32, 64 };
    static const int codes[] = { 1, 2, 16, 63, 64, 65, 100, 512, 1024 };

    for (int r = 0; r < 4; r++)
        for (int n = 0; n < 9; n++)
            for (int d = 0; d < 5; d++) {
                one(c, rows[r], codes[n], dims[d], CHECK_PLAIN, 0, n % 2 ? LINES : 0);
                one(c, rows[r], codes[n], dims[d], CHECK_PLAIN, 1, d % 2 ? LINES : r % 2);
                one(c, rows[r], codes[n], dims[d], CHECK_EXTREME, 0, (n + d) % 2 ? LINES : 0);
            }
    /* Large batches use other code. */
    for (int biased = 0; biased <= LINES; biased++) {
        one(c, 1025, 65, 8, CHECK_PLAIN, 0, biased);
        one(c, 1025, 130, 3, CHECK_PLAIN, 1, biased);
        one(c, 1030, 129, 64, CHECK_EXTREME, 0, biased);
    }
}
