/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_json.c - texts that the JSON reader takes and refuses; SHA-256 by published vectors. */
#include "json.h"
#include "sha256.h"
#include "telu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures;

#define CHECK(cond, ...) \
    do { \
        if (!(cond)) { \
            printf(__VA_ARGS__); \
            printf("\n"); \
            failures++; \
        } \
    } while (0)

static void check_refused(void)
{
    static const struct { const char *text, *word; } list[] = {
        { "", "begin" }, { " {}", "begin" }, { "[]", "begin" }, { "{", "ends after 1 bytes" },
        { "{}x", "byte 2 is 0x78, expected the end" }, { "{} {}", "byte 3" },
        { "{\"a\"}", "byte 4" }, { "{\"a\":}", "byte 5" }, { "{\"a\":1,}", "byte 7" },
        { "{,}", "byte 1" }, { "{a:1}", "byte 1" }, { "{'a':1}", "byte 1" },
        { "{\"a\":01}", "byte 6" }, { "{\"a\":1.}", "a digit" }, { "{\"a\":.5}", "byte 5" },
        { "{\"a\":+1}", "byte 5" }, { "{\"a\":1e}", "a digit" }, { "{\"a\":-}", "a digit" },
        { "{\"a\":nul}", "byte 5" }, { "{\"a\":nulll}", "byte 9" }, { "{\"a\":NaN}", "byte 5" },
        { "{\"a\":[1 2]}", "byte 8" }, { "{\"a\":[1,]}", "byte 8" }, { "{\"a\":[}", "byte 6" },
        { "{\"a\":[1}", "byte 7" }, { "{\"a\":\"\t\"}", "byte 6 is 0x09" },
        { "{\"a\":\"\\x\"}", "an escape" }, { "{\"a\":\"\\u12g4\"}", "a hex digit" },
        { "{\"a\":\"\\u0000\"}", "NUL" }, { "{\"a\":\"\\ud800\"}", "surrogate" },
        { "{\"a\":\"\\ud800\\u0041\"}", "surrogate" }, { "{\"a\":\"\\udc00\"}", "surrogate" },
        { "{\"a\":\"\\", "an escape" }, { "{\"a\":\"", "ends after 6" },
        { "{\"a\":1,\"a\":2}", "'a' stands twice" }, { "{\"a\":1,\"\\u0061\":2}", "twice" },
        { "{\"x\":{\"b\":1,\"c\":{},\"b\":2}}", "'b' stands twice" },
        { "{\"\xff\":1}", "UTF-8" }, { "{\"\xc0\x80\":1}", "UTF-8" },
        { "{\"\xed\xa0\x80\":1}", "UTF-8" }, { "{\"\xf4\x90\x80\x80\":1}", "UTF-8" },
        { "{\"\xe2\x82\"", "UTF-8" }, { "{\"a\":[[[[[[[[1]]]]]]]]}", "deeper" },
    };
    struct telu_json_doc doc;

    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        const size_t n = strlen(list[i].text);
        char *exact = malloc(n + !n);          /* so that a sanitizer sees a read too far */

        memcpy(exact, list[i].text, n);
        CHECK(telu_json_parse(&doc, "text", exact, n) && telu_error_status() == TELU_ERR_FORMAT &&
              !doc.node, "'%s' was taken", list[i].text);
        CHECK(strstr(telu_error(), list[i].word), "'%s': '%s' lacks '%s'", list[i].text,
              telu_error(), list[i].word);
        free(exact);
    }
    CHECK(telu_json_parse(&doc, "text", "{\"a\0b\":1}", 9), "a NUL was taken");
}

static void check_taken(void)
{
    static const char text[] = " \t\r\n\"\\u0062\": [ 1 , -2, 18446744073709551615, "
        "18446744073709551616, 1.5, 0, -0e1, true, false, null ] ,\"s\":"
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\ud83d\\ude00\xc3\xa9\", \"o\":{},\"l\":[] } \n";
    static const enum telu_json_kind kind[] = {
        TELU_JSON_INT, TELU_JSON_INT, TELU_JSON_INT, TELU_JSON_REAL, TELU_JSON_REAL,
        TELU_JSON_INT, TELU_JSON_REAL, TELU_JSON_TRUE, TELU_JSON_FALSE, TELU_JSON_NULL,
    };
    char whole[sizeof(text) + 1], shown[16];
    const struct telu_json *a;
    struct telu_json_doc doc;

    snprintf(whole, sizeof(whole), "{%s", text);
    if (telu_json_parse(&doc, "text", whole, strlen(whole))) {
        CHECK(0, "%s", telu_error());
        return;
    }
    a = telu_json_member(doc.node, "b");
    CHECK(doc.node->count == 4 && a && a->count == 10, "counts");
    for (uint32_t i = 0; a && i < a->count; i++)
        CHECK(telu_json_at(a, i)->kind == kind[i], "kind of element %u", i);
    CHECK(telu_json_at(a, 1)->negative && telu_json_at(a, 1)->number == 2, "-2");
    CHECK(telu_json_at(a, 2)->number == UINT64_MAX, "2^64 - 1");
    CHECK(!strcmp(telu_json_string(telu_json_member(doc.node, "s")),
                  "\"\\/\b\f\n\r\t\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9"), "string");
    CHECK(telu_json_member(doc.node, "l")->kind == TELU_JSON_ARRAY &&
          !telu_json_member(doc.node, "l")->count, "empty array");
    CHECK(!telu_json_member(a, "b") && !telu_json_member(NULL, "b") &&
          !telu_json_member(doc.node, "B") && !telu_json_string(a), "nothing there");
    CHECK(!strcmp(telu_json_show(shown, sizeof(shown), "a\n\xc3"), "a\\012\\303"), "%s", shown);
    CHECK(!strcmp(telu_json_show(shown, 8, "abcdefgh"), "abcd"), "%s", shown);
    telu_json_free(&doc);
}

/* FIPS 180-4's examples (NIST, "SHA256.pdf"), and every way to split an input. */
static void check_sha256(int plain)
{
    static const struct { const char *text; int times; const char *hex; } list[] = {
        { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "aaaaaaaaaa", 100000,
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
    };
    struct telu_sha256 s;
    char hex[65], whole[65];
    uint8_t data[200];

    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        telu_sha256_init(&s);
        s.plain = plain;
        for (int k = 0; k < list[i].times; k++)
            telu_sha256_add(&s, list[i].text, strlen(list[i].text));
        telu_sha256_hex(&s, hex);
        CHECK(!strcmp(hex, list[i].hex), "sha256 %zu: %s", i, hex);
    }
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(7 * i);
    telu_sha256_init(&s);
    s.plain = plain;
    telu_sha256_add(&s, data, sizeof(data));
    telu_sha256_hex(&s, whole);
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        telu_sha256_init(&s);
        s.plain = plain;
        telu_sha256_add(&s, data, cut);
        telu_sha256_add(&s, data + cut, sizeof(data) - cut);
        telu_sha256_hex(&s, hex);
        CHECK(!strcmp(hex, whole), "sha256 split at %zu", cut);
    }
}

/* --- Work --------------------------------------------------------------- */

#define PAIRS 14               /* pairs of letters in a key */
#define KEYS  (1 << PAIRS)

/* Parses an object of KEYS keys of 2 PAIRS letters; each pair is `a` or `b`, or if `mixed` of
 * letters that differ from key to key. Returns the least seconds of three runs. */
static double seconds_of(const char *a, const char *b, int mixed)
{
    char *text = malloc(KEYS * (2 * PAIRS + 5) + 2), *at = text;
    struct telu_json_doc doc;
    double least = 1e9;
    unsigned r = 1;

    *at++ = '{';
    for (int k = 0; k < KEYS; k++) {
        *at++ = '"';
        for (int i = 0; i < PAIRS; i++) {
            const char *pair = mixed ? "" : k >> i & 1 ? a : b;

            r = 1664525 * r + 1013904223;
            *at++ = mixed ? (char)('a' + (r >> 20) % 26) : pair[0];
            *at++ = mixed ? (char)('a' + (r >> 26) % 26) : pair[1];
        }
        at = stpcpy(at, "\":0,");
    }
    at[-1] = '}';
    for (int run = 0; run < 3; run++) {
        const clock_t start = clock();
        const int bad = telu_json_parse(&doc, "text", text, (size_t)(at - text));
        const double took = (double)(clock() - start) / CLOCKS_PER_SEC;

        CHECK(!bad, "%d keys: %s", KEYS, telu_error());
        least = took < least ? took : least;
        telu_json_free(&doc);
    }
    free(text);
    return least;
}

/* Keys that collide under the usual hashes of strings, h = 31 h + c and h = 33 h + c, take no
 * longer than others. */
static void check_work(void)
{
    const double plain = seconds_of(NULL, NULL, 1);
    const double by31 = seconds_of("Aa", "BB", 0), by33 = seconds_of("aB", "b!", 0);

    CHECK(by31 < 8 * plain + 0.05, "keys that collide took %g s, others %g", by31, plain);
    CHECK(by33 < 8 * plain + 0.05, "keys that collide took %g s, others %g", by33, plain);
}

int main(void)
{
    check_refused();
    check_work();
    check_taken();
    for (int plain = 0; plain < 2; plain++)
        check_sha256(plain);
    return failures ? 1 : 0;
}
