/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_header.h - the header of a weight file as text, and its edits; see fuzz_edits.h. */
#ifndef FUZZ_HEADER_H
#define FUZZ_HEADER_H

#include "fuzz_tensors.h"

#include <ctype.h>
#include <stdarg.h>

/* Texts that mean something in JSON. */
static const char *const edits_put[] = {
    "\"", "\\", "\\u0000", "\\ud800", "\\ud83d\\ude00", "{", "}", "[", "]", ",", ":", "-",
    "0", "1e9", ".", "18446744073709551615", "18446744073709551616", "null", "true", " ",
    "\xff", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "[[[[[[[[[", "\"dim\":[]", "",
};
#define EDITS_PUT (sizeof(edits_put) / sizeof(*edits_put))

/* Replaces `cut` bytes at `at` of text [n] by put [k]; returns the new length. */
static inline size_t edits_splice(void *to, size_t n, size_t at, size_t cut, const void *put,
                                  size_t k)
{
    uint8_t *text = to;

    cut = cut < n - at ? cut : n - at;
    memmove(text + at + k, text + at + cut, n - at - cut);
    memcpy(text + at, put, k);
    return n - cut + k;
}

__attribute__((format(printf, 2, 3)))
static inline void edits_say(struct edits *e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    e->n += (size_t)vsnprintf(e->header + e->n, sizeof(e->header) - e->n, format, args);
    va_end(args);
    promise(e->n < sizeof(e->header) / 2, "a header too long", (double)e->n);
}

static inline void edits_write(struct edits *e)
{
    const struct telu_config *c = &e->w.cfg;
    size_t at = 0;

    e->n = 0;
    edits_say(e, "{\"__metadata__\":{\"format\":\"telucodec\",\"version\":\"%d\","
              "\"model_id\":\"%s\",\"config\":\"{", e->w.version, e->w.id);
#define EDITS_INT(name, least, most) edits_say(e, "\\\"" #name "\\\":%d,", c->name);
#define EDITS_LIST(name)
    TELU_CONFIG_FIELDS(EDITS_INT, EDITS_LIST)
    edits_say(e, "\\\"dim\\\":[%d", c->dim[0]);
    for (int s = 1; s < c->stages; s++)
        edits_say(e, ",%d", c->dim[s]);
    edits_say(e, "]}\"");
    if (e->w.version == TELU_WEIGHTS_INTEGERS)
        edits_say(e, ",\"weights_sha256\":\"%s\"", e->w.sum);
    if (e->w.post.blocks)
        edits_say(e, ",\"postnet\":\"{\\\"width\\\":%d,\\\"blocks\\\":%d}\",\"postnet_id\":\"%s\"",
                  e->w.post.width, e->w.post.blocks, e->w.post_id);
    edits_say(e, "}");
    for (int i = 0; i < e->w.count; i++) {
        const struct telu_tensor *t = &e->w.tensor[e->order[i]];

        edits_say(e, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%d", t->name, telu_dtype_name(t->dtype),
                  t->shape[0]);
        for (int d = 1; d < t->ndim; d++)
            edits_say(e, ",%d", t->shape[d]);
        edits_say(e, "],\"data_offsets\":[%zu,%zu]}", at, at + telu_tensor_bytes(t));
        at += telu_tensor_bytes(t);
    }
    edits_say(e, "}");
}

static inline void edits_replace(struct edits *e, struct input *in, int listed)
{
    const size_t at = edits_take(in, 2) % e->n, cut = take_byte(in) % 32;
    size_t k = listed ? 0 : take_byte(in) % 32;
    const char *put = listed ? edits_put[take_byte(in) % EDITS_PUT] : (const char *)take(in, &k);

    k = listed ? strlen(put) : k;
    if (e->n + k < sizeof(e->header))
        e->n = edits_splice(e->header, e->n, at, cut, put, k);
}

static inline void edits_number(struct edits *e, struct input *in)
{
    static const char *const special[] = { "0", "1", "-1", "-0", "2147483648", "4294967296",
                                           "18446744073709551615", "1.0", "007", "" };
    unsigned which = edits_take(in, 2) % 4096, what = take_byte(in);
    size_t at = 0, k = 0;
    char put[32];

    for (size_t i = 0; i < e->n; i += k) {
        for (k = 0; i + k < e->n && isdigit((unsigned char)e->header[i + k]); k++)
            ;
        if (k && !which--) {
            at = i;
            break;
        }
        k += !k;
    }
    if (!at || e->n + sizeof(put) > sizeof(e->header))
        return;
    if (what < 10)
        strcpy(put, special[what]);
    else
        snprintf(put, sizeof(put), "%llu", strtoull(e->header + at, NULL, 10) + what - 128);
    e->n = edits_splice(e->header, e->n, at, k, put, strlen(put));
}

#endif
