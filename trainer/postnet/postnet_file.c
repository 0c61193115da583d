/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* postnet_file.c - see postnet_file.h.
 *
 *   | magic | sizes, seed | step | chance | adam.step | weights | adam.m | adam.v | CRC |
 */
#include "postnet_file.h"

#include "crc32c.h"
#include "disk.h"
#include "memory.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define PARTS 8

static const char magic[] = "telucodec post-network 1\n";

struct head {
    int32_t width, blocks, seed;
};

struct part {
    void *data;
    size_t bytes;
};

static void parts(struct part part[PARTS], const struct postnet_file *f, char *text,
                  struct head *head)
{
    const size_t weights = f->params->total * sizeof(float);
    const struct part all[PARTS] = {
        { text, sizeof(magic) - 1 }, { head, sizeof(*head) }, { f->step, sizeof(*f->step) },
        { f->rng, sizeof(*f->rng) },
        { &f->adam->step, sizeof(f->adam->step) }, { f->params->value, weights },
        { f->adam->m, weights }, { f->adam->v, weights },
    };

    memcpy(part, all, sizeof(all));
}

static struct head head_of(const struct postnet_file *f)
{
    return (struct head){ f->post.width, f->post.blocks, f->seed };
}

void postnet_save(const struct postnet_file *f)
{
    GByteArray *bytes = g_byte_array_new();
    struct head head = head_of(f);
    struct part part[PARTS];
    char text[sizeof(magic)];
    uint32_t crc;

    memcpy(text, magic, sizeof(magic));
    parts(part, f, text, &head);
    for (int i = 0; i < PARTS; i++)
        g_byte_array_append(bytes, part[i].data, (guint)part[i].bytes);
    crc = crc32c(0, bytes->data, bytes->len);
    g_byte_array_append(bytes, (const guint8 *)&crc, sizeof(crc));
    if (disk_replace(f->path, bytes->data, bytes->len))
        die("%s: %s", f->path, strerror(errno));
    g_byte_array_unref(bytes);
}

int postnet_load(const struct postnet_file *f)
{
    struct head head, want = head_of(f);
    char text[sizeof(magic)], *file, *at;
    struct part part[PARTS];
    size_t expected = sizeof(uint32_t), size;
    uint32_t crc;

    if (!g_file_get_contents(f->path, &file, &size, NULL))
        return -1;
    parts(part, f, text, &head);
    for (int i = 0; i < PARTS; i++)
        expected += part[i].bytes;
    at = file + (sizeof(magic) - 1);
    if (size < sizeof(magic) + sizeof(head) || memcmp(file, magic, sizeof(magic) - 1))
        die("%s is no checkpoint of a post-network", f->path);
    memcpy(&head, at, sizeof(head));
    if (memcmp(&head, &want, sizeof(head)))
        die("%s is of a post-network of %d x %d with seed %d, expected %d x %d with seed %d; "
            "remove it to begin anew", f->path, head.blocks, head.width, head.seed, want.blocks,
            want.width, want.seed);
    if (size != expected)
        die("%s has %zu bytes, expected %zu: it is damaged", f->path, size, expected);
    memcpy(&crc, file + size - sizeof(crc), sizeof(crc));
    if (crc32c(0, file, size - sizeof(crc)) != crc)
        die("%s: its check sum is wrong: it is damaged", f->path);
    at = file;
    for (int i = 0; i < PARTS; at += part[i++].bytes)
        memcpy(part[i].data, at, part[i].bytes);
    g_free(file);
    return 0;
}
