/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export.c - see export.h. */
#include "export.h"

#include "error.h"

#include <json-glib/json-glib.h>

#include <stdlib.h>
#include <string.h>

static void put_int(JsonBuilder *b, const char *name, int value)
{
    json_builder_set_member_name(b, name);
    json_builder_add_int_value(b, value);
}

static void put_string(JsonBuilder *b, const char *name, const char *value)
{
    json_builder_set_member_name(b, name);
    json_builder_add_string_value(b, value);
}

static char *to_text(JsonBuilder *b)
{
    JsonNode *root = json_builder_get_root(b);
    char *text = json_to_string(root, FALSE);

    json_node_unref(root);
    g_object_unref(b);
    return text;
}

static char *config_text(const struct telu_config *c)
{
    JsonBuilder *b = json_builder_new();

    json_builder_begin_object(b);
    put_int(b, "enc_width", c->enc_width);
    put_int(b, "enc_blocks", c->enc_blocks);
    put_int(b, "dec_width", c->dec_width);
    put_int(b, "dec_blocks", c->dec_blocks);
    put_int(b, "kernel", c->kernel);
    put_int(b, "expand", c->expand);
    put_int(b, "latent", c->latent);
    put_int(b, "stages", c->stages);
    put_int(b, "codes", c->codes);
    json_builder_set_member_name(b, "dim");
    json_builder_begin_array(b);
    for (int s = 0; s < c->stages; s++)
        json_builder_add_int_value(b, c->dim[s]);
    json_builder_end_array(b);
    put_int(b, "env_stages", c->env_stages);
    json_builder_end_object(b);
    return to_text(b);
}

static void put_metadata(JsonBuilder *b, const struct telu_config *cfg,
                         const struct export_text *texts, int n_texts,
                         const char *id)
{
    char *config = config_text(cfg);

    json_builder_set_member_name(b, "__metadata__");
    json_builder_begin_object(b);
    put_string(b, "format", "telucodec");
    put_string(b, "version", "2");
    put_string(b, "config", config);
    put_string(b, "model_id", id);
    for (int i = 0; i < n_texts; i++)
        put_string(b, texts[i].key, texts[i].value);
    json_builder_end_object(b);
    g_free(config);
}

static void put_tensor(JsonBuilder *b, const struct telu_tensor *t, size_t *end)
{
    json_builder_set_member_name(b, t->name);
    json_builder_begin_object(b);
    put_string(b, "dtype", telu_dtype_name(t->dtype));
    json_builder_set_member_name(b, "shape");
    json_builder_begin_array(b);
    for (int d = 0; d < t->ndim; d++)
        json_builder_add_int_value(b, t->shape[d]);
    json_builder_end_array(b);
    json_builder_set_member_name(b, "data_offsets");
    json_builder_begin_array(b);
    json_builder_add_int_value(b, *end);
    *end += telu_tensor_bytes(t);
    json_builder_add_int_value(b, *end);
    json_builder_end_array(b);
    json_builder_end_object(b);
}

/* The header, filled up with spaces so that the tensors begin at a multiple of 8. */
static GString *header_text(const struct telu_config *cfg,
                            const struct telu_tensor *t, int count,
                            const struct export_text *texts, int n_texts,
                            const char *id)
{
    JsonBuilder *b = json_builder_new();
    GString *header;
    size_t end = 0;
    char *text;

    json_builder_begin_object(b);
    put_metadata(b, cfg, texts, n_texts, id);
    for (int i = 0; i < count; i++)
        put_tensor(b, &t[i], &end);
    json_builder_end_object(b);
    text = to_text(b);
    header = g_string_new(text);
    g_free(text);
    while (header->len % 8)
        g_string_append_c(header, ' ');
    return header;
}

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
    GChecksum *sum;
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
    t = telu_tensor_list(cfg, &expected);
    if (!t)
        return -1;

    sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (int i = 0; i < count; i++)
        g_checksum_update(sum, blobs[i].data, blobs[i].bytes);
    g_snprintf(id, 65, "%s", g_checksum_get_string(sum));
    g_checksum_free(sum);

    header = header_text(cfg, t, count, texts, n_texts, id);
    r = write_file(path, header, blobs, count);
    g_string_free(header, TRUE);
    free(t);
    return r;
}
