/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend.h - one table per backend: memory functions and one pointer per op.
 *
 * Every pointer has the same meaning in every table; the header of its op describes
 * it (gelu.h, norm.h ...). Letters, everywhere: B batch, T packets,
 * R = B*T rows, C channels, K taps, N codes, D dimension of a code. Arrays are
 * row-major float32, channels innermost. Pointers given to an op come from the
 * same table's alloc(). Ops return 0, or -1 and the reason in telu_error().
 *
 * The plain C table (telu_backend_c) is the definition of each op; every other
 * table is checked against it by tests/ops/check.c, which walks this struct.
 */
#ifndef TELU_BACKEND_H
#define TELU_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct telu_backend;

/* First argument of each op: its backend and stream. */
struct telu_ctx {
    const struct telu_backend *be;
    void *stream;              /* of the backend (device.h); NULL on the CPU */
};

struct telu_backend {
    const char *name;          /* "c", "simd", "cuda" */

    bool  (*available)(void);
    void *(*alloc)(size_t bytes);              /* zeroed, aligned to 64 bytes */
    void  (*release)(void *p);
    int   (*upload)(void *dst, const void *src, size_t bytes);
    int   (*download)(void *dst, const void *src, size_t bytes);

    int (*mdct)(struct telu_ctx *ctx, float *y, const float *x, int B, int H);
    int (*imdct)(struct telu_ctx *ctx, float *y, const float *x, int B, int H);
    int (*compand)(struct telu_ctx *ctx, float *y, const float *x, int R);
    int (*linear)(struct telu_ctx *ctx, float *y, const float *x, const float *w,
                  const float *b, int R, int I, int O);
    int (*linear8)(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                   const float *s, const float *b, int R, int I, int O);
    int (*dwconv)(struct telu_ctx *ctx, float *y, const float *x, float *hist,
                  const float *w, const float *b, int B, int T, int C, int K);
    int (*dwconv_live)(struct telu_ctx *ctx, float *y, const float *x, float *const *hist,
                       const float *w, const float *b, int R, int C, int K);
    int (*norm)(struct telu_ctx *ctx, float *y, const float *x, const float *g,
                const float *b, int R, int C);
    int (*gelu)(struct telu_ctx *ctx, float *y, const float *x, int n);
    int (*residual)(struct telu_ctx *ctx, float *y, const float *x,
                    const float *h, const float *s, int R, int C);
    int (*head)(struct telu_ctx *ctx, float *y, const float *v, const float *s,
                int n);
    int (*nearest)(struct telu_ctx *ctx, int32_t *index, const float *z,
                   const float *book, const float *bias, const int32_t *line, int R, int N,
                   int D);
    int (*ltpf)(struct telu_ctx *ctx, float *y, float *g, const float *u, int B);
};

extern const struct telu_backend telu_backend_c;     /* plain loops */
extern const struct telu_backend telu_backend_simd;  /* the same sums, vectorised */
extern const struct telu_backend telu_backend_cuda;  /* in the CUDA module alone */

/* The simd table, or the plain one when TELUCODEC_PLAIN is set (and not "0") in the
 * environment. */
const struct telu_backend *telu_backend_cpu(void);

#ifdef __cplusplus
}
#endif
#endif
