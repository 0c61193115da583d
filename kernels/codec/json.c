/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json.c - see json.h. One loop, with an array of open objects and arrays, fills a flat list of
 * nodes, so no text can exhaust the call stack. */
#include "json.h"

#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *what, *in;
    size_t at, n;
    struct telu_json *node;
    size_t used, room;
    char *out;                 /* end of the strings so far */
    uint32_t open[TELU_JSON_DEPTH];        /* nodes not closed yet */
    int depth;
};

/* --- Bytes ---------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at s [n], shortest form and no surrogate; 0: there is none. */
static int utf8(const unsigned char *s, size_t n)
{
    const unsigned c = s[0];
    const int len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 :
                    c >= 0xf0 && c < 0xf5 ? 4 : 0;

    if (!len || (size_t)len > n)
        return 0;
    for (int i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) ||
        (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

static int all_utf8(const char *text, size_t n)
{
    for (size_t i = 0; i < n; ) {
        const int len = utf8((const unsigned char *)text + i, n - i);

        if (!len)
            return 0;
        i += len;
    }
    return 1;
}

static int wrong(const struct reader *r, const char *expected)
{
    if (r->at >= r->n)
        return telu_fail_status(TELU_ERR_FORMAT, "%s: ends after %zu bytes, expected %s",
                                r->what, r->n, expected);
    return telu_fail_status(TELU_ERR_FORMAT, "%s: byte %zu is 0x%02x, expected %s", r->what,
                            r->at, (unsigned char)r->in[r->at], expected);
}

/* The next byte; 0 at the end, which no JSON text holds outside a string. */
static char peek(const struct reader *r)
{
    return r->at < r->n ? r->in[r->at] : 0;
}

static int digit(const struct reader *r)
{
    return peek(r) >= '0' && peek(r) <= '9';
}

static void blanks(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\r' || peek(r) == '\n')
        r->at++;
}

/* --- Strings -------------------------------------------------------------- */

static int hex4(struct reader *r, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const char c = peek(r);

        if (c >= '0' && c <= '9')
            *value = *value << 4 | (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            *value = *value << 4 | (unsigned)((c | 32) - 'a' + 10);
        else
            return wrong(r, "a hex digit");
    }
    return 0;
}

/* Appends a code point in UTF-8; it is at most as long as its escape. */
static void put(struct reader *r, unsigned c)
{
    if (c < 0x80) {
        *r->out++ = (char)c;
        return;
    }
    if (c < 0x800) {
        *r->out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *r->out++ = (char)(0xe0 | c >> 12);
        } else {
            *r->out++ = (char)(0xf0 | c >> 18);
            *r->out++ = (char)(0x80 | (c >> 12 & 63));
        }
        *r->out++ = (char)(0x80 | (c >> 6 & 63));
    }
    *r->out++ = (char)(0x80 | (c & 63));
}

/* Reads the digits after "\u". */
static int code_point(struct reader *r)
{
    const size_t begin = r->at;
    unsigned c, low;

    if (hex4(r, &c))
        return -1;
    if (c >= 0xd800 && c < 0xdc00) {
        if (peek(r) != '\\' || r->at + 1 >= r->n || r->in[r->at + 1] != 'u')
            return wrong(r, "the second half of a surrogate pair");
        r->at += 2;
        if (hex4(r, &low))
            return -1;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        if (low < 0xdc00 || low > 0xdfff)
            c = 0;
    } else if (c >= 0xdc00 && c < 0xe000) {
        c = 0;
    }
    if (!c) {
        r->at = begin;
        return wrong(r, "a code point, neither NUL nor half of a surrogate pair");
    }
    put(r, c);
    return 0;
}

static int escape(struct reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char c = peek(r);
    const char *is = c ? strchr(from, c) : NULL;

    if (c == 'u') {
        r->at++;
        return code_point(r);
    }
    if (!is)
        return wrong(r, "an escape");
    *r->out++ = to[is - from];
    r->at++;
    return 0;
}

/* Reads the string at r->at, resolves its escapes and adds a NUL. NULL on error. */
static const char *string(struct reader *r)
{
    const char *begin = r->out;

    r->at++;
    while (peek(r) != '"') {
        if (r->at >= r->n || (unsigned char)peek(r) < 0x20) {
            wrong(r, "the rest of a string");
            return NULL;
        }
        if (peek(r) != '\\') {
            *r->out++ = r->in[r->at++];
            continue;
        }
        r->at++;
        if (escape(r))
            return NULL;
    }
    r->at++;
    *r->out++ = 0;
    return begin;
}

/* --- Values --------------------------------------------------------------- */

static int digits(struct reader *r)
{
    if (!digit(r))
        return wrong(r, "a digit");
    while (digit(r))
        r->at++;
    return 0;
}

static int number(struct reader *r, struct telu_json *v)
{
    v->kind = TELU_JSON_INT;
    v->negative = peek(r) == '-';
    r->at += v->negative;
    if (peek(r) == '0')
        r->at++;
    else if (!digit(r))
        return wrong(r, "a digit");
    else
        for (; digit(r); r->at++) {
            const unsigned d = (unsigned)(peek(r) - '0');

            if (v->number > (UINT64_MAX - d) / 10)
                v->kind = TELU_JSON_REAL;
            v->number = v->number * 10 + d;
        }
    if (peek(r) == '.') {
        v->kind = TELU_JSON_REAL;
        r->at++;
        if (digits(r))
            return -1;
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        v->kind = TELU_JSON_REAL;
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (digits(r))
            return -1;
    }
    return 0;
}

static int literal(struct reader *r, struct telu_json *v)
{
    static const struct { const char *text; enum telu_json_kind kind; } words[] = {
        { "null", TELU_JSON_NULL }, { "false", TELU_JSON_FALSE }, { "true", TELU_JSON_TRUE },
    };

    for (int i = 0; i < 3; i++) {
        const size_t n = strlen(words[i].text);

        if (r->n - r->at >= n && !memcmp(r->in + r->at, words[i].text, n)) {
            v->kind = words[i].kind;
            r->at += n;
            return 0;
        }
    }
    return wrong(r, "a JSON value");
}

static struct telu_json *new_node(struct reader *r)
{
    if (r->used == r->room) {
        const size_t room = r->room ? 2 * r->room : 64;
        struct telu_json *more = realloc(r->node, room * sizeof(*more));

        if (!more) {
            telu_fail_status(TELU_ERR_NO_MEMORY, "%s: no memory for %zu values", r->what, room);
            return NULL;
        }
        r->node = more;
        r->room = room;
    }
    memset(&r->node[r->used], 0, sizeof(*r->node));
    r->node[r->used].span = 1;
    return &r->node[r->used++];
}

static int value(struct reader *r, const char *key)
{
    struct telu_json *v = new_node(r);
    const char c = peek(r);

    if (!v)
        return -1;
    v->key = key;
    if (r->depth)
        r->node[r->open[r->depth - 1]].count++;
    if (c == '{' || c == '[') {
        if (r->depth == TELU_JSON_DEPTH)
            return telu_fail_status(TELU_ERR_FORMAT, "%s: nested deeper than %d at byte %zu, "
                                    "expected less", r->what, TELU_JSON_DEPTH, r->at);
        v->kind = c == '{' ? TELU_JSON_OBJECT : TELU_JSON_ARRAY;
        r->open[r->depth++] = (uint32_t)(r->used - 1);
        r->at++;
        return 0;
    }
    if (c == '"') {
        v->kind = TELU_JSON_STRING;
        v->text = string(r);
        return v->text ? 0 : -1;
    }
    if (c == '-' || digit(r))
        return number(r, v);
    return literal(r, v);
}

static int member(struct reader *r)
{
    const char *key;

    if (peek(r) != '"')
        return wrong(r, "a key");
    key = string(r);
    if (!key)
        return -1;
    blanks(r);
    if (peek(r) != ':')
        return wrong(r, "':'");
    r->at++;
    blanks(r);
    return value(r, key);
}

/* --- Objects -------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Checks for equal keys. Sorting keeps an object of many members cheap. */
static int check_keys(const struct reader *r, const struct telu_json *o)
{
    const char **key = malloc((o->count + 1) * sizeof(*key));
    const struct telu_json *v = o + 1;
    char shown[64];
    int bad = 0;

    if (!key)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "%s: no memory for %u keys", r->what,
                                o->count);
    for (uint32_t i = 0; i < o->count; i++, v = telu_json_next(v))
        key[i] = v->key;
    qsort(key, o->count, sizeof(*key), by_text);
    for (uint32_t i = 1; !bad && i < o->count; i++)
        if (!strcmp(key[i - 1], key[i]))
            bad = telu_fail_status(TELU_ERR_FORMAT, "%s: key '%.60s' stands twice, expected once",
                                   r->what, telu_json_show(shown, sizeof(shown), key[i]));
    free(key);
    return bad;
}

static int close_last(struct reader *r)
{
    const uint32_t i = r->open[--r->depth];
    struct telu_json *o = &r->node[i];

    r->at++;
    o->span = (uint32_t)(r->used - i);
    return o->kind == TELU_JSON_OBJECT ? check_keys(r, o) : 0;
}

/* Reads the next value of the innermost open array or object, or closes it. */
static int step(struct reader *r)
{
    const struct telu_json *o = &r->node[r->open[r->depth - 1]];
    const int object = o->kind == TELU_JSON_OBJECT;

    blanks(r);
    if (peek(r) == (object ? '}' : ']'))
        return close_last(r);
    if (o->count) {
        if (peek(r) != ',')
            return wrong(r, object ? "',' or '}'" : "',' or ']'");
        r->at++;
        blanks(r);
    }
    return object ? member(r) : value(r, NULL);
}

static int read_all(struct reader *r)
{
    if (value(r, NULL))
        return -1;
    while (r->depth)
        if (step(r))
            return -1;
    blanks(r);
    return r->at < r->n ? wrong(r, "the end") : 0;
}

int telu_json_parse(struct telu_json_doc *doc, const char *what, const char *text, size_t n)
{
    struct reader r = { .what = what, .in = text, .n = n };

    memset(doc, 0, sizeof(*doc));
    if (!n || text[0] != '{')
        return telu_fail_status(TELU_ERR_FORMAT, "%s: does not begin with '{', expected a JSON "
                                "object", what);
    if (n > UINT32_MAX / 2)
        return telu_fail_status(TELU_ERR_FORMAT, "%s: has %zu bytes, expected at most %u", what,
                                n, UINT32_MAX / 2);
    if (!all_utf8(text, n))
        return telu_fail_status(TELU_ERR_FORMAT, "%s: is not UTF-8, expected JSON", what);
    doc->text = r.out = malloc(n);         /* a string's NUL replaces its quotes */
    if (!doc->text)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "%s: no memory for %zu bytes", what, n);
    if (read_all(&r)) {
        free(r.node);
        free(doc->text);
        memset(doc, 0, sizeof(*doc));
        return -1;
    }
    doc->node = r.node;
    return 0;
}

void telu_json_free(struct telu_json_doc *doc)
{
    free(doc->node);
    free(doc->text);
    memset(doc, 0, sizeof(*doc));
}

/* --- Access --------------------------------------------------------------- */

const struct telu_json *telu_json_next(const struct telu_json *v)
{
    return v + v->span;
}

const struct telu_json *telu_json_at(const struct telu_json *of, uint32_t i)
{
    const struct telu_json *v = of + 1;

    while (i--)
        v = telu_json_next(v);
    return v;
}

const struct telu_json *telu_json_member(const struct telu_json *o, const char *key)
{
    const struct telu_json *v;

    if (!o || o->kind != TELU_JSON_OBJECT)
        return NULL;
    v = o + 1;
    for (uint32_t i = 0; i < o->count; i++, v = telu_json_next(v))
        if (!strcmp(v->key, key))
            return v;
    return NULL;
}

const char *telu_json_string(const struct telu_json *v)
{
    return v && v->kind == TELU_JSON_STRING ? v->text : NULL;
}

const char *telu_json_show(char *out, size_t size, const char *text)
{
    size_t n = 0;

    for (; *text && n + 5 <= size; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c >= 0x20 && c < 0x7f)
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, size - n, "\\%03o", c);
    }
    out[n] = 0;
    return out;
}
