/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tensor.c - the tensors of a weight file: sizes, order, and the check of their values. */
#include "weights.h"

#include "code.h"
#include "error.h"
#include "level.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int bytes;
} dtypes[] = {
    [TELU_F32] = { "F32", 4 }, [TELU_BF16] = { "BF16", 2 }, [TELU_I16] = { "I16", 2 },
    [TELU_U16] = { "U16", 2 }, [TELU_U8] = { "U8", 1 }, [TELU_I8] = { "I8", 1 },
};

const char *telu_dtype_name(enum telu_dtype d)
{
    return dtypes[d].name;
}

static size_t elements(const struct telu_tensor *t)
{
    return (size_t)t->shape[0] * t->shape[1] * t->shape[2];
}

size_t telu_tensor_bytes(const struct telu_tensor *t)
{
    return elements(t) * dtypes[t->dtype].bytes;
}

int telu_tensor_find(const struct telu_tensor *t, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(t[i].name, name))
            return i;
    return -1;
}

struct list {
    struct telu_tensor *t;     /* NULL: only count */
    int version;
    int count;
};

static void append_one(struct list *l, const struct telu_tensor *t)
{
    if (l->t)
        l->t[l->count] = *t;
    l->count++;
}

/* Appends integers, NAME.w, and the scales of their outputs, NAME.s. */
static void append_integers(struct list *l, const struct telu_tensor *matrix)
{
    struct telu_tensor w = *matrix, s = { .kind = TELU_WEIGHT, .dtype = TELU_F32, .ndim = 1 };

    w.dtype = TELU_I8;
    append_one(l, &w);
    memcpy(s.name, w.name, sizeof(s.name));
    s.name[strlen(s.name) - 1] = 's';
    s.shape[0] = w.shape[0];
    s.shape[1] = s.shape[2] = 1;
    append_one(l, &s);
}

static int append(void *user, const struct telu_tensor *t)
{
    struct list *l = user;

    if (l->version == TELU_WEIGHTS_INTEGERS && t->dtype == TELU_BF16)
        append_integers(l, t);
    else
        append_one(l, t);
    return 0;
}

static void append_all(struct list *l, const struct telu_config *cfg,
                       const struct telu_postnet_config *post)
{
    telu_config_tensors(cfg, append, l);
    if (post)
        telu_postnet_tensors(cfg, post, append, l);
}

int telu_tensor_count_of(int version, const struct telu_config *cfg,
                         const struct telu_postnet_config *post)
{
    struct list l = { .version = version };

    append_all(&l, cfg, post);
    return l.count;
}

struct telu_tensor *telu_tensor_list_of(int version, const struct telu_config *cfg,
                                        const struct telu_postnet_config *post, int *count)
{
    struct list l = { .version = version, .count = telu_tensor_count_of(version, cfg, post) };

    l.t = calloc(l.count, sizeof(*l.t));
    if (!l.t) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a list of %d tensors", l.count);
        return NULL;
    }
    l.count = 0;
    append_all(&l, cfg, post);
    *count = l.count;
    return l.t;
}

int telu_tensor_count(const struct telu_config *cfg, const struct telu_postnet_config *post)
{
    return telu_tensor_count_of(TELU_WEIGHTS_FLOATS, cfg, post);
}

struct telu_tensor *telu_tensor_list(const struct telu_config *cfg,
                                     const struct telu_postnet_config *post, int *count)
{
    return telu_tensor_list_of(TELU_WEIGHTS_FLOATS, cfg, post, count);
}

/* --- Value checks ------------------------------------------------------- */

/* Checks that floats are finite: not all bits of the exponent are set. */
static int check_floats(const struct telu_tensor *t, const uint8_t *at)
{
    const int bytes = dtypes[t->dtype].bytes;

    for (size_t i = 0; i < elements(t); i++) {
        uint16_t upper;

        memcpy(&upper, at + bytes * i + bytes - 2, 2);
        if ((upper & 0x7f80) == 0x7f80)
            return telu_fail("tensor %s: element %zu is not finite, expected a "
                             "number", t->name, i);
    }
    return 0;
}

/* Checks a table of frequencies, a row for each context. */
static int check_freq(const struct telu_tensor *t, const uint8_t *at)
{
    const int rows = t->shape[0], symbols = t->shape[1];

    for (int r = 0; r < rows; r++) {
        int sum = 0;

        for (int i = 0; i < symbols; i++, at += 2) {
            uint16_t f;

            memcpy(&f, at, sizeof(f));
            if (!f)
                return telu_fail("tensor %s: row %d has a zero at %d, expected 1 "
                                 "or more", t->name, r, i);
            sum += f;
        }
        if (sum != 1 << TELU_RANGE_BITS)
            return telu_fail("tensor %s: row %d adds up to %d, expected %d",
                             t->name, r, sum, 1 << TELU_RANGE_BITS);
    }
    return 0;
}

static int check_split(const struct telu_tensor *t, const uint8_t *at, int stages)
{
    for (size_t i = 0; i < elements(t); i++)
        if (at[i] > stages && at[i] != TELU_SPLIT_BASE_ONLY && at[i] != TELU_SPLIT_LEVELS)
            return telu_fail("tensor %s: element %zu is %d, expected 0 to %d, %d or %d",
                             t->name, i, at[i], stages, TELU_SPLIT_LEVELS,
                             TELU_SPLIT_BASE_ONLY);
    return 0;
}

static int check_group(const struct telu_tensor *t, const uint8_t *at)
{
    for (size_t i = 0; i < elements(t); i++)
        if (at[i] >= TELU_CODE_GROUPS)
            return telu_fail("tensor %s: element %zu is %d, expected 0 to %d", t->name, i, at[i],
                             TELU_CODE_GROUPS - 1);
    return 0;
}

/* A cost must not attract: a negative one would win over any distance; nor may it overflow. */
static int check_lambda(const struct telu_tensor *t, const uint8_t *at)
{
    for (size_t i = 0; i < elements(t); i++) {
        float v;

        memcpy(&v, at + i * sizeof(v), sizeof(v));
        if (v < 0.0f || (double)v > TELU_MOST_NUMBER)
            return telu_fail("tensor %s: element %zu is %g, expected 0 to %g", t->name, i,
                             (double)v, TELU_MOST_NUMBER);
    }
    return 0;
}

/* A scale is a magnitude; the name of no other tensor ends like that of scales. */
static int check_scale(const struct telu_tensor *t, const uint8_t *at)
{
    const char *end = t->name + strlen(t->name) - 2;

    for (size_t i = 0; !strcmp(end, ".s") && i < elements(t); i++) {
        float v;

        memcpy(&v, at + i * sizeof(v), sizeof(v));
        if (v < 0.0f)
            return telu_fail("tensor %s: element %zu is %g, expected a scale of 0 or more", t->name,
                             i, (double)v);
    }
    return 0;
}

/* No quantised weight is -128, so sums keep within what linear8.h states. */
static int check_integers(const struct telu_tensor *t, const uint8_t *at)
{
    const size_t n = elements(t);
    size_t i = 0;
    uint8_t any = 0;

    for (size_t k = 0; k < n; k++)     /* without a way out, so that it becomes vectors */
        any |= at[k] == 0x80;
    while (any && at[i] != 0x80)
        i++;
    return any ? telu_fail("tensor %s: element %zu is -128, expected -127 to 127", t->name, i) : 0;
}

int telu_tensor_check(const struct telu_config *cfg, const struct telu_tensor *t,
                      const struct telu_blob *blob)
{
    if (blob->bytes != telu_tensor_bytes(t))
        return telu_fail("tensor %s has %zu bytes, expected %zu", t->name,
                         blob->bytes, telu_tensor_bytes(t));
    if (t->dtype == TELU_F32 || t->dtype == TELU_BF16) {
        if (check_floats(t, blob->data))
            return -1;
        return strcmp(t->name, "tab.lambda") ? check_scale(t, blob->data) :
                                               check_lambda(t, blob->data);
    }
    if (t->dtype == TELU_I8)
        return check_integers(t, blob->data);
    if (!strcmp(t->name, "tab.freq") || !strcmp(t->name, "tab.level") ||
        !strcmp(t->name, "tab.code"))
        return check_freq(t, blob->data);
    if (!strcmp(t->name, "tab.group"))
        return check_group(t, blob->data);
    if (!strcmp(t->name, "tab.split"))
        return check_split(t, blob->data, cfg->stages);
    return 0;
}
