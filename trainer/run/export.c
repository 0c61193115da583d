/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export.c - see export.h. */
#include "export.h"

#include "disk.h"
#include "error.h"
#include "json_put.h"

#include <errno.h>
#include <glib.h>

#include <stdlib.h>
#include <string.h>

/* --- Header --------------------------------------------------------------- */

static char *config_text(const struct telu_config *c)
{
    GString *s = g_string_new("{");

#define FIELD(name, least, most) json_put_int(s, #name, c->name);
#define ARRAY(name) json_put_ints(s, #name, c->name, c->stages);
    TELU_CONFIG_FIELDS(FIELD, ARRAY)
#undef FIELD
#undef ARRAY
    g_string_append_c(s, '}');
    return g_string_free(s, FALSE);
}

static char *postnet_text(const struct telu_postnet_config *p)
{
    GString *s = g_string_new("{");

    json_put_int(s, "width", p->width);
    json_put_int(s, "blocks", p->blocks);
    g_string_append_c(s, '}');
    return g_string_free(s, FALSE);
}

/* A model as its file describes it. */
struct description {
    int version;
    const struct telu_config *cfg;
    const struct telu_postnet_config *post;        /* NULL: none */
    const struct export_text *texts;
    int n_texts;
    char id[65], post_id[65];
    const char *sum;           /* of integers; NULL: floats */
};

static void put_metadata(GString *s, const struct description *d)
{
    char *config = config_text(d->cfg), *post = d->post ? postnet_text(d->post) : NULL;

    json_put_key(s, "__metadata__");
    g_string_append_c(s, '{');
    json_put_string(s, "format", "telucodec");
    json_put_string(s, "version", d->version == TELU_WEIGHTS_INTEGERS ? "5" : "4");
    json_put_string(s, "config", config);
    json_put_string(s, "model_id", d->id);
    if (post) {
        json_put_string(s, "postnet", post);
        json_put_string(s, "postnet_id", d->post_id);
    }
    if (d->sum)
        json_put_string(s, "weights_sha256", d->sum);
    for (int i = 0; i < d->n_texts; i++)
        json_put_string(s, d->texts[i].key, d->texts[i].value);
    g_string_append_c(s, '}');
    g_free(config);
    g_free(post);
}

static void put_tensor(GString *s, const struct telu_tensor *t, size_t *end)
{
    const size_t begin = *end;

    *end += telu_tensor_bytes(t);
    json_put_key(s, t->name);
    g_string_append_c(s, '{');
    json_put_string(s, "dtype", telu_dtype_name(t->dtype));
    json_put_ints(s, "shape", t->shape, t->ndim);
    json_put_key(s, "data_offsets");
    g_string_append_printf(s, "[%zu,%zu]}", begin, *end);
}

/* Returns the header, padded with spaces so that the tensors begin at a multiple of 8. */
static GString *header_text(const struct description *d, const struct telu_tensor *t, int count)
{
    GString *s = g_string_new("{");
    size_t end = 0;

    put_metadata(s, d);
    for (int i = 0; i < count; i++)
        put_tensor(s, &t[i], &end);
    g_string_append_c(s, '}');
    while (s->len % 8)
        g_string_append_c(s, ' ');
    return s;
}

/* --- File ----------------------------------------------------------------- */

int export_own_key(const char *key)
{
    static const char *const own[] = { "format", "version", "config", "model_id", "postnet",
                                       "postnet_id", "weights_sha256" };

    for (size_t k = 0; k < G_N_ELEMENTS(own); k++)
        if (!strcmp(key, own[k]))
            return 1;
    return 0;
}

static int check_texts(const struct export_text *texts, int n_texts)
{
    for (int i = 0; i < n_texts; i++) {
        if (export_own_key(texts[i].key))
            return telu_fail("metadata key %s is the format's own", texts[i].key);
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
    int r = 0;

    for (int i = 0; i < 8; i++) {
        const uint8_t byte = (uint64_t)header->len >> 8 * i;

        g_byte_array_append(file, &byte, 1);
    }
    g_byte_array_append(file, (const uint8_t *)header->str, header->len);
    for (int i = 0; i < count; i++)
        g_byte_array_append(file, blobs[i].data, blobs[i].bytes);

    if (disk_replace(path, file->data, file->len))
        r = telu_fail("%s: %s", path, strerror(errno));
    g_byte_array_unref(file);
    return r;
}

int export_model(const char *path, const struct telu_config *cfg,
                 const struct telu_postnet_config *post,
                 const struct telu_blob *blobs, int count,
                 const struct export_text *texts, int n_texts, char id[65])
{
    struct description d = { TELU_WEIGHTS_FLOATS, cfg, post && post->blocks ? post : NULL, texts,
                             n_texts, "", "", NULL };
    GString *header;
    struct telu_model *trial;
    struct telu_tensor *t;
    int expected, own, r;

    if (check_texts(texts, n_texts))
        return -1;
    trial = telu_model_build_post(cfg, d.post, blobs, count, NULL);
    if (!trial)
        return -1;
    telu_model_close(trial);
    own = telu_tensor_count(cfg, NULL);
    t = telu_tensor_list(cfg, d.post, &expected);
    if (!t)
        return -1;

    telu_blobs_id(blobs, own, d.id);
    telu_blobs_id(blobs + own, count - own, d.post_id);
    memcpy(id, d.id, sizeof(d.id));
    header = header_text(&d, t, count);
    r = write_file(path, header, blobs, count);
    g_string_free(header, TRUE);
    free(t);
    return r;
}

int export_integers(const char *path, const struct telu_weights *w,
                    const struct export_text *texts, int n_texts)
{
    struct description d = { w->version, &w->cfg, w->post.blocks ? &w->post : NULL, texts, n_texts,
                             "", "", w->sum };
    GString *header;
    int r;

    if (check_texts(texts, n_texts))
        return -1;
    memcpy(d.id, w->id, sizeof(d.id));
    memcpy(d.post_id, w->post_id, sizeof(d.post_id));
    header = header_text(&d, w->tensor, w->count);
    r = write_file(path, header, w->blob, w->count);
    g_string_free(header, TRUE);
    return r;
}
