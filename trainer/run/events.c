/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events.c - see events.h.
 *
 *   record:   | length (8) | masked CRC-32C of it (4) | event | masked CRC of it (4) |
 *   event:    1: wall time (double), 2: step, 3: "brain.Event:2" (the first one alone),
 *             5: summary of 1: value of 1: tag, 2: number (float)
 *
 * in protocol buffers' wire format: a key (field << 3 | type), then the value. */
#include "events.h"

#include "crc32c.h"
#include "disk.h"
#include "memory.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, DOUBLE = 1, BYTES = 2, FLOAT = 5 };

struct events {
    char *path;
    double begin;              /* wall time minus monotonic time: a clock set back meanwhile does
                                * not reverse the curves */
};

static void put_varint(GByteArray *b, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)(v & 127) | (v > 127 ? 128 : 0);

        g_byte_array_append(b, &byte, 1);
        v >>= 7;
    } while (v);
}

static void put_key(GByteArray *b, int field, int type)
{
    put_varint(b, (uint64_t)(field << 3 | type));
}

static void put_bytes(GByteArray *b, int field, const void *data, size_t n)
{
    put_key(b, field, BYTES);
    put_varint(b, n);
    g_byte_array_append(b, data, (guint)n);
}

/* Writes numbers in the machine's byte order, which must be little-endian. */
static void put_raw(GByteArray *b, int field, int type, const void *data, size_t n)
{
    put_key(b, field, type);
    g_byte_array_append(b, data, (guint)n);
}

static uint32_t masked(const void *data, size_t n)
{
    uint32_t crc = crc32c(0, data, n);

    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void put_record(struct events *e, const GByteArray *event)
{
    uint64_t length = event->len;
    uint32_t first = masked(&length, sizeof(length));
    uint32_t last = masked(event->data, event->len);
    GByteArray *record = g_byte_array_new();

    g_byte_array_append(record, (const guint8 *)&length, sizeof(length));
    g_byte_array_append(record, (const guint8 *)&first, sizeof(first));
    g_byte_array_append(record, event->data, event->len);
    g_byte_array_append(record, (const guint8 *)&last, sizeof(last));
    disk_append(e->path, NULL, 0, record->data, record->len);
    g_byte_array_unref(record);
}

static GByteArray *begin(const struct events *e)
{
    double time = e->begin + g_get_monotonic_time() * 1e-6;
    GByteArray *b = g_byte_array_new();

    put_raw(b, 1, DOUBLE, &time, sizeof(time));
    return b;
}

struct events *events_new(const char *folder)
{
    static const char version[] = "brain.Event:2";
    struct events *e = zeroed(sizeof(*e));
    double now = g_get_real_time() * 1e-6;
    GByteArray *b;

    e->begin = now - g_get_monotonic_time() * 1e-6;
    e->path = g_strdup_printf("%s/events.out.tfevents.%.0f.telucodec", folder, now);
    b = begin(e);
    put_bytes(b, 3, version, strlen(version));
    put_record(e, b);
    g_byte_array_unref(b);
    return e;
}

void events_free(struct events *e)
{
    g_free(e->path);
    free(e);
}

static void put_value(GByteArray *summary, const char *tag, float number)
{
    GByteArray *v = g_byte_array_new();

    put_bytes(v, 1, tag, strlen(tag));
    put_raw(v, 2, FLOAT, &number, sizeof(number));
    put_bytes(summary, 1, v->data, v->len);
    g_byte_array_unref(v);
}

void events_write(struct events *e, const char *group, const struct metrics *m,
                  int64_t step)
{
    GByteArray *b = begin(e), *summary = g_byte_array_new();

    put_key(b, 2, VARINT);
    put_varint(b, (uint64_t)step);
    for (int i = 0; i < m->n; i++)
        if (isfinite(m->value[i])) {
            char *tag = g_strdup_printf("%s/%s", group, m->name[i]);

            put_value(summary, tag, (float)m->value[i]);
            g_free(tag);
        }
    put_bytes(b, 5, summary->data, summary->len);
    put_record(e, b);
    g_byte_array_unref(summary);
    g_byte_array_unref(b);
}
