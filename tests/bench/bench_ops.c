/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_ops.c - times each op of the device's tables on arrays far larger than its caches,
 * against the device's limits (bench_device.cu).
 *
 * Bytes of a memory-bound op are those that it must read or write at least once. Linear
 * layers count 2 R I O operations. An op is called for a tenth of a second, then fetching
 * one number waits for all calls; the result is the median of five.
 */
#include "bench_gpu.h"

#include "config.h"
#include "grads.h"

#include <stdio.h>
#include <stdlib.h>

#define TAPS  7
#define WIDTH 320

struct arena {
    const struct bench *b;
    struct telu_ctx ctx;
    float *p[5], *small[4];    /* large arrays; weights and what is summed over rows */
    int rows;                  /* of a large array, WIDTH floats each */
};

/* Each function calls one op over `rows` rows. */
typedef int (*op_call)(struct arena *a);

static const struct telu_backend *ops(const struct arena *a)
{
    return a->b->mod->ops;
}

static const struct telu_grads *grads(const struct arena *a)
{
    return a->b->mod->grads;
}

static int items(const struct arena *a)    /* of three hops */
{
    return a->rows * WIDTH / (3 * TELU_HOP);
}

static int mdct(struct arena *a)
{
    return ops(a)->mdct(&a->ctx, a->p[1], a->p[0], items(a), 2);
}

static int imdct(struct arena *a)
{
    return ops(a)->imdct(&a->ctx, a->p[1], a->p[0], items(a), 2);
}

static int compand(struct arena *a)
{
    return ops(a)->compand(&a->ctx, a->p[1], a->p[0], a->rows / 2);
}

static int dwconv_live(struct arena *a)
{
    return ops(a)->dwconv(&a->ctx, a->p[1], a->p[0], a->p[2], a->small[0], a->small[1],
                          a->rows / TAPS, 1, WIDTH, TAPS);
}

static int dwconv(struct arena *a)
{
    return ops(a)->dwconv(&a->ctx, a->p[1], a->p[0], NULL, a->small[0], a->small[1],
                          a->rows / 50, 50, WIDTH, TAPS);
}

static int norm(struct arena *a)
{
    return ops(a)->norm(&a->ctx, a->p[1], a->p[0], a->small[0], a->small[1], a->rows,
                        WIDTH);
}

static int gelu(struct arena *a)
{
    return ops(a)->gelu(&a->ctx, a->p[1], a->p[0], a->rows * WIDTH);
}

static int residual(struct arena *a)
{
    return ops(a)->residual(&a->ctx, a->p[2], a->p[0], a->p[1], a->small[0], a->rows,
                            WIDTH);
}

static int head(struct arena *a)
{
    return ops(a)->head(&a->ctx, a->p[2], a->p[0], a->p[1], a->rows * WIDTH);
}

static int dwconv_grad(struct arena *a)
{
    return grads(a)->dwconv(&a->ctx, a->p[2], a->small[2], a->small[3], a->p[0], a->p[1],
                            a->small[0], a->rows / 50, 50, WIDTH, TAPS);
}

static int norm_grad(struct arena *a)
{
    return grads(a)->norm(&a->ctx, a->p[2], a->small[2], a->small[3], a->p[0], a->p[1],
                          a->small[0], a->rows, WIDTH);
}

static int gelu_grad(struct arena *a)
{
    return grads(a)->gelu(&a->ctx, a->p[2], a->p[0], a->p[1], a->rows * WIDTH);
}

static int residual_grad(struct arena *a)
{
    return grads(a)->residual(&a->ctx, a->p[2], a->small[2], a->p[0], a->p[1], a->small[0],
                              a->rows, WIDTH);
}

static int head_grad(struct arena *a)
{
    return grads(a)->head(&a->ctx, a->p[2], a->p[3], a->p[0], a->p[1], a->p[4],
                          a->rows * WIDTH);
}

/* --- Time ----------------------------------------------------------------- */

/* Returns seconds per call, or -1. */
static double measure(struct arena *a, op_call call)
{
    const int smoke = a->b->smoke;
    double t[5], begin, one;
    float word;
    int n = 1;

    if (call(a) || ops(a)->download(&word, a->p[1], sizeof(word)))
        return -1.0;
    begin = bench_now();
    if (call(a) || ops(a)->download(&word, a->p[1], sizeof(word)))
        return -1.0;
    one = bench_now() - begin;
    while (!smoke && n * one < 0.1 && n < 4096)
        n *= 2;
    for (int k = 0; k < (smoke ? 1 : 5); k++) {
        begin = bench_now();
        for (int i = 0; i < n; i++)
            if (call(a))
                return -1.0;
        if (ops(a)->download(&word, a->p[1], sizeof(word)))
            return -1.0;
        t[k] = (bench_now() - begin) / n;
    }
    return bench_rank(t, smoke ? 1 : 5, 0.5);
}

static int moving(struct arena *a)
{
    const double row = 4.0 * WIDTH * a->rows;  /* bytes of a whole array */
    const struct {
        const char *name;
        op_call call;
        double bytes;
        int grad;
    } op[] = {
        /* three hops of sound, two of coefficients */
        { "mdct", mdct, row * 5 / 3, 0 },
        { "imdct", imdct, row * 5 / 3, 0 },
        { "compand", compand, row * 3 / 2, 0 },
        /* x, y, and the history read and written */
        { "dwconv, live", dwconv_live, row * (2 + 2 * (TAPS - 1)) / TAPS, 0 },
        { "dwconv, 50 packets", dwconv, row * 2, 0 },
        { "norm", norm, row * 2, 0 },
        { "gelu", gelu, row * 2, 0 },
        { "residual", residual, row * 3, 0 },
        { "head", head, row * 3, 0 },
        /* dx accumulates: it is read and written */
        { "dwconv, gradient", dwconv_grad, row * 4, 1 },
        { "norm, gradient", norm_grad, row * 4, 1 },
        { "gelu, gradient", gelu_grad, row * 4, 1 },
        { "residual, gradient", residual_grad, row * 3, 1 },
        { "head, gradient", head_grad, row * 5, 1 },
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof(op) / sizeof(*op); i++) {
        double t = op[i].grad && !grads(a) ? -1.0 : measure(a, op[i].call);

        if (t < 0.0) {
            bench_failed(a->b, op[i].name);
            bench_row(a->b, "op that moves memory, of copy bandwidth", op[i].name,
                      "failed");
            failed = 1;
        } else if (a->b->copy > 0.0)
            bench_row(a->b, "op that moves memory, of copy bandwidth", op[i].name,
                      "%.0f %% (%.0f GB/s, %.0f MB)", 100.0 * op[i].bytes / t / a->b->copy,
                      1e-9 * op[i].bytes / t, 1e-6 * op[i].bytes);
        else
            bench_row(a->b, "op that moves memory", op[i].name, "%.0f GB/s",
                      1e-9 * op[i].bytes / t);
    }
    return failed;
}

/* --- Products ------------------------------------------------------------- */

static int R, I, O;            /* of the layer at hand */

static int linear(struct arena *a)
{
    return ops(a)->linear(&a->ctx, a->p[1], a->p[0], a->p[2], a->small[1], R, I, O);
}

static int linear8(struct arena *a)
{
    return ops(a)->linear8(&a->ctx, a->p[1], a->p[0], (const int8_t *)a->p[2], a->small[0],
                           a->small[1], R, I, O);
}

static int nearest(struct arena *a)
{
    return ops(a)->nearest(&a->ctx, (int32_t *)a->p[1], a->p[0], a->p[2], NULL, NULL, R, O, I);
}

static int products(struct arena *a)
{
    static const struct {
        const char *name;
        op_call call;
        int I, O;
    } layer[] = {
        { "linear", linear, 320, 640 }, { "linear", linear, 640, 320 },
        { "linear8", linear8, 320, 640 }, { "linear8", linear8, 640, 320 },
        { "nearest, codes of", nearest, 8, 1024 },
        { "nearest, codes of", nearest, 32, 1024 },
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof(layer) / sizeof(*layer); i++) {
        char setting[64];
        double t, rate;

        R = a->b->smoke ? 8 : 65536;
        I = layer[i].I;
        O = layer[i].O;
        t = measure(a, layer[i].call);
        rate = (layer[i].call == nearest ? 3.0 : 2.0) * R * I * O / t;
        snprintf(setting, sizeof(setting), "%s %d -> %d, %d rows", layer[i].name, I, O, R);
        if (t < 0.0) {
            bench_failed(a->b, layer[i].name);
            bench_row(a->b, "product", setting, "failed");
            failed = 1;
        } else if (a->b->sgemm > 0.0)
            bench_row(a->b, "product, of the measured fp32 matrix rate", setting,
                      "%.0f %% (%.1f TFLOP/s)", 100.0 * rate / a->b->sgemm, 1e-12 * rate);
        else
            bench_row(a->b, "product", setting, "%.1f TFLOP/s", 1e-12 * rate);
    }
    return failed;
}

/* --- Arrays --------------------------------------------------------------- */

/* Fills x with numbers other than 0 and NaN, which can be faster than real data. */
static int set_up(struct arena *a)
{
    const size_t chunk = BENCH_SOUND / 2;
    const size_t large = (size_t)a->rows * WIDTH, small = 4096;

    for (int i = 0; i < 9; i++) {
        size_t n = i < 5 ? large : small;
        float **p = i < 5 ? &a->p[i] : &a->small[i - 5];

        *p = ops(a)->alloc(n * sizeof(float));
        if (!*p)
            return -1;
        for (size_t at = 0; at < n; at += chunk)
            if (ops(a)->upload(*p + at, a->b->sound + i, sizeof(float) *
                               (n - at < chunk ? n - at : chunk)))
                return -1;
    }
    return 0;
}

int bench_ops(struct bench *b)
{
    /* 512 MiB per array make a call take much longer than its launch. */
    struct arena a = { .b = b, .ctx = { .be = b->mod->ops },
                       .rows = b->smoke ? 700 : (1 << 27) / WIDTH };
    int failed;

    failed = set_up(&a) ? bench_failed(b, "arrays for ops") : moving(&a) | products(&a);
    for (int i = 0; i < 9; i++) {
        float *p = i < 5 ? a.p[i] : a.small[i - 5];

        if (p)
            ops(&a)->release(p);
    }
    return failed;
}
