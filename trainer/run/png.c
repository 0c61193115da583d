/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* png.c - see png.h. */
#include "png.h"

#include "memory.h"
#include "tlc.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

static void put32(GByteArray *b, uint32_t v)
{
    const uint8_t bytes[4] = { v >> 24, v >> 16, v >> 8, v };

    g_byte_array_append(b, bytes, 4);
}

static void chunk(GByteArray *b, const char *type, const uint8_t *data, size_t n)
{
    guint begin;

    put32(b, (uint32_t)n);
    begin = b->len;
    g_byte_array_append(b, (const uint8_t *)type, 4);
    if (n)
        g_byte_array_append(b, data, (guint)n);
    put32(b, tlc_crc(b->data + begin, b->len - begin));
}

static GBytes *compress(const uint8_t *data, size_t n)
{
    GConverter *z =
        G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 9));
    GOutputStream *memory = g_memory_output_stream_new_resizable();
    GOutputStream *out = g_converter_output_stream_new(memory, z);
    GError *error = NULL;
    GBytes *packed;

    if (!g_output_stream_write_all(out, data, n, NULL, NULL, &error) ||
        !g_output_stream_close(out, NULL, &error))
        die("a picture: %s", error->message);
    packed = g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
    g_object_unref(out);
    g_object_unref(memory);
    g_object_unref(z);
    return packed;
}

GByteArray *png_make(const uint8_t *pixel, int width, int height,
                     const uint8_t colour[256][3])
{
    static const uint8_t magic[8] = { 137, 'P', 'N', 'G', '\r', '\n', 26, '\n' };
    size_t line = (size_t)width + 1;
    uint8_t *lines = zeroed(line * height);
    GByteArray *b = g_byte_array_new(), *head = g_byte_array_new();
    const uint8_t kind[5] = { 8, 3, 0, 0, 0 };     /* 8 bits, palette */
    GBytes *packed;

    for (int y = 0; y < height; y++)               /* each line: filter 0, pixels */
        memcpy(lines + y * line + 1, pixel + (size_t)y * width, width);
    packed = compress(lines, line * height);
    g_byte_array_append(b, magic, sizeof(magic));
    put32(head, (uint32_t)width);
    put32(head, (uint32_t)height);
    g_byte_array_append(head, kind, sizeof(kind));
    chunk(b, "IHDR", head->data, head->len);
    chunk(b, "PLTE", colour[0], 256 * 3);
    chunk(b, "IDAT", g_bytes_get_data(packed, NULL), g_bytes_get_size(packed));
    chunk(b, "IEND", NULL, 0);
    g_bytes_unref(packed);
    g_byte_array_unref(head);
    free(lines);
    return b;
}
