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
    [TELU_U16] = { "U16", 2 }, [TELU_U8] = { "U8", 1 },
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

struct list {
    struct telu_tensor *t;
    int count;
};

static int append(void *user, const struct telu_tensor *t)
{
    struct list *l = user;

    if (l->t)
        l->t[l->count] = *t;
    l->count++;
    return 0;
}

static void append_all(struct list *l, const struct telu_config *cfg,
                       const struct telu_postnet_config *post)
{
    telu_config_tensors(cfg, append, l);
    if (post)
        telu_postnet_tensors(cfg, post, append, l);
}

int telu_tensor_count(const struct telu_config *cfg, const struct telu_postnet_config *post)
{
    struct list l = { 0 };

    append_all(&l, cfg, post);
    return l.count;
}

struct telu_tensor *telu_tensor_list(const struct telu_config *cfg,
                                     const struct telu_postnet_config *post, int *count)
{
    struct list l = { .count = telu_tensor_count(cfg, post) };

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

int telu_tensor_check(const struct telu_config *cfg, const struct telu_tensor *t,
                      const struct telu_blob *blob)
{
    if (blob->bytes != telu_tensor_bytes(t))
        return telu_fail("tensor %s has %zu bytes, expected %zu", t->name,
                         blob->bytes, telu_tensor_bytes(t));
    if (t->dtype == TELU_F32 || t->dtype == TELU_BF16) {
        if (check_floats(t, blob->data))
            return -1;
        return strcmp(t->name, "tab.lambda") ? 0 : check_lambda(t, blob->data);
    }
    if (!strcmp(t->name, "tab.freq") || !strcmp(t->name, "tab.level") ||
        !strcmp(t->name, "tab.code"))
        return check_freq(t, blob->data);
    if (!strcmp(t->name, "tab.group"))
        return check_group(t, blob->data);
    if (!strcmp(t->name, "tab.split"))
        return check_split(t, blob->data, cfg->stages);
    return 0;
}
