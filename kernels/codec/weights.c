/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights.c - reads a weight file: header, offsets and model id (FORMAT.md 2).
 *
 *   | u64 n | JSON header, n bytes | tensors' bytes ... |
 *
 * The reader compares each size that the file claims with the one that its config implies,
 * before it reads or allocates anything of that size.
 */
#include "weights.h"

#include "error.h"
#include "json.h"
#include "sha256.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HEADER (1 << 20)
#define SHOWN      64          /* bytes of a name in an error text */
#define bad(...)   telu_fail_status(TELU_ERR_FORMAT, __VA_ARGS__)

/* Reads exactly n bytes. */
static int read_bytes(FILE *f, void *out, size_t n, const char *what)
{
    const size_t got = fread(out, 1, n, f);

    if (got == n)
        return 0;
    if (ferror(f))
        return telu_fail_status(TELU_ERR_IO, "%s: %s", what, strerror(errno));
    return bad("%s ends after %zu bytes, expected %zu", what, got, n);
}

/* --- Metadata ----------------------------------------------------------- */

static int get_int(const struct telu_json *v, int *value)
{
    if (!v || v->kind != TELU_JSON_INT || v->number > INT_MAX || (v->negative && v->number))
        return -1;
    *value = (int)v->number;
    return 0;
}

static int read_field(const struct telu_json *o, const char *name, int *value)
{
    return get_int(telu_json_member(o, name), value) ?
           bad("config: %s is missing, negative or no int, expected a number", name) : 0;
}

static int read_fields(struct telu_config *cfg, const struct telu_json *o)
{
    const struct telu_json *dim = telu_json_member(o, "dim");
    uint32_t fields = 0;

    memset(cfg, 0, sizeof(*cfg));
#define FIELD(name, least, most) \
    if (read_field(o, #name, &cfg->name)) \
        return -1; \
    fields++;
#define ARRAY(name) fields++;
    TELU_CONFIG_FIELDS(FIELD, ARRAY)
#undef FIELD
#undef ARRAY

    if (!dim || dim->kind != TELU_JSON_ARRAY)
        return bad("config: dim is missing or no array, expected numbers");
    for (uint32_t s = 0; s < dim->count && s < TELU_MAX_STAGES; s++)
        if (get_int(telu_json_at(dim, s), &cfg->dim[s]))
            return bad("config: dim[%u] is no int, expected a number", s);
    if (o->count != fields)
        return bad("config: has %u fields, expected %u", o->count, fields);
    if (telu_config_check(cfg))
        return -1;
    if (dim->count != (uint32_t)cfg->stages)
        return bad("config: dim has %u numbers, expected %d, one for each stage", dim->count,
                   cfg->stages);
    return 0;
}

static int read_config(struct telu_config *cfg, const char *text)
{
    struct telu_json_doc doc;
    int r;

    if (!text)
        return bad("__metadata__: config is missing, expected JSON");
    if (telu_json_parse(&doc, "config", text, strlen(text)))
        return -1;
    r = read_fields(cfg, doc.node);
    telu_json_free(&doc);
    return r;
}

/* Reads a SHA-256 in hex digits. */
static int read_id(char id[65], const struct telu_json *meta, const char *key)
{
    const char *is = telu_json_string(telu_json_member(meta, key));

    if (!is || strlen(is) != 64 || strspn(is, "0123456789abcdef") != 64)
        return bad("__metadata__: %s is missing or malformed, expected 64 lower-case hex digits",
                   key);
    memcpy(id, is, 65);
    return 0;
}

static int read_postnet_fields(struct telu_postnet_config *p, const struct telu_json *o)
{
    if (read_field(o, "width", &p->width) || read_field(o, "blocks", &p->blocks))
        return -1;
    if (o->count != 2)
        return bad("postnet: has %u fields, expected 2", o->count);
    return telu_postnet_config_check(p);
}

/* A file without the key has no post-network. */
static int read_postnet(struct telu_weights *w, const struct telu_json *meta)
{
    const char *text = telu_json_string(telu_json_member(meta, "postnet"));
    struct telu_json_doc doc;
    int r;

    if (!telu_json_member(meta, "postnet"))
        return 0;
    if (!text)
        return bad("__metadata__: postnet is no string, expected JSON");
    if (read_id(w->post_id, meta, "postnet_id") ||
        telu_json_parse(&doc, "postnet", text, strlen(text)))
        return -1;
    r = read_postnet_fields(&w->post, doc.node);
    telu_json_free(&doc);
    return r;
}

static int expect(const struct telu_json *meta, const char *key, const char *value,
                  enum telu_status status)
{
    const char *is = telu_json_string(telu_json_member(meta, key));
    char shown[SHOWN];

    if (is && !strcmp(is, value))
        return 0;
    return telu_fail_status(status, "__metadata__: %s is '%.60s', expected '%s'", key,
                            telu_json_show(shown, sizeof(shown), is ? is : "missing"), value);
}

/* Versions 1 and 2 belong to packets without levels, version 3 to codes of ten bits each; no stream
 * of today has them. */
static int read_version(const struct telu_json *meta, int *version)
{
    const char *is = telu_json_string(telu_json_member(meta, "version"));
    char shown[SHOWN];

    if (is && (!strcmp(is, "1") || !strcmp(is, "2") || !strcmp(is, "3")))
        return telu_fail_status(TELU_ERR_VERSION, "__metadata__: version is '%s', expected '4' or "
                                "'5': the weights belong to TeluCodec before 0.4; train them "
                                "again, or play their streams with that version", is);
    if (!is || (strcmp(is, "4") && strcmp(is, "5")))
        return telu_fail_status(TELU_ERR_VERSION, "__metadata__: version is '%.60s', expected '4' "
                                "or '5': a later TeluCodec may read it",
                                telu_json_show(shown, sizeof(shown), is ? is : "missing"));
    *version = is[0] - '0';
    return 0;
}

static int read_metadata(const struct telu_json *root, struct telu_weights *w)
{
    const struct telu_json *meta = telu_json_member(root, "__metadata__");

    if (!meta || meta->kind != TELU_JSON_OBJECT)
        return bad("__metadata__ is missing, expected an object of strings");
    if (expect(meta, "format", "telucodec", TELU_ERR_FORMAT))
        return -1;
    if (read_version(meta, &w->version))
        return -1;

    if (read_id(w->id, meta, "model_id") ||
        (w->version == TELU_WEIGHTS_INTEGERS && read_id(w->sum, meta, "weights_sha256")) ||
        read_config(&w->cfg, telu_json_string(telu_json_member(meta, "config"))))
        return -1;
    return read_postnet(w, meta);
}

/* --- Tensors ------------------------------------------------------------ */

struct range {
    const char *name;
    uint64_t begin, end;       /* in the tensors' bytes */
};

static int by_begin(const void *a, const void *b)
{
    const struct range *p = a, *q = b;

    return (p->begin > q->begin) - (p->begin < q->begin);
}

static int read_dtype(const char *dtype, const struct telu_tensor *t)
{
    char shown[SHOWN];

    if (!strcmp(dtype, telu_dtype_name(t->dtype)))
        return 0;
    return bad("tensor %s: dtype is '%.20s', expected %s", t->name,
               telu_json_show(shown, sizeof(shown), dtype), telu_dtype_name(t->dtype));
}

static int read_shape(const struct telu_json *a, const struct telu_tensor *t)
{
    if (a->count != (uint32_t)t->ndim)
        return bad("tensor %s: shape has %u dimensions, expected %d", t->name, a->count, t->ndim);
    for (int d = 0; d < t->ndim; d++) {
        const struct telu_json *v = telu_json_at(a, d);

        if (v->kind != TELU_JSON_INT)
            return bad("tensor %s: shape[%d] is no int, expected %d", t->name, d, t->shape[d]);
        if (v->negative || v->number != (uint64_t)t->shape[d])
            return bad("tensor %s: shape[%d] is %s%" PRIu64 ", expected %d", t->name, d,
                       v->negative ? "-" : "", v->number, t->shape[d]);
    }
    return 0;
}

static int read_offsets(const struct telu_json *a, const struct telu_tensor *t, size_t total,
                        struct range *p)
{
    const struct telu_json *v = telu_json_at(a, 0);

    if (a->count != 2 || v[0].kind != TELU_JSON_INT || v[1].kind != TELU_JSON_INT ||
        v[0].negative || v[1].negative)
        return bad("tensor %s: data_offsets malformed, expected two ints", t->name);
    *p = (struct range){ t->name, v[0].number, v[1].number };
    if (p->end < p->begin || p->end > total || p->end - p->begin != telu_tensor_bytes(t))
        return bad("tensor %s: data_offsets are %" PRIu64 " to %" PRIu64 ", expected %zu bytes "
                   "within %zu", t->name, p->begin, p->end, telu_tensor_bytes(t), total);
    return 0;
}

/* Checks dtype and shape of one tensor and reads its range. */
static int read_entry(const struct telu_json *root, const struct telu_tensor *t, size_t total,
                      struct range *p)
{
    const struct telu_json *o = telu_json_member(root, t->name);
    const char *dtype = telu_json_string(telu_json_member(o, "dtype"));
    const struct telu_json *shape = telu_json_member(o, "shape");
    const struct telu_json *offsets = telu_json_member(o, "data_offsets");

    if (!o)
        return bad("tensor %s is missing, expected it in the header", t->name);
    if (!dtype || !shape || shape->kind != TELU_JSON_ARRAY || !offsets ||
        offsets->kind != TELU_JSON_ARRAY || o->count != 3)
        return bad("tensor %s: malformed, expected dtype, shape and data_offsets", t->name);
    return read_dtype(dtype, t) || read_shape(shape, t) || read_offsets(offsets, t, total, p) ?
           -1 : 0;
}

/* Sorts the ranges: each must begin where the one before ends. */
static int check_ranges(struct range *p, int count)
{
    uint64_t end = 0;

    qsort(p, count, sizeof(*p), by_begin);
    for (int i = 0; i < count; i++) {
        if (p[i].begin != end)
            return bad("tensor %s: begins at byte %" PRIu64 ", expected %" PRIu64 " (no hole, "
                       "no overlap)", p[i].name, p[i].begin, end);
        end = p[i].end;
    }
    return 0;
}

/* Checks that the header has no unexpected tensor. */
static int check_extra(const struct telu_json *root, const struct telu_tensor *t, int count)
{
    const struct telu_json *v = root + 1;
    char shown[SHOWN];

    for (uint32_t k = 0; k < root->count; k++, v = telu_json_next(v))
        if (telu_tensor_find(t, count, v->key) < 0 && strcmp(v->key, "__metadata__"))
            return bad("tensor '%.60s' is unknown, expected none of that name",
                       telu_json_show(shown, sizeof(shown), v->key));
    return 0;
}

static int check_id(const char *key, const char *id, const char *expected)
{
    return !strcmp(id, expected) ? 0 : bad("%s is %s, expected %s from the tensors: the file is "
                                           "damaged", key, id, expected);
}

/* Checks the sums. The ids of integers are those of the floats that they were made from, which the
 * file lacks: the sum over all covers them. */
static int check_sums(const struct telu_weights *w)
{
    char is[65];

    if (w->version == TELU_WEIGHTS_INTEGERS) {
        telu_weights_sum(w, is);
        return check_id("weights_sha256", w->sum, is);
    }
    telu_blobs_id(w->blob, w->own, is);
    if (check_id("model_id", w->id, is))
        return -1;
    if (!w->post.blocks)
        return 0;
    telu_blobs_id(w->blob + w->own, w->count - w->own, is);
    return check_id("postnet_id", w->post_id, is);
}

void telu_weights_sum(const struct telu_weights *w, char sum[65])
{
    struct telu_sha256 s;

    telu_sha256_init(&s);
    telu_sha256_add(&s, w->id, strlen(w->id));
    telu_sha256_add(&s, w->post_id, strlen(w->post_id));
    for (int i = 0; i < w->count; i++)
        telu_sha256_add(&s, w->blob[i].data, w->blob[i].bytes);
    telu_sha256_hex(&s, sum);
}

void telu_blobs_id(const struct telu_blob *blobs, int count, char id[65])
{
    struct telu_sha256 sum;

    telu_sha256_init(&sum);
    for (int i = 0; i < count; i++)
        telu_sha256_add(&sum, blobs[i].data, blobs[i].bytes);
    telu_sha256_hex(&sum, id);
}

/* Reads the ranges of the file's tensors, and adds up their bytes. */
static int read_ranges(const struct telu_json *root, const struct telu_weights *w,
                       struct range *range, size_t *total)
{
    *total = 0;
    for (int i = 0; i < w->count; i++)
        *total += telu_tensor_bytes(&w->tensor[i]);
    for (int i = 0; i < w->count; i++)
        if (read_entry(root, &w->tensor[i], *total, &range[i]))
            return -1;
    return 0;
}

/* Checks that the file, as far as its size is known, holds the tensors that the header claims. */
static int check_size(FILE *f, size_t total)
{
    const off_t at = ftello(f);
    off_t end;

    if (at < 0 || fseeko(f, 0, SEEK_END))
        return 0;                          /* a pipe */
    end = ftello(f);
    if (end < at || fseeko(f, at, SEEK_SET))
        return telu_fail_status(TELU_ERR_IO, "tensor data: %s", strerror(errno));
    return (uint64_t)(end - at) >= total ? 0 :
           bad("tensor data ends after %jd bytes, expected %zu", (intmax_t)(end - at), total);
}

static int read_data(FILE *f, const struct telu_json *root, struct telu_weights *w,
                     struct range *range)
{
    const int crowded = root->count > 2u * (uint32_t)w->count;
    size_t total;

    /* Each tensor is looked for among all members of the header, so their number is bounded
     * first. Otherwise a missing tensor is the better reason. */
    if ((crowded && check_extra(root, w->tensor, w->count)) ||
        read_ranges(root, w, range, &total) || check_extra(root, w->tensor, w->count) ||
        check_size(f, total))
        return -1;
    w->data = malloc(total);
    if (!w->data)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for %zu bytes of tensors", total);
    for (int i = 0; i < w->count; i++)
        w->blob[i] = (struct telu_blob){ (char *)w->data + range[i].begin,
                                         telu_tensor_bytes(&w->tensor[i]) };
    if (check_ranges(range, w->count) || read_bytes(f, w->data, total, "tensor data"))
        return -1;
    if (fgetc(f) != EOF)
        return bad("bytes after the last tensor, expected the end");
    return check_sums(w);
}

static int read_tensors(FILE *f, const struct telu_json *root, struct telu_weights *w)
{
    struct range *range;
    int r;

    w->tensor = telu_tensor_list_of(w->version, &w->cfg, &w->post, &w->count);
    if (!w->tensor)
        return -1;
    w->own = telu_tensor_count_of(w->version, &w->cfg, NULL);
    w->blob = calloc(w->count, sizeof(*w->blob));
    range = calloc(w->count, sizeof(*range));
    r = w->blob && range ? read_data(f, root, w, range) :
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for %d tensors", w->count);
    free(range);
    return r;
}

/* --- File --------------------------------------------------------------- */

static int read_header(FILE *f, struct telu_json_doc *doc)
{
    uint8_t le[8];
    uint64_t n = 0;
    char *text;
    int r;

    if (read_bytes(f, le, sizeof(le), "length of the header"))
        return -1;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | le[i];
    if (n < 2 || n > MAX_HEADER)
        return bad("length of the header is %" PRIu64 ", expected 2 to %d", n, MAX_HEADER);
    text = malloc(n);
    if (!text)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a header");
    r = read_bytes(f, text, n, "header") ? -1 : telu_json_parse(doc, "header", text, n);
    free(text);
    return r;
}

static int read_parts(FILE *f, struct telu_weights *w)
{
    struct telu_json_doc doc;
    int r;

    if (read_header(f, &doc))
        return -1;
    r = read_metadata(doc.node, w) || read_tensors(f, doc.node, w) ? -1 : 0;
    telu_json_free(&doc);
    return r;
}

int telu_weights_read(struct telu_weights *w, FILE *f)
{
    memset(w, 0, sizeof(*w));
    if (!read_parts(f, w))
        return 0;
    telu_weights_close(w);
    return -1;
}

/* Puts the file's name before the error text; a value out of range is the file's fault. */
static void name_file(const char *path)
{
    const size_t n = strlen(path);
    const char *shown = n > 200 ? path + n - 200 : path;   /* keep the file's name */
    const enum telu_status status = telu_error_status();
    char why[256];

    snprintf(why, sizeof(why), "%s", telu_error());
    telu_fail_status(status == TELU_ERR_ARGUMENT ? TELU_ERR_FORMAT : status, "%s: %s", shown, why);
}

int telu_weights_open(struct telu_weights *w, const char *path)
{
    FILE *f = fopen(path, "rb");
    int r;

    memset(w, 0, sizeof(*w));
    if (f) {
        r = telu_weights_read(w, f);
        fclose(f);
    } else {
        r = telu_fail_status(TELU_ERR_IO, "%s, expected a weight file", strerror(errno));
    }
    if (r)
        name_file(path);
    return r;
}

void telu_weights_close(struct telu_weights *w)
{
    free(w->tensor);
    free(w->blob);
    free(w->data);
    memset(w, 0, sizeof(*w));
}

struct telu_model *telu_model_open(const char *path)
{
    struct telu_weights w;
    struct telu_model *m;

    if (telu_weights_open(&w, path))
        return NULL;
    m = telu_weights_model(&w);
    if (!m)
        name_file(path);
    telu_weights_close(&w);
    return m;
}
