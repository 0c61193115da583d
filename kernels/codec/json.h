/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json.h - a strict reader of JSON (RFC 8259), made for the headers of safetensors files.
 *
 * The text is hostile input. The reader does not recurse; it refuses nesting deeper than
 * TELU_JSON_DEPTH, bytes that are not UTF-8, a key that an object has twice, an escaped
 * NUL and everything after the root. An error names the byte, counted from 0.
 */
#ifndef TELU_JSON_H
#define TELU_JSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_JSON_DEPTH 8

enum telu_json_kind {
    TELU_JSON_NULL, TELU_JSON_FALSE, TELU_JSON_TRUE,
    TELU_JSON_INT,             /* neither fraction nor exponent; below 2^64 */
    TELU_JSON_REAL,            /* any other number; its value is not kept */
    TELU_JSON_STRING, TELU_JSON_ARRAY, TELU_JSON_OBJECT
};

struct telu_json {
    enum telu_json_kind kind;
    int negative;              /* INT: has a minus sign */
    uint32_t count;            /* ARRAY, OBJECT: elements or members */
    uint32_t span;             /* nodes of this value, itself included */
    const char *key;           /* member of an object: its key, else NULL */
    const char *text;          /* STRING: UTF-8, escapes resolved */
    uint64_t number;           /* INT: magnitude */
};

struct telu_json_doc {
    struct telu_json *node;    /* in the order of the text; node[0] is the root */
    char *text;                /* all strings */
};

/* Reads text [n], an object; `what` begins the error text. 0, or -1 with nothing to free and
 * telu_error(): TELU_ERR_FORMAT or TELU_ERR_NO_MEMORY. */
int telu_json_parse(struct telu_json_doc *doc, const char *what, const char *text,
                    size_t n);
void telu_json_free(struct telu_json_doc *doc);

/* Value i of an array or object, i < count; and the value that follows v. */
const struct telu_json *telu_json_at(const struct telu_json *of, uint32_t i);
const struct telu_json *telu_json_next(const struct telu_json *v);

/* Member `key`; NULL when o is NULL, no object or has no such key. */
const struct telu_json *telu_json_member(const struct telu_json *o, const char *key);

/* Text of a string; NULL when v is NULL or no string. */
const char *telu_json_string(const struct telu_json *v);

/* Writes text as printable ASCII to out [size], for an error text: other bytes become \ooo, and
 * the end may be cut. Returns out. */
const char *telu_json_show(char *out, size_t size, const char *text);

#ifdef __cplusplus
}
#endif
#endif
