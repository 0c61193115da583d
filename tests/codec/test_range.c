/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_range.c - the range coder: worked bytes, round trips with carries, sizes, full
 * buffers, cut and random input. */
#include "range.h"
#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT 4000
#define GUARD 0xa5

static int failures;

static void expect(const char *what, long got, long want)
{
    if (got != want && failures++ < 20)
        printf("%s is %ld, expected %ld\n", what, got, want);
}

struct symbol {
    uint32_t c, f;             /* f = 0: c are `t` plain bits */
    int t;
};

/* Kinds: any symbol; only the rarest at the top of the range, which makes carries
 * and long runs of 0xff; certain ones, which cost next to nothing; plain bits. */
static struct symbol draw(uint32_t *seed, int kind)
{
    struct symbol s = { .t = 1 + (int)(16 * tiny_random(seed)) };
    uint32_t total;

    if (kind == 3) {
        s.t = (int)(33 * tiny_random(seed));
        s.c = (uint32_t)(4294967296.0 * tiny_random(seed));
        s.c = s.t == 32 ? s.c : s.c & ((1u << s.t) - 1);
        return s;
    }
    if (kind == 2)
        s.t = 15;
    total = 1u << s.t;
    s.c = (uint32_t)(total * tiny_random(seed));
    s.f = 1 + (uint32_t)((total - s.c) * tiny_random(seed) * tiny_random(seed));
    if (kind == 1 && tiny_random(seed) < 0.95) {
        s.c = total - 1;
        s.f = 1;
    }
    if (kind == 2 && tiny_random(seed) < 0.999) {
        s.c = 0;
        s.f = total - 1;
    }
    return s;
}

static void put(struct telu_range_enc *e, const struct symbol *s)
{
    if (s->f)
        telu_range_put(e, s->c, s->f, s->t);
    else
        telu_range_put_bits(e, s->c, s->t);
}

static void round_trip(uint32_t seed, int kind, int count)
{
    static struct symbol s[COUNT];
    static uint8_t out[4 * COUNT + 16];
    struct telu_range_enc e;
    struct telu_range_dec d;
    double bits = 0.0;
    size_t n;

    for (int i = 0; i < count; i++) {
        s[i] = draw(&seed, kind);
        bits += s[i].f ? s[i].t - log2(s[i].f) : s[i].t;
    }
    telu_range_enc_init(&e, out, sizeof(out));
    for (int i = 0; i < count; i++)
        put(&e, &s[i]);
    n = telu_range_finish(&e);
    expect("overflow", e.overflow, 0);
    if (!((double)n <= bits / 8 * 1.003 + 2.0) && failures++ < 20)
        printf("kind %d: %zu bytes for %.1f bits, expected at most 2 more\n", kind, n,
               bits);

    telu_range_dec_init(&d, out, n);
    for (int i = 0; i < count && failures < 20; i++) {
        expect("cut before the last symbol", telu_range_exhausted(&d), 0);
        if (s[i].f) {
            uint32_t end = s[i].c + s[i].f;

            telu_range_begin(&d, s[i].t);
            expect("symbol found", telu_range_above(&d, s[i].c), 1);
            expect("symbol above", end >> s[i].t == 0 && telu_range_above(&d, end), 0);
            telu_range_consume(&d, s[i].c, s[i].f);
        } else {
            expect("bits", telu_range_get_bits(&d, s[i].t), s[i].c);
        }
    }

    /* A full buffer: no byte behind it changes, and the end reports it. */
    for (size_t cap = 0; cap < n; cap += 1 + n / 7) {
        memset(out, GUARD, sizeof(out));
        telu_range_enc_init(&e, out, cap);
        for (int i = 0; i < count; i++)
            put(&e, &s[i]);
        expect("bytes that did not fit", (long)telu_range_finish(&e), 0);
        expect("overflow", e.overflow, 1);
        for (size_t i = cap; i < sizeof(out); i++)
            if (out[i] != GUARD) {
                expect("byte behind the room", out[i], GUARD);
                break;
            }
    }
}

/* Returns the largest c that is not above the next symbol of 2^t. */
static uint32_t where(const struct telu_range_dec *d, int t)
{
    uint32_t c = 0;

    for (uint32_t bit = 1u << (t - 1); bit; bit >>= 1)
        c += telu_range_above(d, c + bit) ? bit : 0;
    return c;
}

/* Worked by hand, with low and range after each symbol. The last bit shifts 5f out; the
 * end is 60 00 00 .., so a carry makes that byte the only one. */
static void worked(void)
{
    static const uint8_t want[] = { 0x60 };
    uint8_t out[8];
    struct telu_range_enc e;
    struct telu_range_dec d;

    telu_range_enc_init(&e, out, sizeof(out));
    telu_range_put(&e, 1, 1, 2);       /* low 3fffffff, range 3fffffff */
    telu_range_put(&e, 4, 4, 3);       /* low 5ffffffb, range 1ffffffc */
    telu_range_put_bits(&e, 0, 5);     /* low 5ffffffb, range 00ffffff */
    expect("worked example: bytes", (long)telu_range_finish(&e), 1);
    expect("worked example: byte", out[0], want[0]);

    telu_range_dec_init(&d, want, sizeof(want));
    telu_range_begin(&d, 2);
    expect("worked example: first", where(&d, 2), 1);
    telu_range_consume(&d, 1, 1);
    telu_range_begin(&d, 3);
    expect("worked example: second", where(&d, 3), 4);
    telu_range_consume(&d, 4, 4);
    expect("worked example: bits", telu_range_get_bits(&d, 5), 0);
}

/* Any bytes decode to valid symbols, and the decoder notices the end. */
static void any_bytes(uint32_t seed)
{
    uint8_t in[64];
    struct telu_range_dec d;
    size_t n = (size_t)(64 * tiny_random(&seed));

    for (size_t i = 0; i < n; i++)
        in[i] = tiny_random(&seed) < 0.3 ? 0xff : (uint8_t)(256 * tiny_random(&seed));
    telu_range_dec_init(&d, in, n);
    for (int i = 0; i < 2000; i++) {
        int t = 1 + (int)(16 * tiny_random(&seed));
        uint32_t at, q;

        telu_range_begin(&d, t);
        at = where(&d, t);
        q = d.code / d.range;
        expect("symbol", at, q < 1u << t ? q : (1u << t) - 1);
        telu_range_consume(&d, at, 1);
    }
    expect("cut after all bytes", telu_range_exhausted(&d), 1);
}

int main(void)
{
    worked();
    for (uint32_t seed = 1; seed <= 40; seed++)
        for (int kind = 0; kind < 4; kind++)
            for (int count = 0; count <= COUNT; count = 3 * count + 1)
                round_trip(seed, kind, count);
    for (uint32_t seed = 1; seed <= 2000; seed++)
        any_bytes(seed);
    if (failures)
        printf("test_range: %d failures\n", failures);
    return failures != 0;
}
