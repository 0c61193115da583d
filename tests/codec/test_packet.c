/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_packet.c - packets as bytes: worked examples, every cut, every flipped bit. */
#include "packet.h"
#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 10                   /* bits of a code, as in the default network */

static int failures;

static void expect(const char *what, long got, long want)
{
    if (got != want && failures++ < 20)
        printf("%s is %ld, expected %ld\n", what, got, want);
}

static void expect_bytes(const char *what, const uint8_t *got, size_t n,
                         const uint8_t *want, size_t m)
{
    int differ = n != m || memcmp(got, want, n) != 0;

    expect(what, differ, 0);
    for (size_t i = 0; differ && i < n; i++)
        printf("%s%02x%s", i ? " " : "  bytes: ", got[i], i + 1 == n ? "\n" : "");
}

/* --- Worked examples ------------------------------------------------------- */

/* | 0 | 0101010101 | 1010101010 | 101 |  =  00101010 10110101 01010101 */
static void worked_base(void)
{
    static const uint8_t want[] = { 0x2a, 0xb5, 0x55 };
    struct telu_layers l = { .stages = 2, .codes = { 0x155, 0x2aa }, .prefix_bits = 3,
                             .prefix = 5 };
    struct telu_layers got;
    struct telu_bands bands;
    struct telu_tables none = { 0 };
    uint8_t out[3];

    telu_packet_put_base(out, 3, &l, N);
    expect_bytes("base only", out, 3, want, 3);
    expect("base only: return", telu_packet_get(&got, &bands, want, 3, &none, 16, N), 0);
    expect("base only: refined", got.refined, 0);
    expect("base only: stages", got.stages, 2);
    expect("base only: code 0", got.codes[0], 0x155);
    expect("base only: code 1", got.codes[1], 0x2aa);
    expect("base only: prefix bits", got.prefix_bits, 3);
    expect("base only: prefix", got.prefix, 5);
}

/* Tables in which zeros are all but certain: of magnitudes f[0] = 32751, the other 17 are 1; of
 * levels f[4] = 32759, the other nine are 1. All codes are equally likely: each takes 10 bits. */
static void sure_tables(struct telu_model *m, struct telu_tables *t)
{
    static uint16_t freq[TELU_CONTEXTS * TELU_SYMBOLS];
    static uint16_t cumul[TELU_CONTEXTS * (TELU_SYMBOLS + 1)];
    static uint16_t level[TELU_LEVEL_CONTEXTS * TELU_LEVEL_SYMBOLS];
    static uint16_t level_cumul[TELU_LEVEL_CONTEXTS * (TELU_LEVEL_SYMBOLS + 1)];

    static uint16_t code[TELU_CODE_ROWS(16) << N], code_cumul[TELU_CODE_ROWS(16) * ((1 << N) + 1)];
    static uint8_t group[1 << N];

    *t = m->tab;
    t->freq = freq;
    t->cumul = cumul;
    t->level = level;
    t->level_cumul = level_cumul;
    t->group = group;
    t->code = code;
    t->code_cumul = code_cumul;
    for (int i = 0; i < TELU_CODE_ROWS(16); i++)
        for (int c = 0; c < 1 << N; c++) {
            code[(i << N) + c] = 32;
            code_cumul[i * ((1 << N) + 1) + c + 1] = (uint16_t)(32 * (c + 1));
        }
    for (int c = 0; c < TELU_CONTEXTS; c++)
        for (int s = 0; s < TELU_SYMBOLS; s++) {
            freq[c * TELU_SYMBOLS + s] = s ? 1 : 32768 - 17;
            cumul[c * (TELU_SYMBOLS + 1) + s + 1] = (uint16_t)(32751 + s);
        }
    for (int c = 0; c < TELU_LEVEL_CONTEXTS; c++)
        for (int s = 0; s < TELU_LEVEL_SYMBOLS; s++) {
            level[c * TELU_LEVEL_SYMBOLS + s] = s == 4 ? 32768 - 9 : 1;
            level_cumul[c * (TELU_LEVEL_SYMBOLS + 1) + s + 1] =
                (uint16_t)(s < 4 ? s + 1 : 32759 + s);
        }
}

static void refined(const char *what, const struct telu_tables *t,
                    const struct telu_layers *l, int bytes, const uint8_t *want,
                    size_t size)
{
    static uint8_t out[TELU_MAX_PACKET];
    struct telu_bands bands, read;
    struct telu_layers got;
    size_t n;

    telu_bands_envelope(&bands, t, l->codes, l->stages);
    telu_bands_step(&bands, t, l->step, l->shape);
    n = telu_packet_put(out, sizeof(out), bytes, l, &bands, t);
    expect_bytes(what, out, n, want, size);
    expect(what, telu_packet_get(&got, &read, want, size, t, 16, N), 0);
    expect(what, got.refined, 1);
    expect(what, got.leveled, l->leveled);
    expect(what, l->leveled && memcmp(got.level, l->level, sizeof(l->level)), 0);
    expect(what, got.stages, l->stages);
    expect(what, got.shape, l->shape);
    expect(what, got.step, l->step);
    for (int s = 0; s < l->stages; s++)
        expect(what, got.codes[s], l->codes[s]);
    expect(what, memcmp(got.q, l->q, sizeof(l->q)), 0);
    expect(what, memcmp(&bands, &read, sizeof(bands)), 0);
}

static void worked_refined(struct telu_model *m)
{
    /* | 1 | 00001 | 00 |, then the range coder's: code 1023 of 1024, step 77 of 128, and zeros,
     * which need no byte. The range is 2^32 - 1, not 2^32, so code and step lie a little below
     * 1111111111 1001101. */
    static const uint8_t silent[] = { 0x84, 0xff, 0xe6, 0x01 };
    static const uint8_t padded[] = { 0x84, 0xff, 0xe6, 0x01, 0, 0, 0, 0 };

    /* The same with shape 2, so with levels: 21 of 0, which need no byte either. */
    static const uint8_t even[] = { 0x86, 0xff, 0xe6, 0x01 };

    /* Coefficient 0 is 1: symbol 1 at 32751/32768 of the range, then a sign bit 0. Level 0 is -1:
     * symbol 3. Band 0 has a level, since only one of its eight coefficients is not 0. */
    static const uint8_t level[] = { 0x86, 0xff, 0xe6, 0x7f, 0xfb, 0x40, 0x14 };

    /* S = 0, shape 0, step 96. Coefficient 0 is -1: symbol 1 lies at 32751/32768 of the range, then
     * a sign bit 1; the zeros after it take next to nothing. The last hop's last is 20: escape,
     * rest 3 = 00100. */
    static const uint8_t two[] = { 0x80, 0xc1, 0xff, 0x3f, 0x10, 0xfd, 0x98 };
    struct telu_layers l = { .stages = 1, .codes = { 0x3ff }, .refined = 1,
                             .step = 77 };
    struct telu_tables t;

    sure_tables(m, &t);
    refined("refined, silent", &t, &l, 0, silent, sizeof(silent));
    refined("refined, padded", &t, &l, 8, padded, sizeof(padded));
    l.shape = 2;
    l.leveled = 1;
    refined("refined, levels of 0", &t, &l, 0, even, sizeof(even));
    l.q[0] = 1;
    l.level[0] = -1;
    refined("refined, a level", &t, &l, 0, level, sizeof(level));
    l.stages = l.shape = l.leveled = 0;
    l.step = 96;
    l.q[0] = -1;
    l.q[TELU_COEFS - 1] = 20;
    refined("refined, two coefficients", &t, &l, 0, two, sizeof(two));
}

static void levels(const char *what, const struct telu_tables *t, const struct telu_layers *l,
                   int bytes, const uint8_t *want, size_t size)
{
    static uint8_t out[TELU_MAX_PACKET];
    struct telu_layers got;
    struct telu_bands bands;

    expect_bytes(what, out, telu_packet_put_levels(out, sizeof(out), bytes, l, t), want,
                 size);
    expect(what, telu_packet_get(&got, &bands, want, size, t, 16, N), 0);
    expect(what, got.refined, 0);
    expect(what, got.shape, TELU_SHAPE_LEVELS);
    expect(what, got.stages, l->stages);
    for (int s = 0; s < l->stages; s++)
        expect(what, got.codes[s], l->codes[s]);
    expect(what, got.prefix_bits, 0);
    expect(what, got.leveled, l->stages > 0);
    expect(what, l->stages && memcmp(got.level, l->level, sizeof(l->level)), 0);
}

static void worked_levels(struct telu_model *m)
{
    /* | 1 | 00001 | 11 |, code 682 of 1024, then levels of 0 but for band 1's, which is 2: symbol 6
     * lies at 32764/32768 of the range. */
    static const uint8_t one[] = { 0x87, 0xaa, 0xbf, 0xa6 };
    static const uint8_t padded[] = { 0x87, 0xaa, 0xbf, 0xa6, 0, 0, 0, 0, 0 };
    static const uint8_t dirty[] = { 0x87, 0xaa, 0xbf, 0xa6, 0, 0, 0, 0, 0, 0, 0, 1 };

    /* | 1 | 00000 | 11 |: silence. */
    static const uint8_t silence[] = { 0x83 };
    static const struct telu_layers quiet = { .shape = TELU_SHAPE_LEVELS };
    struct telu_layers l = { .stages = 1, .codes = { 0x2aa }, .leveled = 1,
                             .level = { 0, 2 } };
    struct telu_layers got;
    struct telu_bands bands;
    struct telu_tables t;

    sure_tables(m, &t);
    levels("levels", &t, &l, 0, one, sizeof(one));
    levels("levels, padded", &t, &l, 9, padded, sizeof(padded));
    expect("levels, dirty", telu_packet_get(&got, &bands, dirty, sizeof(dirty), &t, 16, N), -1);
    /* Bytes past the end could make the code the next one. */
    expect("levels, cut", telu_packet_get(&got, &bands, one, 3, &t, 16, N), 0);
    expect("levels, cut: stages", got.stages, 0);
    expect("levels, cut: leveled", got.leveled, 0);
    expect("levels, all cut", telu_packet_get(&got, &bands, one, 1, &t, 16, N), 0);
    expect("levels, all cut: stages", got.stages, 0);
    levels("silence", &t, &quiet, 0, silence, sizeof(silence));
    expect("silence", telu_packet_get(&got, &bands, silence, 1, &t, 16, N), 0);
    expect("silence: stages", got.stages, 0);
    expect("silence: leveled", got.leveled, 0);
    expect("silence: refined", got.refined, 0);
}

/* --- Hostile bytes --------------------------------------------------------- */

static void fill_levels(struct telu_layers *l, const int *q, uint32_t *seed)
{
    for (int b = 0; b < TELU_BANDS; b++)
        l->level[b] = telu_level_context(l->level, q, l->stages, b) < 0 ? 0
                    : TELU_LEVEL_LEAST + (int)(TELU_LEVEL_SYMBOLS * tiny_random(seed));
}

static void fill(struct telu_layers *l, int codes, int S, double loud, uint32_t *seed)
{
    memset(l, 0, sizeof(*l));
    l->refined = 1;
    l->stages = S;
    l->shape = (int)(3 * tiny_random(seed));
    l->leveled = telu_packet_leveled(l->shape, S);
    l->step = (int)(128 * tiny_random(seed));
    for (int s = 0; s < S; s++)
        l->codes[s] = (int)(codes * tiny_random(seed));
    for (int i = 0; i < TELU_COEFS; i++)
        if (tiny_random(seed) < 0.4)
            l->q[i] = (int)(loud * (tiny_random(seed) - 0.5));
    fill_levels(l, l->q, seed);
}

/* Checks the promises of get() for any bytes. */
static void sane(const struct telu_model *m, const uint8_t *in, size_t n)
{
    struct telu_layers l;
    struct telu_bands bands;
    uint8_t *tight = malloc(n + !n);   /* lets AddressSanitizer see a read beyond */

    memcpy(tight, in, n);
    if (telu_packet_get(&l, &bands, tight, n, &m->tab, m->cfg.stages, m->n) == 0) {
        expect("stages in range", l.stages >= 0 && l.stages <= m->cfg.stages, 1);
        expect("prefix bits in range", l.prefix_bits >= 0 && l.prefix_bits < m->n, 1);
        expect("no prefix after the last stage",
               l.prefix_bits == 0 || l.stages < m->cfg.stages, 1);
        expect("prefix in range", l.prefix >= 0 && l.prefix < 1 << l.prefix_bits, 1);
        for (int s = 0; s < l.stages; s++)
            expect("code in range", l.codes[s] >= 0 && l.codes[s] < m->cfg.codes, 1);
        for (int b = 0; l.leveled && b < TELU_BANDS; b++)
            expect("level in range", l.level[b] >= TELU_LEVEL_LEAST &&
                   l.level[b] < TELU_LEVEL_LEAST + TELU_LEVEL_SYMBOLS, 1);
    } else {
        expect("damage in an empty or a refined packet", n == 0 || in[0] >> 7, 1);
    }
    free(tight);
}

/* Checks what a packet of n bytes that was cut at `cut` tells of its coefficients and levels. */
static void check_cut(const struct telu_layers *got, const struct telu_layers *l,
                      const uint8_t *out, size_t cut, size_t n)
{
    int lost = 0;

    for (size_t i = cut + 4; i < n; i++)       /* the coder's end has up to four bytes */
        lost |= out[i];
    if (l->leveled && lost)
        expect("cut: seen", got->cut, 1);
    if (!got->cut)
        return;
    expect("cut: leveled", got->leveled, 0);
    expect("cut: refined", got->refined, got->known > 0);
    for (int k = got->known; got->refined && k < TELU_COEFS; k++)
        expect("cut: coefficient behind it", got->q[k], 0);
}

/* Checks get() for every cut and every flipped bit of a packet of n bytes. */
static void damage(const struct telu_model *m, uint8_t *out, size_t n, const struct telu_layers *l)
{
    int there = 0;

    /* A cut leaves whole codes, never a wrong one, and more of them with each byte. */
    for (size_t cut = 1; cut <= n; cut++) {
        struct telu_layers got;
        struct telu_bands read;

        if (telu_packet_get(&got, &read, out, cut, &m->tab, m->cfg.stages, m->n))
            continue;          /* an escape or a magnitude of zeros */
        expect("cut: fewer codes than before", got.stages < there, 0);
        expect("cut: too many codes", got.stages > l->stages, 0);
        there = got.stages;
        for (int s = 0; s < there; s++)
            expect("cut: code", got.codes[s], l->codes[s]);
        expect("cut: prefix bits", got.prefix_bits, 0);
        if (there < l->stages)
            expect("cut: refined or leveled", got.refined || got.leveled, 0);
        if (got.refined)
            expect("cut: step", got.step, l->step);
        check_cut(&got, l, out, cut, n);
    }
    expect("cut nothing: codes", there, l->stages);
    for (size_t cut = 0; cut <= n; cut++)
        sane(m, out, cut);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        out[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        sane(m, out, n);
        out[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
}

static void hostile(const struct telu_model *m, uint32_t seed)
{
    uint8_t out[TELU_MAX_PACKET];
    struct telu_layers l, got;
    struct telu_bands bands, read;
    int S = (int)(17 * tiny_random(&seed)), more;
    size_t n;

    fill(&l, m->cfg.codes, S, seed % 3 ? 6.0 : 300.0, &seed);
    telu_bands_envelope(&bands, &m->tab, l.codes, S);
    telu_bands_step(&bands, &m->tab, l.step, l.shape);
    n = telu_packet_put(out, sizeof(out), 0, &l, &bands, &m->tab);
    expect("packet fits", n > 0, 1);
    expect("packet: return", telu_packet_get(&got, &read, out, n, &m->tab, m->cfg.stages, m->n), 0);
    expect("packet: coefficients differ", memcmp(got.q, l.q, sizeof(l.q)) != 0, 0);
    expect("packet: levels differ",
           l.leveled && memcmp(got.level, l.level, sizeof(l.level)) != 0, 0);
    damage(m, out, n, &l);

    /* put() writes exactly that many bytes, or none. */
    more = n + 3 < sizeof(out) ? (int)n + 3 : (int)sizeof(out);
    expect("padded", (long)telu_packet_put(out, sizeof(out), more, &l, &bands, &m->tab),
           more);
    expect("one byte too few", (long)telu_packet_put(out, sizeof(out), (int)n - 1, &l,
           &bands, &m->tab), 0);
    expect("one byte of room too few", (long)telu_packet_put(out, n - 1, 0, &l, &bands,
           &m->tab), 0);
}

/* The same for packets of base layer and levels. */
static void hostile_levels(const struct telu_model *m, uint32_t seed)
{
    const int stages = m->cfg.stages;
    uint8_t out[TELU_MAX_PACKET];
    struct telu_layers l, got;
    struct telu_bands read;
    int S = 1 + (int)(16 * tiny_random(&seed));
    size_t n;

    fill(&l, m->cfg.codes, S, 0, &seed);
    fill_levels(&l, NULL, &seed);
    n = telu_packet_put_levels(out, sizeof(out), 0, &l, &m->tab);
    expect("levels: return", telu_packet_get(&got, &read, out, n, &m->tab, stages, m->n), 0);
    expect("levels: refined", got.refined, 0);
    expect("levels: stages", got.stages, S);
    expect("levels: levels differ", memcmp(got.level, l.level, sizeof(l.level)) != 0, 0);
    damage(m, out, n, &l);
    expect("levels: padded", (long)telu_packet_put_levels(out, sizeof(out), (int)n + 3, &l,
                                                          &m->tab), (long)n + 3);
    expect("levels: one byte too few", (long)telu_packet_put_levels(out, sizeof(out), (int)n - 1,
                                                                    &l, &m->tab), 0);
    expect("levels: one byte of room too few",
           (long)telu_packet_put_levels(out, n - 1, 0, &l, &m->tab), 0);
}

/* A base-only packet of each size contains as many codes as fit. */
static void sizes(const struct telu_model *m)
{
    uint8_t in[40];
    struct telu_layers l;
    struct telu_bands bands;
    uint32_t seed = 5;

    for (int n = 1; n <= 40; n++) {
        int bits = 8 * n - 1, codes = bits / m->n < 16 ? bits / m->n : 16;

        for (int i = 0; i < n; i++)
            in[i] = (uint8_t)(256 * tiny_random(&seed));
        in[0] &= 0x7f;
        sane(m, in, (size_t)n);
        expect("base only: return", telu_packet_get(&l, &bands, in, (size_t)n, &m->tab,
                                                    16, m->n), 0);
        expect("base only: stages by size", l.stages, codes);
        expect("base only: prefix by size", l.prefix_bits,
               codes < 16 ? bits - codes * m->n : 0);
    }
    in[0] = 0x80 | 17 << 2;
    expect("more stages than the model's",
           telu_packet_get(&l, &bands, in, 40, &m->tab, 16, m->n), -1);
}

static void any_bytes(const struct telu_model *m, uint32_t seed)
{
    uint8_t in[300];
    size_t n = (size_t)(300 * tiny_random(&seed));

    for (size_t i = 0; i < n; i++)
        in[i] = (uint8_t)(256 * tiny_random(&seed));
    sane(m, in, n);
}

int main(void)
{
    struct telu_config cfg = tiny_config();
    struct telu_model *m = tiny_model(&cfg, 3);

    if (!m) {
        printf("test_packet: %s\n", telu_error());
        return 1;
    }
    worked_base();
    worked_refined(m);
    worked_levels(m);
    sizes(m);
    for (uint32_t seed = 1; seed <= 40; seed++) {
        hostile(m, seed);
        hostile_levels(m, seed);
    }
    for (uint32_t seed = 1; seed <= 5000; seed++)
        any_bytes(m, seed);
    if (failures)
        printf("test_packet: %d failures\n", failures);
    telu_model_close(m);
    return failures != 0;
}
