/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.c - compares every op table with plain C, op by op, forward and backward:
 *
 *   check [--module PATH] [--bench] [--seed N] [op ...]
 *
 * --module: tests the tables of that libtelucodec-cuda.so instead of the CPU's; exit status
 * 77: no device. Backward ops have names like linear_grad. */
#include "check_case.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "telu.h"

const struct check_table check_plain = { &telu_backend_c, &telu_grads_c, telu_error, 0 };

static const struct check_table on_cpu[] = {
    { &telu_backend_c, &telu_grads_c, telu_error, 0 }, /* proves this harness */
    { &telu_backend_simd, NULL, telu_error, 0 },
};

struct op {
    const char *name;
    size_t at;
    void (*check)(struct check *c);
};

static const struct op ops[] = {
#define OP(name) { #name, offsetof(struct telu_backend, name), check_##name }
    OP(mdct), OP(imdct), OP(compand), OP(linear), OP(linear8), OP(dwconv),
    OP(dwconv_live), OP(norm), OP(gelu), OP(residual), OP(head), OP(nearest), OP(ltpf),
};

static const struct op grads[] = {
#define GRAD(name) { #name "_grad", offsetof(struct telu_grads, name), check_##name##_grad }
    GRAD(linear), GRAD(dwconv), GRAD(norm), GRAD(gelu), GRAD(residual), GRAD(head),
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
_Static_assert(COUNT(ops) == (sizeof(struct telu_backend) -
                              offsetof(struct telu_backend, mdct)) / sizeof(void (*)(void)),
               "an op of the table has no check");
_Static_assert(COUNT(grads) == (sizeof(struct telu_grads) -
                                offsetof(struct telu_grads, linear)) /
                               sizeof(void (*)(void)),
               "a backward op of the table has no check");

/* Tables with a planted fault, each of which the harness must find. */
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

static int gelu_grad_sets(struct telu_ctx *ctx, float *dx, const float *dy, const float *x,
                          int n)
{
    memset(dx, 0, sizeof(*dx) * n);
    return telu_grads_c.gelu(ctx, dx, dy, x, n);
}

static int prove(const struct check_table *faulty, void (*check)(struct check *c),
                 uint64_t seed, const char *what)
{
    struct check c = { .table = faulty, .random = seed, .quiet = 1, .op = what };

    check(&c);
    if (!c.failures)
        printf("check: %s on purpose was not seen\n", what);
    return !c.failures;
}

static int prove_harness(uint64_t seed)
{
    static const struct {
        int (*gelu)(struct telu_ctx *, float *, const float *, int);
        const char *what;
    } faults[] = {
        { gelu_past_end, "writing past the end" }, { gelu_one_short, "one not written" },
        { gelu_off, "one bit" }, { gelu_nan, "a NaN" }, { gelu_refuses, "an error" },
    };
    struct telu_backend be = telu_backend_c;
    struct telu_grads back = telu_grads_c;
    const struct check_table faulty = { &be, &back, telu_error, 0 };
    int missed = 0;

    for (size_t i = 0; i < COUNT(faults); i++) {
        be.gelu = faults[i].gelu;
        missed += prove(&faulty, check_gelu, seed, faults[i].what);
    }
    back.gelu = gelu_grad_sets;
    return missed + prove(&faulty, check_gelu_grad, seed, "a gradient not added");
}

/* Checks that TELUCODEC_PLAIN chooses the table. */
static int prove_choice(void)
{
    static const struct { const char *value; const struct telu_backend *be; } rows[] = {
        { NULL, &telu_backend_simd }, { "1", &telu_backend_c },
        { "0", &telu_backend_simd },
    };
    int wrong = 0;

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].value)
            setenv("TELUCODEC_PLAIN", rows[i].value, 1);
        else
            unsetenv("TELUCODEC_PLAIN");
        if (telu_backend_cpu() != rows[i].be) {
            printf("check: TELUCODEC_PLAIN=%s chooses %s, expected %s\n",
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
        if (!strcmp(argv[i], "--seed") || !strcmp(argv[i], "--module"))
            i++;
        else if (argv[i][0] != '-') {
            any = 1;
            if (!strcmp(argv[i], name))
                return 1;
        }
    }
    return !any;
}

/* --- Tables and ops ------------------------------------------------------- */

static void walk(struct check *c, const struct op *op, size_t n, const void *table,
                 int argc, char **argv)
{
    for (size_t i = 0; i < n; i++) {
        int (*entry)(void);

        if (!wanted(op[i].name, argc, argv))
            continue;
        c->op = op[i].name;
        snprintf(c->text, sizeof(c->text), "table");
        memcpy(&entry, (const char *)table + op[i].at, sizeof(entry));
        if (!entry)
            check_failed(c, "is not in the table");
        else
            op[i].check(c);
    }
}

static const struct telu_module *open_module(const char *path)
{
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
    telu_module_entry entry;

    symbol = file ? dlsym(file, TELU_MODULE_ENTRY) : NULL;
    if (!symbol) {
        printf("check: %s\n", dlerror());
        return NULL;
    }
    memcpy(&entry, &symbol, sizeof(entry));
    return entry(TELU_MODULE_ABI);
}

/* Opens the module's table. Returns 0, or the exit status. */
static int from_module(struct check_table *table, const char *path)
{
    const struct telu_module *m = open_module(path);
    char text[128];

    if (!m || m->abi != TELU_MODULE_ABI || !m->ops || !m->grads) {
        printf("check: %s is no module of ABI %d with its tables\n", path,
               TELU_MODULE_ABI);
        return 1;
    }
    if (m->devices() < 1) {
        printf("check: skipped: %s\n", m->error());
        return 77;
    }
    if (!m->ops->available() || m->grads->be != m->ops || m->describe(0, text, sizeof(text))) {
        printf("check: %s: %s\n", path, m->error());
        return 1;
    }
    printf("check: on %s\n", text);
    *table = (struct check_table){ m->ops, m->grads, m->error, 1 };
    return 0;
}

int main(int argc, char **argv)
{
    const char *module = NULL;
    uint64_t seed = 1;
    int bench = 0, bad;
    long calls = 0, failures;
    struct check_table device;

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--bench"))
            bench = 1;
        else if (!strcmp(argv[i], "--module") && i + 1 < argc)
            module = argv[++i];
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);

    bad = module ? from_module(&device, module) : 0;
    if (bad)
        return bad;
    failures = prove_harness(start(seed)) + prove_choice();
    for (size_t t = 0; t < (module ? 1 : COUNT(on_cpu)); t++) {
        const struct check_table *table = module ? &device : &on_cpu[t];
        struct check c = { .table = table, .random = start(seed), .bench = bench };

        walk(&c, ops, COUNT(ops), table->be, argc, argv);
        if (table->grads)
            walk(&c, grads, COUNT(grads), table->grads, argc, argv);
        calls += c.calls;
        failures += c.failures;
    }
    printf("check: seed %llu: %ld calls, %ld failures\n", (unsigned long long)seed,
           calls, failures);
    return failures || !calls;
}
