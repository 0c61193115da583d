/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* checkpoint.c - see checkpoint.h.
 *
 *   | magic | name (24), bytes (8), data | name, bytes, data | ... | CRC-32C (4) |
 *
 * Version 1 had no check sum and a shorter progress, version 2 no "vq.chance"; both
 * are still read. */
#include "checkpoint.h"

#include "crc32c.h"
#include "disk.h"
#include "memory.h"
#include "parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "telucodec checkpoint %d\n"
#define MAGIC_BYTES (sizeof(MAGIC) - 2)        /* one digit for %d, no NUL */
#define VERSION 3

#define PART_HEAD (sizeof(((struct part *)0)->name) + sizeof(((struct part *)0)->bytes))
#define PART_ONE(...) + 1

/* The progress and every entry of the state. */
enum { PARTS = 1 TRAINER_STATE(PART_ONE, PART_ONE, PART_ONE) };

_Static_assert(VERSION < 10, "MAGIC has room for one digit");

struct part {
    char name[24];
    uint64_t bytes;
    void *data;
};

struct file {
    const char *path;
    FILE *f;                   /* that is read, */
    int fd;                    /* or written */
    int version;
    uint32_t crc;
};

static struct part progress_part(struct progress *p, int version)
{
    return (struct part){ "progress", version == 1 ? offsetof(struct progress, seed) :
                                                     sizeof(*p), p };
}

#define PART_ARRAY(name, field, type, count, place) \
    { name, sizeof(type) * counts.count, t->place },
#define PART_VALUE(name, field, type, place) { name, sizeof(type), &t->place },
#define PART_HOST(name, type, place) { name, sizeof(type), &t->place },

/* 1 when files of that version have the part. */
static int has_part(int version, const char *name)
{
    return *name && (version > 2 || strcmp(name, "vq.chance"));
}

/* Returns how many parts a file of that version has. The progress comes first:
 * checkpoint_peek() reads no further. */
static int parts(struct part *all, struct trainer *t, struct progress *p, int version)
{
    const struct state_counts counts = trainer_counts(t);
    const struct part list[PARTS] = {
        progress_part(p, version),
        TRAINER_STATE(PART_ARRAY, PART_VALUE, PART_HOST)
    };
    int n = 0;

    for (int i = 0; i < PARTS; i++)
        if (has_part(version, list[i].name))
            all[n++] = list[i];
    return n;
}

/* --- Write -------------------------------------------------------------- */

static void refuse(const char *temp)
{
    int why = errno;

    unlink(temp);
    die("%s: %s", temp, strerror(why));
}

static void put(struct file *to, const void *data, size_t bytes)
{
    to->crc = crc32c(to->crc, data, bytes);
    if (disk_write(to->fd, data, bytes))
        refuse(to->path);
}

void checkpoint_save(const char *path, struct trainer *t, struct progress *p)
{
    char *temp = g_strdup_printf("%s.part", path), magic[MAGIC_BYTES + 1];
    struct file to = {
        .path = temp, .fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
    };
    struct part all[PARTS];
    uint32_t crc;
    int n;

    if (to.fd < 0)
        die("%s: %s", temp, strerror(errno));
    snprintf(magic, sizeof(magic), MAGIC, VERSION);
    n = parts(all, t, p, VERSION);
    put(&to, magic, MAGIC_BYTES);
    for (int i = 0; i < n; i++) {
        put(&to, all[i].name, sizeof(all[i].name));
        put(&to, &all[i].bytes, sizeof(all[i].bytes));
        put(&to, all[i].data, all[i].bytes);
    }
    crc = to.crc;
    put(&to, &crc, sizeof(crc));
    if (disk_sync(to.fd) || close(to.fd) || rename(temp, path))
        refuse(temp);
    if (disk_sync_folder(path))
        die("%s: %s", path, strerror(errno));
    g_free(temp);
}

/* --- Read --------------------------------------------------------------- */

static void get(struct file *from, void *data, size_t bytes)
{
    if (fread(data, 1, bytes, from->f) != bytes)
        die("%s ends too early: it is damaged", from->path);
    from->crc = crc32c(from->crc, data, bytes);
}

static void get_part(struct file *from, const struct part *want)
{
    struct part got;

    get(from, got.name, sizeof(got.name));
    get(from, &got.bytes, sizeof(got.bytes));
    if (memcmp(got.name, want->name, sizeof(got.name)) || got.bytes != want->bytes)
        die("%s: %.24s has %llu bytes, expected %s with %llu: it is damaged, or of "
            "another network", from->path, got.name, (unsigned long long)got.bytes,
            want->name, (unsigned long long)want->bytes);
    get(from, want->data, want->bytes);
}

/* Returns 1 when there is no such file. */
static int start(struct file *from, const char *path)
{
    char magic[MAGIC_BYTES + 1] = { 0 };

    *from = (struct file){ .path = path, .f = fopen(path, "rb") };
    if (!from->f && errno == ENOENT)
        return 1;
    if (!from->f)
        die("%s: %s", path, strerror(errno));
    get(from, magic, MAGIC_BYTES);
    if (sscanf(magic, MAGIC, &from->version) != 1 || from->version < 1 ||
        from->version > VERSION)
        die("%s is not a checkpoint, or one of a later version", path);
    return 0;
}

#define SIZE_ARRAY(name, field, type, count, place) { name, sizeof(type) * counts.count },
#define SIZE_VALUE(name, field, type, place) { name, sizeof(type) },
#define SIZE_HOST(name, type, place) { name, sizeof(type) },

/* Returns the size of a file of that version that holds that network. */
static uint64_t file_bytes(const struct telu_config *cfg, int version)
{
    const struct state_counts counts = trainer_counts_of(cfg);
    const struct { const char *name; uint64_t bytes; } list[PARTS] = {
        { "progress", progress_part(NULL, version).bytes },
        TRAINER_STATE(SIZE_ARRAY, SIZE_VALUE, SIZE_HOST)
    };
    uint64_t bytes = MAGIC_BYTES + (version > 1 ? sizeof(uint32_t) : 0);

    for (int i = 0; i < PARTS; i++)
        if (has_part(version, list[i].name))
            bytes += PART_HEAD + list[i].bytes;
    return bytes;
}

/* Refuses a file too small or too large for its network, before the caller makes that network:
 * a small file may claim one of gigabytes. */
static void check_size(const struct file *from, const struct telu_config *cfg)
{
    const uint64_t want = file_bytes(cfg, from->version);
    struct stat is;

    if (fstat(fileno(from->f), &is))
        die("%s: %s", from->path, strerror(errno));
    if (S_ISREG(is.st_mode) && (uint64_t)is.st_size != want)
        die("%s has %llu bytes, expected %llu for its network: it is damaged; resume from another "
            "checkpoint", from->path, (unsigned long long)is.st_size, (unsigned long long)want);
}

int checkpoint_peek(const char *path, struct progress *p)
{
    struct file from;
    struct part progress;

    if (start(&from, path))
        return 1;
    progress = progress_part(p, from.version);
    get_part(&from, &progress);
    if (telu_config_check(&p->config))
        die("%s: %s", path, telu_error());
    if (!memchr(p->settings, 0, sizeof(p->settings)))
        die("%s: its settings have no end: it is damaged", path);
    check_size(&from, &p->config);
    fclose(from.f);
    return 0;
}

int checkpoint_load(const char *path, struct trainer *t, struct progress *p)
{
    struct part all[PARTS];
    struct file from;
    uint32_t crc, stored;
    int n;

    if (start(&from, path))
        return 1;
    n = parts(all, t, p, from.version);
    for (int i = 0; i < n; i++)
        get_part(&from, &all[i]);
    if (from.version < 3)
        t->model->vq->rng = (struct counter_rng){ (uint64_t)p->seed, (uint64_t)p->step };
    crc = from.crc;
    if (from.version > 1) {
        get(&from, &stored, sizeof(stored));
        if (stored != crc)
            die("%s: its check sum is %08x, expected %08x: it is damaged", path, stored,
                crc);
    }
    fclose(from.f);
    return 0;
}

/* --- Ranks -------------------------------------------------------------- */

void checkpoint_share(struct trainer *t, struct progress *p)
{
    struct part all[PARTS];
    int n = parts(all, t, p, VERSION);

    for (int i = 0; i < n; i++)
        parallel_share(all[i].data, all[i].bytes);
}

uint32_t checkpoint_sum(struct trainer *t)
{
    struct progress own = { 0 };
    struct part all[PARTS];
    uint32_t crc = 0;
    int n = parts(all, t, &own, VERSION);

    for (int i = 1; i < n; i++)
        crc = crc32c(crc, all[i].data, all[i].bytes);
    return crc;
}
