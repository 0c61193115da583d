/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_mdct.c - compares both transforms of a table with plain C, bit for bit. */
#include "check.h"

#include "mdct.h"

static int forward(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->mdct(ctx, p[0], p[1], s[0], s[1]);
}

static int inverse(struct telu_ctx *ctx, void **p, const int *s)
{
    return ctx->be->imdct(ctx, p[0], p[1], s[0], s[1]);
}

enum { NOISE, SILENCE, LOUD, FAINT, IMPULSE, KINDS };

static const float *signal(struct check *c, size_t n, int kind)
{
    static const float gain[KINDS] = { 1.0f, 0.0f, 1e18f, 1e-18f, 0.0f };
    float *x = check_floats(c, n, CHECK_PLAIN);

    for (size_t i = 0; i < n; i++)
        x[i] *= gain[kind];
    if (kind == IMPULSE)
        x[check_random(c) % n] = 1.0f;
    return x;
}

static void one(struct check *c, check_call call, int B, int H, int kind)
{
    size_t samples = (size_t)B * (H + 1) * TELU_HOP, coefs = (size_t)B * H * TELU_HOP;
    size_t in = call == forward ? samples : coefs;

    check_case(c, call, 2, (int[]){ B, H }, "B %d, H %d, signal %d", B, H, kind);
    check_out(c, samples + coefs - in, 0.0f);
    check_in(c, signal(c, in, kind), in);
    if (B == 1 && H == 2 && kind == NOISE)
        check_time(c, 2.0 * TELU_HOP * TELU_HOP);
    check_go(c);
}

static void walk(struct check *c, check_call call)
{
    for (int B = 1; B <= 3; B++)
        for (int H = 1; H <= 5; H++)
            for (int kind = 0; kind < KINDS; kind++)
                one(c, call, B, H, kind);
    one(c, call, 7, 3, NOISE);
    one(c, call, 40, 2, NOISE);
}

void check_mdct(struct check *c)
{
    walk(c, forward);
}

void check_imdct(struct check *c)
{
    walk(c, inverse);
}
