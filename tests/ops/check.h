/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.h - compares one call of an op on two tables, after dav1d's checkasm.
 *
 *   check_case(c, call, 1, (int[]){ n }, "n %d", n);
 *   check_out(c, n, 0.0f);               p[0]
 *   check_in(c, x, n);                   p[1]
 *   check_go(c);
 *
 * Each buffer lies between two guard bands of NaNs, which show writes outside of it and
 * reads that affect the result. Outputs start as NaNs, which show missing values. Inputs
 * must not change.
 */
#ifndef TELU_CHECK_H
#define TELU_CHECK_H

#include "grads.h"

struct check;

/* Calls the op with the buffers p in the order of check_in() etc. and the sizes of
 * check_case(). */
typedef int (*check_call)(struct telu_ctx *ctx, void **p, const int *size);

void check_case(struct check *c, check_call call, int count, const int *size,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* n 32-bit words. tol is relative to the largest magnitude expected in the buffer;
 * 0 requires equal bits, except for the sign of zero and the kind of NaN. */
void check_in(struct check *c, const void *data, size_t n);
void check_out(struct check *c, size_t n, float tol);
void check_inout(struct check *c, const void *data, size_t n, float tol);
void check_out_int(struct check *c, size_t n);

/* Sets a lower bound of the last buffer's largest magnitude, for sums whose terms may
 * cancel. */
void check_least(struct check *c, float least);

/* Returns the tolerance: 0 for CPU tables, whose bits are equal, `device` for others. */
float check_tol(const struct check *c, float device);

void check_go(struct check *c);

/* Times the next check_go() with --bench; macs: multiplications per call. */
void check_time(struct check *c, double macs);

/* Returns test values, valid until the end of the next case. */
enum check_kind {
    CHECK_PLAIN,               /* about +-1 */
    CHECK_EXTREME,             /* with zeros, denormals, huge values, infinities, NaNs */
    CHECK_SMALL                /* with zeros and denormals */
};
float *check_floats(struct check *c, size_t n, enum check_kind kind);
uint32_t check_random(struct check *c);

void check_mdct(struct check *c);
void check_imdct(struct check *c);
void check_compand(struct check *c);
void check_linear(struct check *c);
void check_linear8(struct check *c);
void check_dwconv(struct check *c);
void check_dwconv_live(struct check *c);
void check_norm(struct check *c);
void check_gelu(struct check *c);
void check_residual(struct check *c);
void check_head(struct check *c);
void check_nearest(struct check *c);
void check_ltpf(struct check *c);

/* Return the current table, inside a check_call. */
const struct telu_grads *check_grads(const struct telu_ctx *ctx);

void check_linear_grad(struct check *c);
void check_dwconv_grad(struct check *c);
void check_norm_grad(struct check *c);
void check_gelu_grad(struct check *c);
void check_residual_grad(struct check *c);
void check_head_grad(struct check *c);

#endif
