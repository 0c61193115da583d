/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.c - every table against plain C, op by op: [--bench] [--seed N] [op ...] */
#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "telu.h"

#define BUFFERS 8
#define GUARD   64             /* words before and after; keeps the alignment */
#define NAN_BYTE 0xff          /* four of them are a NaN */

struct buffer {
    uint32_t *host;            /* what it holds at first, guards included */
    size_t n;
    int written, integer;
    float tol;
};

struct check {
    const struct telu_backend *be;
    const char *op;
    uint64_t random;
    int bench, quiet;
    long calls, failures;

    /* the case at hand */
    check_call call;
    int size[8];
    char text[160];
    double macs;
    struct buffer buf[BUFFERS];
    int buffers;
    float *floats[BUFFERS];
    int float_count;
};

static const struct telu_backend *const tables[] = {
    &telu_backend_c,           /* against itself: proves this harness */
    &telu_backend_simd,
};

static const struct {
    const char *name;
    size_t at;
    void (*check)(struct check *c);
} ops[] = {
#define OP(name) { #name, offsetof(struct telu_backend, name), check_##name }
    OP(mdct), OP(imdct), OP(compand), OP(linear), OP(linear16), OP(dwconv),
    OP(norm), OP(gelu), OP(residual), OP(head), OP(nearest),
};

#define OPS (sizeof(ops) / sizeof(*ops))
_Static_assert(OPS == (sizeof(struct telu_backend) -
                       offsetof(struct telu_backend, mdct)) / sizeof(void (*)(void)),
               "an op of the table has no check");

static void *need(void *p)
{
    if (!p) {
        fprintf(stderr, "check: no memory: %s\n", telu_error());
        exit(1);
    }
    return p;
}

/* --- Values --------------------------------------------------------------- */

uint32_t check_random(struct check *c)
{
    c->random ^= c->random >> 12;
    c->random ^= c->random << 25;
    c->random ^= c->random >> 27;
    return (uint32_t)((c->random * 0x2545f4914f6cdd1dull) >> 32);
}

float *check_floats(struct check *c, size_t n, enum check_kind kind)
{
    static const float extreme[] = {
        0.0f, -0.0f, 1e-45f, -1e-40f, 1.17549435e-38f, 1e-30f, -8.0f, 3.0f, 88.0f,
        -87.0f, 65504.0f, -1e10f, 1e19f, -3e38f, INFINITY, -INFINITY, NAN,
    };
    const uint32_t count = sizeof(extreme) / sizeof(*extreme);
    float *x = need(malloc((n + !n) * sizeof(*x)));

    for (size_t i = 0; i < n; i++) {
        float sum = 0.0f;

        for (int j = 0; j < 4; j++)
            sum += (float)check_random(c) * 0x1p-31f - 1.0f;
        x[i] = sum;
        if (kind == CHECK_EXTREME && check_random(c) % 4 == 0)
            x[i] = extreme[check_random(c) % count];
    }
    if (c->float_count == BUFFERS)
        abort();
    return c->floats[c->float_count++] = x;
}

/* --- One case ------------------------------------------------------------- */

void check_case(struct check *c, check_call call, int count, const int *size,
                const char *fmt, ...)
{
    va_list ap;

    c->call = call;
    memcpy(c->size, size, (size_t)count * sizeof(*size));
    c->macs = 0.0;
    va_start(ap, fmt);
    vsnprintf(c->text, sizeof(c->text), fmt, ap);
    va_end(ap);
}

static struct buffer *add(struct check *c, const void *data, size_t n)
{
    if (c->buffers == BUFFERS)
        abort();
    struct buffer *b = &c->buf[c->buffers++];

    *b = (struct buffer){ .n = n, .host = need(malloc((n + 2 * GUARD) * 4)) };
    memset(b->host, NAN_BYTE, (n + 2 * GUARD) * 4);
    if (data && n)
        memcpy(b->host + GUARD, data, n * 4);
    return b;
}

void check_in(struct check *c, const void *data, size_t n)
{
    add(c, data, n);
}

void check_inout(struct check *c, const void *data, size_t n, float tol)
{
    struct buffer *b = add(c, data, n);

    b->written = 1;
    b->tol = tol;
}

void check_out(struct check *c, size_t n, float tol)
{
    check_inout(c, NULL, n, tol);
}

void check_out_int(struct check *c, size_t n)
{
    struct buffer *b = add(c, NULL, n);

    b->written = b->integer = 1;
}

void check_time(struct check *c, double macs)
{
    c->macs = macs;
}

static void failed(struct check *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void failed(struct check *c, const char *fmt, ...)
{
    va_list ap;

    /* The first few say enough. */
    if (c->failures++ < 20 && !c->quiet) {
        printf("%s %s (%s): ", c->be->name, c->op, c->text);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        printf("\n");
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Calls until 20 ms are over; ns per call. */
static double measure(struct check *c, struct telu_ctx *ctx, void **p)
{
    double start = now(), t;
    long n = 0;

    do {
        for (int i = 0; i < 8; i++)
            c->call(ctx, p, c->size);
        n += 8;
        t = now() - start;
    } while (t < 2e7);
    return t / (double)n;
}

/* Runs the case on one table; out[i] gets all of buffer i, guards included. */
static void run(struct check *c, const struct telu_backend *be, uint32_t **out,
                double *ns)
{
    struct telu_ctx ctx = { .be = be };
    uint32_t *base[BUFFERS];
    void *p[BUFFERS] = { NULL };
    int r;

    for (int i = 0; i < c->buffers; i++) {
        const struct buffer *b = &c->buf[i];

        base[i] = need(be->alloc((b->n + 2 * GUARD) * 4));
        if (be->upload(base[i], b->host, (b->n + 2 * GUARD) * 4) < 0)
            failed(c, "upload: %s", telu_error());
        p[i] = base[i] + GUARD;
    }
    r = c->call(&ctx, p, c->size);
    if (r != 0)
        failed(c, "returned %d: %s", r, telu_error());
    for (int i = 0; i < c->buffers; i++) {
        size_t bytes = (c->buf[i].n + 2 * GUARD) * 4;

        out[i] = need(malloc(bytes));
        if (be->download(out[i], base[i], bytes) < 0)
            failed(c, "download: %s", telu_error());
    }
    if (ns)
        *ns = measure(c, &ctx, p);
    for (int i = 0; i < c->buffers; i++)
        be->release(base[i]);
}

static float as_float(uint32_t u)
{
    float f;

    memcpy(&f, &u, sizeof(f));
    return f;
}

static void compare(struct check *c, int index, const uint32_t *want,
                    const uint32_t *got)
{
    const struct buffer *b = &c->buf[index];
    size_t end = b->n + GUARD;
    float most = 0.0f;

    for (size_t i = 0; i < end + GUARD; i++)
        if ((i < GUARD || i >= end) && got[i] != b->host[i]) {
            failed(c, "buffer %d: wrote at %ld of %zu", index, (long)i - GUARD, b->n);
            return;
        }
    for (size_t i = GUARD; i < end; i++) {
        float m = fabsf(as_float(want[i]));

        if (m < INFINITY && m > most)
            most = m;
    }
    for (size_t i = GUARD; i < end; i++) {
        float w = as_float(want[i]), g = as_float(got[i]);

        if (want[i] == got[i])
            continue;
        if (!b->written) {
            failed(c, "buffer %d: changed its input at %zu", index, i - GUARD);
            return;
        }
        if (b->integer) {
            failed(c, "buffer %d at %zu is %d, expected %d", index, i - GUARD,
                   (int)got[i], (int)want[i]);
            return;
        }
        if (isnan(w) && isnan(g))
            continue;
        /* Written so that a NaN is a failure. */
        if (!(fabsf(w - g) <= b->tol * most)) {
            failed(c, "buffer %d at %zu is %.9g, expected %.9g +- %.3g", index,
                   i - GUARD, g, w, b->tol * most);
            return;
        }
    }
}

void check_go(struct check *c)
{
    uint32_t *want[BUFFERS], *got[BUFFERS];
    double ns = 0.0;
    int timed = c->bench && c->macs > 0.0;

    c->calls++;
    run(c, &telu_backend_c, want, NULL);
    run(c, c->be, got, timed ? &ns : NULL);
    for (int i = 0; i < c->buffers; i++) {
        compare(c, i, want[i], got[i]);
        free(want[i]);
        free(got[i]);
        free(c->buf[i].host);
    }
    if (timed)
        printf("%-5s %-9s %-28s %10.0f ns %8.2f GMAC/s\n", c->be->name, c->op,
               c->text, ns, c->macs / ns);
    for (int i = 0; i < c->float_count; i++)
        free(c->floats[i]);
    c->buffers = c->float_count = 0;
}

/* --- The walk ------------------------------------------------------------- */

static void check_op(struct check *c, size_t i)
{
    int (*op)(void);

    c->op = ops[i].name;
    snprintf(c->text, sizeof(c->text), "table");
    memcpy(&op, (const char *)c->be + ops[i].at, sizeof(op));
    if (!op)
        failed(c, "is not in the table");
    else
        ops[i].check(c);
}

/* Tables with a fault on purpose: a harness that lets one pass proves nothing. */
static int gelu_past_end(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    y[n] = 0.0f;
    return telu_backend_c.gelu(ctx, y, x, n);
}

static int gelu_one_short(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    return telu_backend_c.gelu(ctx, y, x, n - 1);
}

static int gelu_off(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    int r = telu_backend_c.gelu(ctx, y, x, n);

    y[n / 2] = nextafterf(y[n / 2], 10.0f);
    return r;
}

static int gelu_nan(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    int r = telu_backend_c.gelu(ctx, y, x, n);

    y[0] = NAN;
    return r;
}

static int gelu_refuses(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    telu_backend_c.gelu(ctx, y, x, n);
    return -1;
}

static int prove_harness(uint64_t seed)
{
    static int (*const faults[])(struct telu_ctx *, float *, const float *, int) = {
        gelu_past_end, gelu_one_short, gelu_off, gelu_nan, gelu_refuses,
    };
    int missed = 0;

    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        struct telu_backend faulty = telu_backend_c;
        struct check c = { .be = &faulty, .random = seed, .quiet = 1, .op = "gelu" };

        faulty.gelu = faults[i];
        check_gelu(&c);
        if (!c.failures) {
            printf("check: fault %zu on purpose was not seen\n", i);
            missed++;
        }
    }
    return missed;
}

/* TELU_PLAIN chooses the table. */
static int prove_choice(void)
{
    static const struct { const char *value; const struct telu_backend *be; } rows[] = {
        { NULL, &telu_backend_simd }, { "1", &telu_backend_c },
        { "0", &telu_backend_simd },
    };
    int wrong = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (rows[i].value)
            setenv("TELU_PLAIN", rows[i].value, 1);
        else
            unsetenv("TELU_PLAIN");
        if (telu_backend_cpu() != rows[i].be) {
            printf("check: TELU_PLAIN=%s chooses %s, expected %s\n",
                   rows[i].value ? rows[i].value : "(unset)",
                   telu_backend_cpu()->name, rows[i].be->name);
            wrong++;
        }
    }
    return wrong;
}

/* The generator must not start at 0. */
static uint64_t start(uint64_t seed)
{
    return seed * 0x9e3779b97f4a7c15ull | 1;
}

static int wanted(const char *name, int argc, char **argv)
{
    int any = 0;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--seed"))
            i++;
        else if (argv[i][0] != '-') {
            any = 1;
            if (!strcmp(argv[i], name))
                return 1;
        }
    }
    return !any;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    int bench = 0;
    long calls = 0, failures;

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--bench"))
            bench = 1;
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);

    failures = prove_harness(start(seed)) + prove_choice();
    for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
        struct check c = { .be = tables[t], .random = start(seed), .bench = bench };

        if (!c.be->available()) {
            printf("%s: not available here\n", c.be->name);
            continue;
        }
        for (size_t i = 0; i < OPS; i++)
            if (wanted(ops[i].name, argc, argv))
                check_op(&c, i);
        calls += c.calls;
        failures += c.failures;
    }
    printf("check: seed %llu: %ld calls, %ld failures\n", (unsigned long long)seed,
           calls, failures);
    return failures || !calls;
}
