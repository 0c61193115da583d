/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export.c - see export.h. */
#include "export.h"

#include "error.h"

#include <glib.h>

#include <stdlib.h>
#include <string.h>

/* --- JSON, without blanks ------------------------------------------------- */

static void put_quoted(GString *s, const char *text)
{
    static const char from[] = "\b\f\n\r\t\\\"", to[] = "bfnrt\\\"";

    g_string_append_c(s, '"');
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        const char *is = strchr(from, c);

        if (is)
            g_string_append_printf(s, "\\%c", to[is - from]);
        else if (c < 0x20 || c == 0x7f)
            g_string_append_printf(s, "\\u%04x", c);
        else
            g_string_append_c(s, (char)c);
    }
    g_string_append_c(s, '"');
}

/* Writes a key, after a comma unless it is the object's first. */
static void put_key(GString *s, const char *key)
{
    if (s->str[s->len - 1] != '{')
        g_string_append_c(s, ',');
    put_quoted(s, key);
    g_string_append_c(s, ':');
}

static void put_int(GString *s, const char *key, int value)
{
    put_key(s, key);
    g_string_append_printf(s, "%d", value);
}

static void put_ints(GString *s, const char *key, const int *value, int n)
{
    put_key(s, key);
    for (int i = 0; i < n; i++)
        g_string_append_printf(s, "%c%d", i ? ',' : '[', value[i]);
    g_string_append_c(s, ']');
}

static void put_string(GString *s, const char *key, const char *value)
{
    put_key(s, key);
    put_quoted(s, value);
}

/* --- Header --------------------------------------------------------------- */

static char *config_text(const struct telu_config *c)
{
    GString *s = g_string_new("{");

#define FIELD(name, least, most) put_int(s, #name, c->name);
#define ARRAY(name) put_ints(s, #name, c->name, c->stages);
    TELU_CONFIG_FIELDS(FIELD, ARRAY)
#undef FIELD
#undef ARRAY
    g_string_append_c(s, '}');
    return g_string_free(s, FALSE);
}

static void put_metadata(GString *s, const struct telu_config *cfg,
                         const struct export_text *texts, int n_texts, const char *id)
{
    char *config = config_text(cfg);

    put_key(s, "__metadata__");
    g_string_append_c(s, '{');
    put_string(s, "format", "telucodec");
    put_string(s, "version", "4");
    put_string(s, "config", config);
    put_string(s, "model_id", id);
    for (int i = 0; i < n_texts; i++)
        put_string(s, texts[i].key, texts[i].value);
    g_string_append_c(s, '}');
    g_free(config);
}

static void put_tensor(GString *s, const struct telu_tensor *t, size_t *end)
{
    const size_t begin = *end;

    *end += telu_tensor_bytes(t);
    put_key(s, t->name);
    g_string_append_c(s, '{');
    put_string(s, "dtype", telu_dtype_name(t->dtype));
    put_ints(s, "shape", t->shape, t->ndim);
    put_key(s, "data_offsets");
    g_string_append_printf(s, "[%zu,%zu]}", begin, *end);
}

/* Returns the header, padded with spaces so that the tensors begin at a multiple of 8. */
static GString *header_text(const struct telu_config *cfg,
                            const struct telu_tensor *t, int count,
                            const struct export_text *texts, int n_texts,
                            const char *id)
{
    GString *s = g_string_new("{");
    size_t end = 0;

    put_metadata(s, cfg, texts, n_texts, id);
    for (int i = 0; i < count; i++)
        put_tensor(s, &t[i], &end);
    g_string_append_c(s, '}');
    while (s->len % 8)
        g_string_append_c(s, ' ');
    return s;
}

/* --- File ----------------------------------------------------------------- */

static int check_texts(const struct export_text *texts, int n_texts)
{
    static const char *const own[] = { "format", "version", "config", "model_id" };

    for (int i = 0; i < n_texts; i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(own); k++)
            if (!strcmp(texts[i].key, own[k]))
                return telu_fail("metadata key %s is the format's own", own[k]);
        for (int k = 0; k < i; k++)
            if (!strcmp(texts[i].key, texts[k].key))
                return telu_fail("metadata key %s stands twice", texts[i].key);
        if (!g_utf8_validate(texts[i].value, -1, NULL))
            return telu_fail("metadata %s is not UTF-8", texts[i].key);
    }
    return 0;
}

static int write_file(const char *path, const GString *header,
                      const struct telu_blob *blobs, int count)
{
    GByteArray *file = g_byte_array_new();
    GError *error = NULL;
    int r = 0;

    for (int i = 0; i < 8; i++) {
        const uint8_t byte = (uint64_t)header->len >> 8 * i;

        g_byte_array_append(file, &byte, 1);
    }
    g_byte_array_append(file, (const uint8_t *)header->str, header->len);
    for (int i = 0; i < count; i++)
        g_byte_array_append(file, blobs[i].data, blobs[i].bytes);

    if (!g_file_set_contents_full(path, (const char *)file->data, file->len,
                                  G_FILE_SET_CONTENTS_CONSISTENT |
                                  G_FILE_SET_CONTENTS_DURABLE, 0644, &error)) {
        r = telu_fail("%s", error->message);
        g_error_free(error);
    }
    g_byte_array_unref(file);
    return r;
}

int export_model(const char *path, const struct telu_config *cfg,
                 const struct telu_blob *blobs, int count,
                 const struct export_text *texts, int n_texts, char id[65])
{
    GString *header;
    struct telu_model *trial;
    struct telu_tensor *t;
    int expected, r;

    if (check_texts(texts, n_texts))
        return -1;
    trial = telu_model_build(cfg, blobs, count, NULL);
    if (!trial)
        return -1;
    telu_model_close(trial);
    t = telu_tensor_list(cfg, NULL, &expected);
    if (!t)
        return -1;

    telu_blobs_id(blobs, count, id);
    header = header_text(cfg, t, count, texts, n_texts, id);
    r = write_file(path, header, blobs, count);
    g_string_free(header, TRUE);
    free(t);
    return r;
}
