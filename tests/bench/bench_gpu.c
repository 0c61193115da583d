/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_gpu.c - times the CUDA module, for tests/gpu.sh: prints rows of a Markdown table.
 *
 *   bench_gpu --module FILE [--weights FILE] [--device N] [--smoke]
 *             [--copy BYTES/S] [--sgemm FLOP/S] [--batch N] [--warm N] [--packets N]
 *             PART ...
 *
 * PART: one streams count train ops. --batch: batch of count, and the only one of streams and
 * train. --weights: a weight file. Without it weights are random, of the default size:
 * the same work in the networks, but not in the rate control.
 * A C compiler builds it without GLib and CUDA headers; the module contains the rest.
 */
#include "bench_gpu.h"

#include "tiny_model.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_row(const struct bench *b, const char *what, const char *setting,
               const char *fmt, ...)
{
    va_list ap;

    printf("| %s | %s | ", what, setting);
    va_start(ap, fmt);
    if (b->shim)
        printf("shim, not a GPU");
    else if (b->smoke)
        printf("smoke, not a measurement");
    else
        vprintf(fmt, ap);
    va_end(ap);
    printf(" |\n");
    fflush(stdout);            /* keeps the rows when a later part is killed */
}

int bench_failed(const struct bench *b, const char *what)
{
    fprintf(stderr, "bench_gpu: %s: %s\n", what, b->mod->error());
    return 1;
}

/* --- Weights -------------------------------------------------------------- */

struct telu_model *bench_model(const char *path)
{
    struct telu_model *m = telu_model_open(path);

    if (!m)
        fprintf(stderr, "bench_gpu: %s\n", telu_error());
    return m;
}

/* --- Parts ---------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(struct bench *b);
    size_t needs;              /* table of the module */
} parts[] = {
    { "one", bench_one, offsetof(struct telu_module, engine) },
    { "streams", bench_streams, offsetof(struct telu_module, engine) },
    { "count", bench_count, offsetof(struct telu_module, engine) },
    { "train", bench_train, offsetof(struct telu_module, training) },
    { "ops", bench_ops, offsetof(struct telu_module, ops) },
};

#define PARTS (sizeof(parts) / sizeof(*parts))

static int open_module(struct bench *b, const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    telu_module_entry entry;
    char text[128];

    if (!library) {
        fprintf(stderr, "bench_gpu: %s\n", dlerror());
        return -1;
    }
    *(void **)&entry = dlsym(library, TELU_MODULE_ENTRY);
    b->mod = entry ? entry(TELU_MODULE_ABI) : NULL;
    if (!b->mod || b->mod->model_size != sizeof(struct telu_model)) {
        fprintf(stderr, "bench_gpu: %s is not a module of ABI %d\n", path,
                TELU_MODULE_ABI);
        return -1;
    }
    b->shim = dlsym(library, "telu_shim_count") || dlsym(library, "fake_control_get");
    if (b->device >= b->mod->devices() ||
        b->mod->describe(b->device, text, sizeof(text))) {
        fprintf(stderr, "bench_gpu: device %d: %s\n", b->device, b->mod->error());
        return -1;
    }
    fprintf(stderr, "bench_gpu: %s%s\n", text, b->shim ? " (shim, not a GPU)" : "");
    return 0;
}

static int number(const char *text, const char *option)
{
    char *end;
    long v = strtol(text, &end, 10);

    if (*end || end == text || v < 0 || v > 1 << 24) {
        fprintf(stderr, "bench_gpu: %s %s, expected a whole number\n", option, text);
        exit(2);
    }
    return (int)v;
}

static int part(struct bench *b, const char *name)
{
    const void *table;

    for (size_t i = 0; i < PARTS; i++) {
        if (strcmp(parts[i].name, name))
            continue;
        memcpy(&table, (const char *)b->mod + parts[i].needs, sizeof(table));
        if (table)
            return parts[i].run(b);
        fprintf(stderr, "bench_gpu: %s: the module has no table for it\n", name);
        return 1;
    }
    fprintf(stderr, "bench_gpu: no part is called %s\n", name);
    return 1;
}

int main(int argc, char **argv)
{
    struct bench b = { .batch = 1, .warm = 20, .packets = 20 };
    struct telu_config cfg = telu_config_default();
    const char *module = NULL, *weights = NULL;
    int i = 1, failed = 0;

    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        const char *o = argv[i] + 2, *v = i + 1 < argc ? argv[i + 1] : "";

        if (!strcmp(o, "smoke")) {
            b.smoke = 1;
            continue;
        }
        if (!strcmp(o, "module")) module = v;
        else if (!strcmp(o, "weights")) weights = v;
        else if (!strcmp(o, "device")) b.device = number(v, o);
        else if (!strcmp(o, "batch")) b.batch = number(v, o);
        else if (!strcmp(o, "warm")) b.warm = number(v, o);
        else if (!strcmp(o, "packets")) b.packets = number(v, o);
        else if (!strcmp(o, "copy")) b.copy = atof(v);
        else if (!strcmp(o, "sgemm")) b.sgemm = atof(v);
        else {
            fprintf(stderr, "bench_gpu: no option is called --%s\n", o);
            return 2;
        }
        i++;
    }
    if (!module || i >= argc) {
        fprintf(stderr, "bench_gpu: --module FILE and a part, please\n");
        return 2;
    }
    if (open_module(&b, module))
        return 1;
    if (b.smoke)
        cfg = tiny_config();
    b.m = weights ? bench_model(weights) : tiny_model(&cfg, 1);
    b.sound = malloc(BENCH_SOUND * sizeof(float));
    if (!b.m || !b.sound) {
        fprintf(stderr, "bench_gpu: no model: %s\n", telu_error());
        return 1;
    }
    tiny_speech(b.sound, BENCH_SOUND, 1);
    for (; i < argc; i++)
        failed |= part(&b, argv[i]);
    telu_model_close(b.m);
    free(b.sound);
    return failed;
}
