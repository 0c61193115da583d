/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack.c - see pack.h. */
#include "pack.h"

#include "error.h"
#include "export.h"
#include "json.h"

#include <glib.h>

#include <string.h>

/* Opens the header of a weight file, for telu_json_free(). */
static int read_header(struct telu_json_doc *doc, const char *path)
{
    char *bytes = NULL;
    gsize size = 0;
    guint64 n = 0;
    int r;

    if (!g_file_get_contents(path, &bytes, &size, NULL) || size < sizeof(n)) {
        g_free(bytes);
        return telu_fail_status(TELU_ERR_IO, "%s cannot be read, expected a weight file", path);
    }
    memcpy(&n, bytes, sizeof(n));
    n = GUINT64_FROM_LE(n);
    if (n > size - sizeof(n))
        r = telu_fail_status(TELU_ERR_FORMAT, "%s: its header has %zu bytes, expected %zu", path,
                             size - sizeof(n), (size_t)n);
    else
        r = telu_json_parse(doc, path, bytes + sizeof(n), n);
    g_free(bytes);
    return r;
}

/* Lists the free texts of a header, which owns them. */
static GArray *list_texts(const struct telu_json *root)
{
    const struct telu_json *meta = telu_json_member(root, "__metadata__"), *v;
    GArray *texts = g_array_new(FALSE, FALSE, sizeof(struct export_text));

    if (!meta || meta->kind != TELU_JSON_OBJECT)
        return texts;
    v = meta + 1;
    for (uint32_t i = 0; i < meta->count; i++, v = telu_json_next(v)) {
        const struct export_text text = { v->key, telu_json_string(v) };

        if (text.value && !export_own_key(text.key))
            g_array_append_val(texts, text);
    }
    return texts;
}

/* Puts the file's name before the error text. */
static int name_file(const char *path)
{
    char *why = g_strdup(telu_error());
    const int r = telu_fail_status(telu_error_status(), "%s: %s", path, why);

    g_free(why);
    return r;
}

/* Checks that the integers make the model of the floats: all that coding reads is in its arena. */
static int compare(const struct telu_model *m, const struct telu_weights *packed)
{
    struct telu_model *n = telu_weights_model(packed);
    int r = n ? 0 : -1;

    if (n && (m->arena_bytes != n->arena_bytes || memcmp(m->arena, n->arena, n->arena_bytes)))
        r = telu_fail("the integers make another model than the floats: nothing was written");
    telu_model_close(n);
    return r;
}

static int write_packed(const struct telu_weights *packed, const char *from, const char *to)
{
    struct telu_json_doc doc;
    GArray *texts;
    int r;

    if (read_header(&doc, from))
        return -1;
    texts = list_texts(doc.node);
    r = export_integers(to, packed, (const struct export_text *)(void *)texts->data,
                        (int)texts->len);
    g_array_unref(texts);
    telu_json_free(&doc);
    return r;
}

/* The model comes first: it checks the numbers that are then quantised. */
static int pack_open(const struct telu_weights *w, const char *from, const char *to)
{
    struct telu_model *m = telu_weights_model(w);
    struct telu_weights packed;
    int r;

    if (!m || telu_weights_pack(&packed, w)) {
        telu_model_close(m);
        return name_file(from);
    }
    r = compare(m, &packed) ? name_file(from) : write_packed(&packed, from, to);
    telu_weights_close(&packed);
    telu_model_close(m);
    return r;
}

int pack_weights(const char *from, const char *to, char id[65])
{
    struct telu_weights w;
    int r;

    if (telu_weights_open(&w, from))
        return -1;
    memcpy(id, w.id, sizeof(w.id));
    r = pack_open(&w, from, to);
    telu_weights_close(&w);
    return r;
}
