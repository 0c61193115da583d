/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_case.c - one case of check.h: values, buffers, two runs, and the comparison of their
 * results. */
#include "check_case.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "telu.h"

#define GUARD    64            /* words before and after; keeps the alignment */
#define NAN_BYTE 0xff          /* four of them are a NaN */

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
    const uint32_t count = sizeof(extreme) / sizeof(*extreme), small = 6;
    float *x = need(malloc((n + !n) * sizeof(*x)));

    for (size_t i = 0; i < n; i++) {
        float sum = 0.0f;

        for (int j = 0; j < 4; j++)
            sum += (float)check_random(c) * 0x1p-31f - 1.0f;
        x[i] = sum;
        if (kind == CHECK_EXTREME && check_random(c) % 4 == 0)
            x[i] = extreme[check_random(c) % count];
        if (kind == CHECK_SMALL && check_random(c) % 4 == 0)
            x[i] = extreme[check_random(c) % small];
    }
    if (c->float_count == CHECK_BUFFERS)
        abort();
    return c->floats[c->float_count++] = x;
}

const struct telu_grads *check_grads(const struct telu_ctx *ctx)
{
    return ((const struct check_ctx *)ctx)->grads;
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

static struct check_buffer *add(struct check *c, const void *data, size_t n)
{
    if (c->buffers == CHECK_BUFFERS)
        abort();
    struct check_buffer *b = &c->buf[c->buffers++];

    *b = (struct check_buffer){ .n = n, .host = need(malloc((n + 2 * GUARD) * 4)) };
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
    struct check_buffer *b = add(c, data, n);

    b->written = 1;
    b->tol = tol;
}

void check_out(struct check *c, size_t n, float tol)
{
    check_inout(c, NULL, n, tol);
}

void check_least(struct check *c, float least)
{
    c->buf[c->buffers - 1].least = least;
}

float check_tol(const struct check *c, float device)
{
    return c->table->device ? device : 0.0f;
}

void check_out_int(struct check *c, size_t n)
{
    struct check_buffer *b = add(c, NULL, n);

    b->written = b->integer = 1;
}

void check_time(struct check *c, double macs)
{
    c->macs = macs;
}

void check_failed(struct check *c, const char *fmt, ...)
{
    va_list ap;

    /* The first few are enough. */
    if (c->failures++ < 20 && !c->quiet) {
        printf("%s %s (%s): ", c->table->be->name, c->op, c->text);
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

/* Times calls for 20 ms; fetching a word then waits for them. Returns ns per call. */
static double measure(struct check *c, struct telu_ctx *ctx, void **p)
{
    uint32_t word;
    double t;

    for (long n = 8;; n *= 2) {
        double start = now();

        for (long i = 0; i < n; i++)
            c->call(ctx, p, c->size);
        ctx->be->download(&word, p[0], sizeof(word));
        t = now() - start;
        if (t >= 2e7)
            return t / (double)n;
    }
}

/* Runs the case on one table, and copies buffer i with its guards to out[i]. */
static void run(struct check *c, const struct check_table *table, uint32_t **out,
                double *ns)
{
    const struct telu_backend *be = table->be;
    struct check_ctx ctx = { .ctx.be = be, .grads = table->grads };
    uint32_t *base[CHECK_BUFFERS];
    void *p[CHECK_BUFFERS] = { NULL };
    int r;

    for (int i = 0; i < c->buffers; i++) {
        const struct check_buffer *b = &c->buf[i];

        base[i] = be->alloc((b->n + 2 * GUARD) * 4);
        if (!base[i]) {
            fprintf(stderr, "check: %s\n", table->error());
            exit(1);
        }
        if (be->upload(base[i], b->host, (b->n + 2 * GUARD) * 4) < 0)
            check_failed(c, "upload: %s", table->error());
        p[i] = base[i] + GUARD;
    }
    r = c->call(&ctx.ctx, p, c->size);
    if (r != 0)
        check_failed(c, "returned %d: %s", r, table->error());
    for (int i = 0; i < c->buffers; i++) {
        size_t bytes = (c->buf[i].n + 2 * GUARD) * 4;

        out[i] = need(malloc(bytes));
        if (be->download(out[i], base[i], bytes) < 0)
            check_failed(c, "download: %s", table->error());
    }
    if (ns)
        *ns = measure(c, &ctx.ctx, p);
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
    const struct check_buffer *b = &c->buf[index];
    size_t end = b->n + GUARD;
    float most = b->least;

    for (size_t i = 0; i < end + GUARD; i++)
        if ((i < GUARD || i >= end) && got[i] != b->host[i]) {
            check_failed(c, "buffer %d: wrote at %ld of %zu", index, (long)i - GUARD, b->n);
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
            check_failed(c, "buffer %d: changed its input at %zu", index, i - GUARD);
            return;
        }
        if (b->integer) {
            check_failed(c, "buffer %d at %zu is %d, expected %d", index, i - GUARD,
                   (int)got[i], (int)want[i]);
            return;
        }
        if (isnan(w) && isnan(g))
            continue;
        /* The negated comparison makes a NaN a failure. */
        if (!(fabsf(w - g) <= b->tol * most)) {
            check_failed(c, "buffer %d at %zu is %.9g, expected %.9g +- %.3g", index,
                   i - GUARD, g, w, b->tol * most);
            return;
        }
    }
}

/* Checks that a second run on the device gives equal bits. */
static void again(struct check *c, uint32_t **first)
{
    uint32_t *out[CHECK_BUFFERS];

    run(c, c->table, out, NULL);
    for (int i = 0; i < c->buffers; i++) {
        if (memcmp(out[i], first[i], (c->buf[i].n + 2 * GUARD) * 4))
            check_failed(c, "buffer %d: other bits when done again", i);
        free(out[i]);
    }
}

void check_go(struct check *c)
{
    uint32_t *want[CHECK_BUFFERS], *got[CHECK_BUFFERS];
    double ns = 0.0;
    int timed = c->bench && c->macs > 0.0;

    c->calls++;
    run(c, &check_plain, want, NULL);
    run(c, c->table, got, timed ? &ns : NULL);
    if (c->table->device)
        again(c, got);
    for (int i = 0; i < c->buffers; i++) {
        compare(c, i, want[i], got[i]);
        free(want[i]);
        free(got[i]);
        free(c->buf[i].host);
    }
    if (timed)
        printf("%-5s %-9s %-28s %10.0f ns %8.2f GMAC/s\n", c->table->be->name, c->op,
               c->text, ns, c->macs / ns);
    for (int i = 0; i < c->float_count; i++)
        free(c->floats[i]);
    c->buffers = c->float_count = 0;
}
