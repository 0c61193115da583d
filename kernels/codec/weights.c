/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights.c - weight file -> model: header, offsets and model id (FORMAT.md 2).
 *
 *   | u64 n | JSON header, n bytes | tensors' bytes ... |
 *
 * What the file claims is compared with what its config implies before anything of
 * that size is read, so a lie costs no memory.
 */
#include "weights.h"

#include "error.h"

#include <json-glib/json-glib.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HEADER (1 << 20)
#define MAX_DEPTH  8

/* Reads exactly n bytes. */
static int read_bytes(FILE *f, void *out, size_t n, const char *what)
{
    const size_t got = fread(out, 1, n, f);

    if (got == n)
        return 0;
    if (ferror(f))
        return telu_fail("%s: %s", what, g_strerror(errno));
    return telu_fail("%s ends after %zu bytes, expected %zu", what, got, n);
}

/* --- JSON --------------------------------------------------------------- */

/* json-glib recurses and takes more than JSON (comments, single quotes, "var x ="),
 * so depth and alphabet are checked before it sees the text. */
static int prescan(const char *what, const char *text, size_t n)
{
    int depth = 0, quoted = 0;

    if (!n || text[0] != '{')
        return telu_fail("%s: does not begin with '{', expected a JSON object", what);
    if (!g_utf8_validate(text, n, NULL))
        return telu_fail("%s: is not UTF-8, expected JSON", what);
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];

        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = 0;
            continue;
        }
        if (c == '"')
            quoted = 1;
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (!g_ascii_isalnum(c) && !strchr(" \t\r\n:,+-.", c))
            return telu_fail("%s: byte %zu is 0x%02x, expected JSON", what, i,
                             (unsigned char)c);
        if (depth > MAX_DEPTH)
            return telu_fail("%s: nested deeper than %d at byte %zu, expected less",
                             what, MAX_DEPTH, i);
    }
    return 0;
}

struct twice {
    GHashTable *seen;          /* "object address, key" */
    char *key;                 /* the first that came twice */
};

/* json-glib keeps the last of two equal keys; another reader may keep the first. */
static void on_member(JsonParser *parser, JsonObject *object, const char *key,
                      void *user)
{
    struct twice *t = user;

    (void)parser;
    if (!g_hash_table_add(t->seen, g_strdup_printf("%p %s", (void *)object, key)) &&
        !t->key)
        t->key = g_strescape(key, NULL);
}

/* The object that text holds; free with json_object_unref(). NULL on error. */
static JsonObject *parse(const char *what, const char *text, size_t n)
{
    struct twice twice = { 0 };
    GError *error = NULL;
    JsonParser *parser;
    JsonObject *object = NULL;
    JsonNode *root;

    if (prescan(what, text, n))
        return NULL;
    parser = json_parser_new();
    twice.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_signal_connect(parser, "object-member", G_CALLBACK(on_member), &twice);
    if (!json_parser_load_from_data(parser, text, n, &error)) {
        telu_fail("%s: %s, expected JSON", what, error->message);
        g_error_free(error);
    } else if (twice.key) {
        telu_fail("%s: key '%.60s' stands twice, expected once", what, twice.key);
    } else {
        root = json_parser_get_root(parser);
        if (root && JSON_NODE_HOLDS_OBJECT(root))
            object = json_node_dup_object(root);
        else
            telu_fail("%s: no object, expected a JSON object", what);
    }
    g_hash_table_unref(twice.seen);
    g_free(twice.key);
    g_object_unref(parser);
    return object;
}

static int get_int(JsonNode *node, gint64 *value)
{
    if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_INT64)
        return -1;
    *value = json_node_get_int(node);
    return 0;
}

static const char *get_string(JsonObject *o, const char *key)
{
    JsonNode *node = o ? json_object_get_member(o, key) : NULL;

    if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string(node);
}

/* --- Metadata ----------------------------------------------------------- */

static const struct {
    const char *name;
    size_t at;
} fields[] = {
    { "enc_width", offsetof(struct telu_config, enc_width) },
    { "enc_blocks", offsetof(struct telu_config, enc_blocks) },
    { "dec_width", offsetof(struct telu_config, dec_width) },
    { "dec_blocks", offsetof(struct telu_config, dec_blocks) },
    { "kernel", offsetof(struct telu_config, kernel) },
    { "expand", offsetof(struct telu_config, expand) },
    { "latent", offsetof(struct telu_config, latent) },
    { "stages", offsetof(struct telu_config, stages) },
    { "codes", offsetof(struct telu_config, codes) },
    { "env_stages", offsetof(struct telu_config, env_stages) },
};

static int read_fields(struct telu_config *cfg, JsonObject *o)
{
    gint64 v;

    memset(cfg, 0, sizeof(*cfg));
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (get_int(json_object_get_member(o, fields[i].name), &v) || v < 0 ||
            v > G_MAXINT)
            return telu_fail("config: %s is missing, negative or no int, expected a "
                             "number", fields[i].name);
        *(int *)((char *)cfg + fields[i].at) = v;
    }

    JsonNode *node = json_object_get_member(o, "dim");
    JsonArray *dim = node && JSON_NODE_HOLDS_ARRAY(node) ?
                     json_node_get_array(node) : NULL;
    const int n = dim ? json_array_get_length(dim) : 0;

    if (!dim)
        return telu_fail("config: dim is missing or no array, expected numbers");
    for (int s = 0; s < n && s < TELU_MAX_STAGES; s++) {
        if (get_int(json_array_get_element(dim, s), &v) || v < 0 || v > G_MAXINT)
            return telu_fail("config: dim[%d] is no int, expected a number", s);
        cfg->dim[s] = v;
    }
    if (json_object_get_size(o) != G_N_ELEMENTS(fields) + 1)
        return telu_fail("config: has %u fields, expected %zu",
                         json_object_get_size(o), G_N_ELEMENTS(fields) + 1);
    if (telu_config_check(cfg))
        return -1;
    if (n != cfg->stages)
        return telu_fail("config: dim has %d numbers, expected %d, one for each stage",
                         n, cfg->stages);
    return 0;
}

static int expect(JsonObject *meta, const char *key, const char *value)
{
    const char *is = get_string(meta, key);
    char *shown;

    if (is && !strcmp(is, value))
        return 0;
    shown = g_strescape(is ? is : "missing", NULL);
    telu_fail("__metadata__: %s is '%.60s', expected '%s'", key, shown, value);
    g_free(shown);
    return -1;
}

/* 1 or 2, or -1. */
static int read_version(JsonObject *meta)
{
    if (g_strcmp0(get_string(meta, "version"), "1") == 0)
        return 1;
    return expect(meta, "version", "2") ? -1 : 2;
}

static int read_metadata(JsonObject *root, struct telu_config *cfg, char id[65],
                         int *version)
{
    JsonNode *node = json_object_get_member(root, "__metadata__");
    JsonObject *meta = node && JSON_NODE_HOLDS_OBJECT(node) ?
                       json_node_get_object(node) : NULL;
    const char *text;
    JsonObject *config;
    int r;

    if (!meta)
        return telu_fail("__metadata__ is missing, expected an object of strings");
    if (expect(meta, "format", "telucodec"))
        return -1;
    *version = read_version(meta);
    if (*version < 0)
        return -1;

    text = get_string(meta, "model_id");
    if (!text || strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
        return telu_fail("__metadata__: model_id is missing or malformed, expected "
                         "64 lower-case hex digits");
    memcpy(id, text, 65);

    text = get_string(meta, "config");
    if (!text)
        return telu_fail("__metadata__: config is missing, expected JSON");
    config = parse("config", text, strlen(text));
    if (!config)
        return -1;
    r = read_fields(cfg, config);
    json_object_unref(config);
    return r;
}

/* --- Tensors ------------------------------------------------------------ */

struct place {
    const char *name;
    size_t begin, end;
};

static int by_begin(const void *a, const void *b)
{
    const struct place *p = a, *q = b;

    return (p->begin > q->begin) - (p->begin < q->begin);
}

/* Dtype, shape and offsets of one tensor. */
static int read_entry(JsonObject *root, const struct telu_tensor *t, size_t total,
                      struct place *p)
{
    JsonNode *node = json_object_get_member(root, t->name);
    JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node)
                                                         : NULL;
    const char *dtype = get_string(o, "dtype");
    JsonNode *shape = o ? json_object_get_member(o, "shape") : NULL;
    JsonNode *offsets = o ? json_object_get_member(o, "data_offsets") : NULL;
    JsonArray *a;
    gint64 v[2];

    if (!node)
        return telu_fail("tensor %s is missing, expected it in the header", t->name);
    if (!dtype || !shape || !JSON_NODE_HOLDS_ARRAY(shape) || !offsets ||
        !JSON_NODE_HOLDS_ARRAY(offsets) || json_object_get_size(o) != 3)
        return telu_fail("tensor %s: malformed, expected dtype, shape and "
                         "data_offsets", t->name);
    if (strcmp(dtype, telu_dtype_name(t->dtype))) {
        char *shown = g_strescape(dtype, NULL);

        telu_fail("tensor %s: dtype is '%.20s', expected %s", t->name, shown,
                  telu_dtype_name(t->dtype));
        g_free(shown);
        return -1;
    }

    a = json_node_get_array(shape);
    if ((int)json_array_get_length(a) != t->ndim)
        return telu_fail("tensor %s: shape has %u dimensions, expected %d", t->name,
                         json_array_get_length(a), t->ndim);
    for (int d = 0; d < t->ndim; d++) {
        if (get_int(json_array_get_element(a, d), &v[0]))
            return telu_fail("tensor %s: shape[%d] is no int, expected %d", t->name,
                             d, t->shape[d]);
        if (v[0] != t->shape[d])
            return telu_fail("tensor %s: shape[%d] is %" G_GINT64_FORMAT
                             ", expected %d", t->name, d, v[0], t->shape[d]);
    }

    a = json_node_get_array(offsets);
    if (json_array_get_length(a) != 2 ||
        get_int(json_array_get_element(a, 0), &v[0]) ||
        get_int(json_array_get_element(a, 1), &v[1]))
        return telu_fail("tensor %s: data_offsets malformed, expected two ints",
                         t->name);
    if (v[0] < 0 || v[1] < v[0] || (guint64)v[1] > total ||
        (guint64)(v[1] - v[0]) != telu_tensor_bytes(t))
        return telu_fail("tensor %s: data_offsets are %" G_GINT64_FORMAT " to %"
                         G_GINT64_FORMAT ", expected %zu bytes within %zu", t->name,
                         v[0], v[1], telu_tensor_bytes(t), total);
    *p = (struct place){ t->name, v[0], v[1] };
    return 0;
}

/* Sorts the places: each must begin where the one before ends. */
static int check_places(struct place *p, int count)
{
    size_t end = 0;

    qsort(p, count, sizeof(*p), by_begin);
    for (int i = 0; i < count; i++) {
        if (p[i].begin != end)
            return telu_fail("tensor %s: begins at byte %zu, expected %zu (no hole, "
                             "no overlap)", p[i].name, p[i].begin, end);
        end = p[i].end;
    }
    return 0;
}

/* Every tensor expected is there; this names one that is not expected. */
static int check_extra(JsonObject *root, const struct telu_tensor *t, int count)
{
    JsonObjectIter iter;
    const char *name;

    json_object_iter_init(&iter, root);
    while (json_object_iter_next(&iter, &name, NULL)) {
        int i = 0;

        while (i < count && strcmp(name, t[i].name))
            i++;
        if (i == count && strcmp(name, "__metadata__")) {
            char *shown = g_strescape(name, NULL);

            telu_fail("tensor '%.60s' is unknown, expected none of that name", shown);
            g_free(shown);
            return -1;
        }
    }
    return 0;
}

static int check_id(const struct telu_blob *blobs, int count, const char *id)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    int r = 0;

    for (int i = 0; i < count; i++)
        g_checksum_update(sum, blobs[i].data, blobs[i].bytes);
    if (strcmp(g_checksum_get_string(sum), id))
        r = telu_fail("model_id is %s, expected %s from the tensors: the file is "
                      "damaged", id, g_checksum_get_string(sum));
    g_checksum_free(sum);
    return r;
}

/* Version 1 had no tab.tilt, the last of the tensors: as if there were none. */
static const int16_t no_tilt[4 * TELU_BANDS];

static struct telu_model *read_tensors(FILE *f, JsonObject *root, int version,
                                       const struct telu_config *cfg, const char *id,
                                       const struct telu_tensor *t, int all)
{
    const int count = version == 1 ? all - 1 : all;
    struct place *place = g_new0(struct place, count);
    struct telu_blob *blobs = g_new0(struct telu_blob, all);
    struct telu_model *m = NULL;
    char *data = NULL;
    size_t total = 0;
    int r = 0;

    for (int i = 0; i < count; i++)
        total += telu_tensor_bytes(&t[i]);
    for (int i = 0; !r && i < count; i++) {
        r = read_entry(root, &t[i], total, &place[i]);
        blobs[i].bytes = telu_tensor_bytes(&t[i]);
    }
    if (!r) {
        data = malloc(total);
        if (!data)
            r = telu_fail("no memory for %zu bytes of tensors", total);
    }
    for (int i = 0; !r && i < count; i++)
        blobs[i].data = data + place[i].begin;
    if (!r)
        r = check_places(place, count);
    if (!r)
        r = check_extra(root, t, count);
    if (!r)
        r = read_bytes(f, data, total, "tensor data");
    if (!r && fgetc(f) != EOF)
        r = telu_fail("bytes after the last tensor, expected the end");
    if (!r)
        r = check_id(blobs, count, id);
    if (!r) {
        if (count < all)
            blobs[count] = (struct telu_blob){ no_tilt, sizeof(no_tilt) };
        m = telu_model_build(cfg, blobs, all, id);
    }
    free(data);
    g_free(blobs);
    g_free(place);
    return m;
}

/* --- File --------------------------------------------------------------- */

static JsonObject *read_header(FILE *f)
{
    uint8_t le[8];
    uint64_t n = 0;
    JsonObject *root = NULL;
    char *text;

    if (read_bytes(f, le, sizeof(le), "length of the header"))
        return NULL;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | le[i];
    if (n < 2 || n > MAX_HEADER) {
        telu_fail("length of the header is %" G_GUINT64_FORMAT
                  ", expected 2 to %d", n, MAX_HEADER);
        return NULL;
    }
    text = g_malloc0(n + 1);
    if (!read_bytes(f, text, n, "header"))
        root = parse("header", text, n);
    g_free(text);
    return root;
}

static struct telu_model *read_model(FILE *f)
{
    JsonObject *root = read_header(f);
    struct telu_model *m = NULL;
    struct telu_tensor *t;
    struct telu_config cfg;
    char id[65];
    int version = 0, count;

    if (!root)
        return NULL;
    if (!read_metadata(root, &cfg, id, &version)) {
        t = telu_tensor_list(&cfg, &count);
        if (t)
            m = read_tensors(f, root, version, &cfg, id, t, count);
        free(t);
    }
    json_object_unref(root);
    return m;
}

struct telu_model *telu_model_open(const char *path)
{
    const size_t n = strlen(path);
    const char *shown = n > 200 ? path + n - 200 : path;   /* keep the file's name */
    struct telu_model *m;
    char why[256];
    FILE *f = fopen(path, "rb");

    if (!f) {
        telu_fail("%s: %s, expected a weight file", shown, g_strerror(errno));
        return NULL;
    }
    m = read_model(f);
    fclose(f);
    if (!m) {
        snprintf(why, sizeof(why), "%s", telu_error());
        telu_fail("%s: %s", shown, why);
    }
    return m;
}
