/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* checkpoint.c - see checkpoint.h. */
#include "checkpoint.h"

#include "memory.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "telucodec checkpoint 1\n"
#define PARTS 10

struct part {
    char name[24];
    uint64_t bytes;
    void *data;
};

/* The progress comes first: checkpoint_peek() reads no further. */
static void parts(struct part *all, struct trainer *t, struct progress *p)
{
    struct params *w = t->model->p;
    struct vq *v = t->model->vq;
    const struct part list[PARTS] = {
        { "progress", sizeof(*p), p },
        { "weights", sizeof(float) * w->total, w->value },
        { "codebooks", sizeof(float) * w->books_total, w->books },
        { "adam.m", sizeof(float) * w->total, t->adam.m },
        { "adam.v", sizeof(float) * w->total, t->adam.v },
        { "adam.step", sizeof(t->adam.step), &t->adam.step },
        { "vq", sizeof(float) * v->state_total, v->state },
        { "vq.ready", sizeof(v->ready), &v->ready },
        { "chance", sizeof(t->rng), &t->rng },
        { "balance", sizeof(t->balance), &t->balance },
    };

    memcpy(all, list, sizeof(list));
}

static void put(FILE *f, const char *path, const void *data, size_t bytes)
{
    if (fwrite(data, 1, bytes, f) != bytes)
        die("%s: %s", path, strerror(errno));
}

void checkpoint_save(const char *path, struct trainer *t, struct progress *p)
{
    char *temp = g_strdup_printf("%s.part", path);
    struct part all[PARTS];
    FILE *f = fopen(temp, "wb");

    if (!f)
        die("%s: %s", temp, strerror(errno));
    parts(all, t, p);
    put(f, temp, MAGIC, strlen(MAGIC));
    for (int i = 0; i < PARTS; i++) {
        put(f, temp, all[i].name, sizeof(all[i].name));
        put(f, temp, &all[i].bytes, sizeof(all[i].bytes));
        put(f, temp, all[i].data, all[i].bytes);
    }
    if (fflush(f) || fsync(fileno(f)) || fclose(f))
        die("%s: %s", temp, strerror(errno));
    if (rename(temp, path))
        die("%s: %s", path, strerror(errno));
    g_free(temp);
}

static void get(FILE *f, const char *path, void *data, size_t bytes)
{
    if (fread(data, 1, bytes, f) != bytes)
        die("%s ends too early: it is damaged", path);
}

static void get_part(FILE *f, const char *path, const struct part *want)
{
    struct part got;

    get(f, path, got.name, sizeof(got.name));
    get(f, path, &got.bytes, sizeof(got.bytes));
    if (memcmp(got.name, want->name, sizeof(got.name)) || got.bytes != want->bytes)
        die("%s: %.24s has %llu bytes, expected %s with %llu: it is damaged, or of "
            "another version", path, got.name, (unsigned long long)got.bytes,
            want->name, (unsigned long long)want->bytes);
    get(f, path, want->data, want->bytes);
}

/* NULL when there is no such file. */
static FILE *start(const char *path)
{
    char magic[sizeof(MAGIC)] = { 0 };
    FILE *f = fopen(path, "rb");

    if (!f && errno != ENOENT)
        die("%s: %s", path, strerror(errno));
    if (f && (fread(magic, 1, strlen(MAGIC), f) != strlen(MAGIC) ||
              strcmp(magic, MAGIC)))
        die("%s is not a checkpoint of this version", path);
    return f;
}

int checkpoint_peek(const char *path, struct progress *p)
{
    const struct part progress = { "progress", sizeof(*p), p };
    FILE *f = start(path);

    if (!f)
        return 1;
    get_part(f, path, &progress);
    fclose(f);
    if (telu_config_check(&p->config))
        die("%s: %s", path, telu_error());
    return 0;
}

int checkpoint_load(const char *path, struct trainer *t, struct progress *p)
{
    struct part all[PARTS];
    FILE *f = start(path);

    if (!f)
        return 1;
    parts(all, t, p);
    for (int i = 0; i < PARTS; i++)
        get_part(f, path, &all[i]);
    fclose(f);
    return 0;
}
