/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.h - one call of an op on two tables, the results compared. After checkasm of
 * dav1d.
 *
 *   check_case(c, call, 1, (int[]){ n }, "n %d", n);
 *   check_out(c, n, 0.0f);               p[0]
 *   check_in(c, x, n);                   p[1]
 *   check_go(c);
 *
 * Each buffer lies between two guard bands of NaNs: a write outside is seen, and a
 * read outside that matters shows in the result. Outputs are filled with NaNs, so
 * what was left out is seen too, and inputs must come back as they were.
 */
#ifndef TELU_CHECK_H
#define TELU_CHECK_H

#include "grads.h"

struct check;

/* Calls the op: p are the buffers in order of check_in() etc., size the numbers given
 * to check_case(). */
typedef int (*check_call)(struct telu_ctx *ctx, void **p, const int *size);

void check_case(struct check *c, check_call call, int count, const int *size,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* n 32-bit words. tol is relative to the largest magnitude expected in the buffer;
 * 0 asks for the same bits, but for the sign of zero and what kind of NaN. */
void check_in(struct check *c, const void *data, size_t n);
void check_out(struct check *c, size_t n, float tol);
void check_inout(struct check *c, const void *data, size_t n, float tol);
void check_out_int(struct check *c, size_t n);

/* Of the last buffer: the largest magnitude counts as at least this much, for sums whose
 * terms may cancel. */
void check_least(struct check *c, float least);

/* 0 for tables of the CPU, which give the same bits; `device` for the others. */
float check_tol(const struct check *c, float device);

void check_go(struct check *c);

/* Before check_go(): with --bench, time this call; macs multiplications each. */
void check_time(struct check *c, double macs);

/* Floats to test with, valid until the next check_case() has been gone through. */
enum check_kind {
    CHECK_PLAIN,               /* about +-1 */
    CHECK_EXTREME,             /* zeros, denormals, huge, infinite, NaN in between */
    CHECK_SMALL                /* zeros and denormals in between */
};
float *check_floats(struct check *c, size_t n, enum check_kind kind);
uint32_t check_random(struct check *c);

void check_mdct(struct check *c);
void check_imdct(struct check *c);
void check_compand(struct check *c);
void check_linear(struct check *c);
void check_linear16(struct check *c);
void check_dwconv(struct check *c);
void check_norm(struct check *c);
void check_gelu(struct check *c);
void check_residual(struct check *c);
void check_head(struct check *c);
void check_nearest(struct check *c);
void check_ltpf(struct check *c);

/* Of the table at hand, inside a check_call. */
const struct telu_grads *check_grads(const struct telu_ctx *ctx);

void check_linear_grad(struct check *c);
void check_dwconv_grad(struct check *c);
void check_norm_grad(struct check *c);
void check_gelu_grad(struct check *c);
void check_residual_grad(struct check *c);
void check_head_grad(struct check *c);

#endif
