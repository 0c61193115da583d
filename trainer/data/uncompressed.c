/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uncompressed.c - see uncompressed.h. */
#include "uncompressed.h"

#include <math.h>
#include <string.h>

#define MOST_CHUNKS 1000

/* The description of samples that all three have. */
struct layout {
    int big, bits, is_float, is_unsigned;
    const char *law;           /* NULL for linear samples */
};

static guint64 number(const guint8 *p, int n, int big)
{
    guint64 value = 0;

    for (int i = 0; i < n; i++)
        value |= (guint64)p[i] << 8 * (big ? n - 1 - i : i);
    return value;
}

static gboolean take(FILE *file, guint8 *out, gsize n)
{
    return fread(out, 1, n, file) == n;
}

/* Skips n bytes, or fails. */
static gboolean skip(FILE *file, gint64 n)
{
    return n >= 0 && fseeko(file, (off_t)n, SEEK_CUR) == 0;
}

/* Fills format and frame. Returns FALSE for samples that are not known here. */
static gboolean choose(struct uncompressed *u, const struct layout *l)
{
    static const char *const integer[2][5] = {
        { NULL, "S8", "S16LE", "S24LE", "S32LE" }, { NULL, "S8", "S16BE", "S24BE", "S32BE" }
    };
    const int bytes = (l->bits + 7) / 8;

    /* GStreamer's decoders of A-law and mu-law know two channels at most. */
    if (u->channels < 1 || u->channels > (l->law ? 2 : 64) || u->rate < 1000 ||
        u->rate > 1000000)
        return FALSE;
    if (l->law)
        u->format = l->law;
    else if (l->is_float)
        u->format = l->bits == 32 ? l->big ? "F32BE" : "F32LE"
            : l->bits == 64 ? l->big ? "F64BE" : "F64LE" : NULL;
    else if (bytes >= 1 && bytes <= 4)
        u->format = bytes == 1 && l->is_unsigned ? "U8" : integer[l->big][bytes];
    else
        return FALSE;
    u->frame = u->channels * (l->law ? 1 : bytes);
    return u->format != NULL;
}

/* Reads an 80-bit float of IEEE 754, as Apple wrote rates. */
static double extended(const guint8 *p)
{
    return ldexp((double)number(p + 2, 8, 1), (int)(number(p, 2, 1) & 0x7fff) - 16383 - 63);
}

static gboolean aiff_code(const guint8 *id, struct layout *l)
{
    static const struct { const char *id; struct layout l; } known[] = {
        { "NONE", { 1, 0, 0, 0, NULL } }, { "twos", { 1, 0, 0, 0, NULL } },
        { "sowt", { 0, 0, 0, 0, NULL } }, { "raw ", { 1, 0, 0, 1, NULL } },
        { "in24", { 1, 24, 0, 0, NULL } }, { "in32", { 1, 32, 0, 0, NULL } },
        { "fl32", { 1, 32, 1, 0, NULL } }, { "FL32", { 1, 32, 1, 0, NULL } },
        { "fl64", { 1, 64, 1, 0, NULL } }, { "FL64", { 1, 64, 1, 0, NULL } },
        { "ulaw", { 1, 8, 0, 0, "MULAW" } }, { "ULAW", { 1, 8, 0, 0, "MULAW" } },
        { "alaw", { 1, 8, 0, 0, "ALAW" } }, { "ALAW", { 1, 8, 0, 0, "ALAW" } },
    };
    const int bits = l->bits;

    for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
        if (!memcmp(id, known[i].id, 4)) {
            *l = known[i].l;
            l->bits = l->bits ? l->bits : bits;
            return TRUE;
        }
    return FALSE;
}

static gboolean find_aiff(FILE *file, int compressed, struct uncompressed *u)
{
    struct layout l = { 1, 0, 0, 0, NULL };
    gint64 frames = -1;
    guint8 head[8], comm[22];

    for (int n = 0; n < MOST_CHUNKS && take(file, head, 8); n++) {
        const gint64 size = (gint64)number(head + 4, 4, 1);
        const gint64 used = compressed ? 22 : 18;

        if (!memcmp(head, "COMM", 4)) {
            if (size < used || !take(file, comm, used) || !skip(file, size + (size & 1) - used))
                return FALSE;
            u->channels = (int)number(comm, 2, 1);
            frames = (gint64)number(comm + 2, 4, 1);
            l.bits = (int)number(comm + 6, 2, 1);
            u->rate = (int)CLAMP(extended(comm + 8) + 0.5, 0, G_MAXINT);
            if ((compressed && !aiff_code(comm + 18, &l)) || !choose(u, &l))
                return FALSE;
        } else if (!memcmp(head, "SSND", 4) && size >= 8) {
            if (!take(file, comm, 8))
                return FALSE;
            u->offset = (gint64)ftello(file) + (gint64)number(comm, 4, 1);
            u->size = size - 8 - (gint64)number(comm, 4, 1);
            if (frames >= 0)
                break;
            if (!skip(file, size + (size & 1) - 8))
                return FALSE;
        } else if (!skip(file, size + (size & 1))) {
            return FALSE;
        }
    }
    if (frames < 0)
        return FALSE;
    u->size = MIN(u->size, frames * u->frame);
    return TRUE;
}

static gboolean find_caf(FILE *file, struct uncompressed *u)
{
    guint8 head[12], desc[32];
    gboolean described = FALSE;

    for (int n = 0; n < MOST_CHUNKS && take(file, head, 12); n++) {
        const gint64 size = (gint64)number(head + 4, 8, 1);

        if (!memcmp(head, "desc", 4)) {
            union { guint64 bits; double value; } rate;
            struct layout l = { 0 };

            if (size < 32 || !take(file, desc, 32) || !skip(file, size - 32))
                return FALSE;
            rate.bits = number(desc, 8, 1);
            u->rate = rate.value > 0 && rate.value < 1e9 ? (int)(rate.value + 0.5) : 0;
            l.is_float = desc[15] & 1;
            l.big = !(desc[15] & 2);
            l.law = !memcmp(desc + 8, "ulaw", 4) ? "MULAW"
                : !memcmp(desc + 8, "alaw", 4) ? "ALAW" : NULL;
            u->channels = (int)MIN(number(desc + 24, 4, 1), 1000);
            l.bits = (int)MIN(number(desc + 28, 4, 1), 1000);
            described = (l.law || !memcmp(desc + 8, "lpcm", 4)) && choose(u, &l);
            if (!described)
                return FALSE;
        } else if (!memcmp(head, "data", 4)) {
            if (!described || !skip(file, 4))
                return FALSE;
            u->offset = (gint64)ftello(file);
            u->size = size < 0 ? G_MAXINT64 : size - 4;       /* -1: up to the file's end */
            return TRUE;
        } else if (!skip(file, size)) {
            return FALSE;
        }
    }
    return FALSE;
}

static gboolean find_w64(FILE *file, struct uncompressed *u)
{
    guint8 head[24], fmt[40];
    gboolean described = FALSE;

    for (int n = 0; n < MOST_CHUNKS && take(file, head, 24); n++) {
        const guint64 all = number(head + 16, 8, 0);
        const gint64 size = all >= 24 && all < G_MAXINT64 / 2 ? (gint64)all - 24 : -1;

        if (!memcmp(head, "fmt ", 4)) {
            struct layout l = { 0 };
            const gint64 used = MIN(size, 40);
            int tag;

            memset(fmt, 0, sizeof(fmt));
            if (size < 16 || !take(file, fmt, (gsize)used) ||
                !skip(file, ((size + 7) & ~(gint64)7) - used))
                return FALSE;
            tag = (int)number(fmt, 2, 0);
            tag = tag == 0xfffe ? (int)number(fmt + 24, 2, 0) : tag;
            u->channels = (int)number(fmt + 2, 2, 0);
            u->rate = (int)MIN(number(fmt + 4, 4, 0), G_MAXINT);
            l.bits = (int)number(fmt + 14, 2, 0);
            l.is_unsigned = 1;
            l.is_float = tag == 3;
            l.law = tag == 6 ? "ALAW" : tag == 7 ? "MULAW" : NULL;
            described = (tag == 1 || tag == 3 || l.law) && choose(u, &l);
            if (!described)
                return FALSE;
        } else if (!memcmp(head, "data", 4)) {
            u->offset = (gint64)ftello(file);
            u->size = size;
            return described;
        } else if (!skip(file, size < 0 ? -1 : (size + 7) & ~(gint64)7)) {
            return FALSE;
        }
    }
    return FALSE;
}

gboolean uncompressed_find(FILE *file, struct uncompressed *u)
{
    guint8 head[40];
    gboolean found = FALSE;
    gint64 end;

    memset(u, 0, sizeof(*u));
    if (!take(file, head, 8))
        return FALSE;
    if (!memcmp(head, "FORM", 4) && take(file, head + 8, 4) && !memcmp(head + 8, "AIF", 3))
        found = find_aiff(file, head[11] == 'C', u);
    else if (!memcmp(head, "caff", 4))
        found = find_caf(file, u);
    else if (!memcmp(head, "riff", 4) && take(file, head + 8, 32) && !memcmp(head + 24, "wave", 4))
        found = find_w64(file, u);
    if (!found || fseeko(file, 0, SEEK_END) < 0)
        return FALSE;
    /* A file that was cut ends earlier than it says. */
    end = (gint64)ftello(file);
    u->size = MIN(u->size, end - u->offset) / u->frame * u->frame;
    return u->size > 0;
}
