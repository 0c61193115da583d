/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_ltpf.c - compares the op ltpf of a table with plain C, bit for bit. */
#include "check.h"

#include "ltpf.h"

#include <math.h>

static int call(struct telu_ctx *ctx, void **p, const int *size)
{
    return ctx->be->ltpf(ctx, p[0], p[1], p[2], size[0]);
}

enum { NOISE, SILENCE, FAINT, PITCH, ONSET, KINDS };

static void fill(struct check *c, float *x, int kind)
{
    float period = 33.0f + check_random(c) % 280;

    for (int i = 0; i < TELU_LTPF_SPAN; i++) {
        float phase = fmodf((float)i, period) / period;

        if (kind == SILENCE || (kind == ONSET && i < TELU_LTPF_MAX_LAG))
            x[i] = 0.0f;
        else if (kind == FAINT)
            x[i] *= 1e-18f;
        else if (kind == PITCH)
            x[i] = 0.3f * expf(-8.0f * phase) + 0.01f * x[i];
    }
}

static void one(struct check *c, int B, int kind)
{
    size_t n = (size_t)B * TELU_LTPF_SPAN;
    float *u = check_floats(c, n, CHECK_PLAIN);

    for (int b = 0; b < B; b++)
        fill(c, u + (size_t)b * TELU_LTPF_SPAN, kind);
    check_case(c, call, 1, &B, "B %d, signal %d", B, kind);
    check_out(c, n, 0.0f);
    check_out(c, 2 * (size_t)B, 0.0f);
    check_in(c, u, n);
    if (B == 1 && kind == NOISE)
        check_time(c, 2.0 * TELU_LTPF_LAGS * (2 * TELU_HOP + TELU_LTPF_LAGS));
    check_go(c);
}

void check_ltpf(struct check *c)
{
    for (int B = 1; B <= 3; B++)
        for (int kind = 0; kind < KINDS; kind++)
            one(c, B, kind);
    one(c, 41, PITCH);
}
