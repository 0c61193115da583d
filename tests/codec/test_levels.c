/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_levels.c - compares the levels with a second implementation of FORMAT.md; round trips,
 * cost against bytes, cuts, and streams whose packets must hold levels whatever the sound. */
#include "bands.h"
#include "deficit.h"
#include "telu.h"
#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST (TELU_LEVEL_LEAST + TELU_LEVEL_SYMBOLS - 1)

static int failures;

static void expect(const char *what, double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol) && failures++ < 20)
        printf("%s is %.9g, expected %.9g +- %.3g\n", what, got, want, tol);
}

/* --- FORMAT.md, literally -------------------------------------------------- */

static int kind_of(const int *q, int S, int b)
{
    int N = 0, M = 0;

    if (!q)
        return S <= 3 ? 4 : S <= 7 ? 5 : 6;
    for (int i = 0; i < TELU_COEFS; i++)
        if (i % TELU_HOP >= telu_band_edge[b] && i % TELU_HOP < telu_band_edge[b + 1]) {
            N++;
            M += q[i] != 0;
        }
    return M == 0 ? 0 : 8 * M <= N ? 1 : 4 * M <= N ? 2 : 2 * M <= N ? 3 : -1;
}

static int context_of(const int *level, const int *q, int S, int b)
{
    int kind = kind_of(q, S, b), one = b > 0 ? level[b - 1] : 0, two = b > 1 ? level[b - 2] : 0;
    double a = floor((2 * one + two + 1) / 3.0);

    a = fmin(fmax(a, -3), 3);
    return kind < 0 ? -1 : (7 * kind + (int)a + 3) * 21 + b;
}

static int band_of(int i)
{
    int b = 0;

    while (i % TELU_HOP >= telu_band_edge[b + 1])
        b++;
    return b;
}

/* --- Random integers and levels -------------------------------------------- */

/* Draws integers, as dense in a band as chance wants; returns NULL for none. */
static const int *draw_q(int *q, uint32_t *seed)
{
    double density = 0;

    if (tiny_random(seed) < 0.3)
        return NULL;
    for (int i = 0; i < TELU_COEFS; i++) {
        if (i == 0 || band_of(i) != band_of(i - 1))
            density = tiny_random(seed) < 0.3 ? 0 : pow(tiny_random(seed), 2);
        q[i] = tiny_random(seed) < density ? 1 - 2 * (int)(2 * tiny_random(seed)) : 0;
    }
    return q;
}

static void draw_levels(int *level, const int *q, int S, uint32_t *seed)
{
    for (int b = 0; b < TELU_BANDS; b++)
        level[b] = kind_of(q, S, b) < 0 ? 0
                 : TELU_LEVEL_LEAST + (int)(TELU_LEVEL_SYMBOLS * tiny_random(seed));
}

/* --- The functions --------------------------------------------------------- */

static void check_contexts(uint32_t seed)
{
    int room[TELU_COEFS], level[TELU_BANDS], S = 1 + (int)(16 * tiny_random(&seed));
    const int *q = draw_q(room, &seed);

    draw_levels(level, q, S, &seed);
    for (int b = 0; b < TELU_BANDS; b++) {
        int got = telu_level_context(level, q, S, b);

        expect("context", got, context_of(level, q, S, b), 0);
        expect("context in range", got >= -1 && got < TELU_LEVEL_CONTEXTS, 1, 0);
    }
}

/* The extremes of the contexts: the first and the last row of the table. */
static void check_ends(void)
{
    int least[TELU_BANDS], most[TELU_BANDS], q[TELU_COEFS] = { 0 };

    for (int b = 0; b < TELU_BANDS; b++) {
        least[b] = TELU_LEVEL_LEAST;
        most[b] = MOST;
    }
    expect("context without neighbours", telu_level_context(most, q, 1, 0), 3 * 21, 0);
    expect("context above the softest", telu_level_context(least, q, 1, 2), 2, 0);
    expect("last context", telu_level_context(most, NULL, 8, TELU_BANDS - 1),
           TELU_LEVEL_CONTEXTS - 1, 0);
}

/* The level of coefficient k of a hop: on a straight line between the middles of the bands. */
static double level_at(const int *level, int k)
{
    for (int b = 1; b < TELU_BANDS; b++) {
        double from = (telu_band_edge[b - 1] + telu_band_edge[b] - 1) / 2.0;
        double to = (telu_band_edge[b] + telu_band_edge[b + 1] - 1) / 2.0;

        if (k < to)
            return level[b - 1] + fmax(0, k - from) / (to - from) * (level[b] - level[b - 1]);
    }
    return level[TELU_BANDS - 1];
}

static void check_apply(uint32_t seed)
{
    int room[TELU_COEFS], level[TELU_BANDS];
    const int *q = draw_q(room, &seed);
    float y[TELU_COEFS], got[TELU_COEFS];

    draw_levels(level, q, 1, &seed);
    for (int i = 0; i < TELU_COEFS; i++)
        y[i] = got[i] = (float)(tiny_random(&seed) - 0.5);
    telu_level_apply(got, level, q);
    for (int i = 0; i < TELU_COEFS; i++) {
        double gain = q && q[i] ? 1 : pow(2, 0.75 * level_at(level, i % TELU_HOP));

        expect("leveled coefficient", got[i], gain * y[i], 1e-6 * gain);
    }
}

/* The level that a band of c should have, before it is rounded. */
static double wanted(const float *c, const float *y, const int *q, int band)
{
    double has = 1e-30, wants = 1e-30;

    for (int i = 0; i < TELU_COEFS; i++)
        if (band_of(i) == band && (!q || !q[i])) {
            has += (double)y[i] * y[i] + 1e-9;
            wants += (double)c[i] * c[i] + 1e-9;
        }
    return log2(wants / has) / 1.5;
}

/* From dead zone and rounding on, a level is the nearest but for 0.15 steps: none may be farther
 * than 0.65 steps from what the band wants, unless the range ends or the dead zone is wider. */
static void check_choice(uint32_t seed)
{
    static const float dead[] = { 0.65f, 1, 2 };
    int room[TELU_COEFS], level[TELU_BANDS];
    const int *q = draw_q(room, &seed);
    float y[TELU_COEFS], c[TELU_COEFS], zone = dead[seed % 3];

    for (int i = 0; i < TELU_COEFS; i++) {
        double loud = pow(10, 3 * sin(band_of(i) * (double)seed) - 3);

        y[i] = (float)(0.1 * (tiny_random(&seed) - 0.5));
        c[i] = (float)(loud * (tiny_random(&seed) - 0.5));
    }
    telu_level_choose(level, c, y, q, zone);
    for (int b = 0; b < TELU_BANDS; b++) {
        double want = wanted(c, y, q, b), error = fabs(want - level[b]);

        expect("level in range", level[b] >= TELU_LEVEL_LEAST && level[b] <= MOST, 1, 0);
        if (kind_of(q, 1, b) < 0)
            expect("level of a coded band", level[b], 0, 0);
        else if (level[b] == 0)
            expect("level within the dead zone", fabs(want) < zone + 1e-4, 1, 0);
        else if (want > TELU_LEVEL_LEAST && want < MOST)
            expect("distance of a level", error < 0.6501, 1, 0);
        else
            expect("level of a distant band", level[b], want < 0 ? TELU_LEVEL_LEAST : MOST, 0);
    }
}

/* A NaN, of either sign, gives its band a level of 0; an infinity gives a level in range. */
static void check_odd(void)
{
    static const float odd[] = { NAN, -NAN, INFINITY, 3e38f };
    float c[TELU_COEFS], y[TELU_COEFS];
    int level[TELU_BANDS];

    for (int k = 0; k < 8; k++) {
        for (int i = 0; i < TELU_COEFS; i++)
            c[i] = y[i] = 0.1f;
        (k < 4 ? c : y)[100] = odd[k % 4];
        telu_level_choose(level, c, y, NULL, 0.65f);
        for (int b = 0; b < TELU_BANDS; b++) {
            int want = b != band_of(100) || k % 4 < 2 ? 0 : k < 4 ? MOST : TELU_LEVEL_LEAST;

            expect("level beside odd numbers", level[b], want, 0);
        }
    }
}

/* --- Bytes ----------------------------------------------------------------- */

static void round_trip(const struct telu_tables *t, uint32_t seed)
{
    uint8_t out[256];
    int room[TELU_COEFS], level[TELU_BANDS], got[TELU_BANDS];
    int S = 1 + (int)(16 * tiny_random(&seed));
    const int *q = draw_q(room, &seed);
    struct telu_range_enc e;
    struct telu_range_dec d;
    double cost;
    size_t n;

    draw_levels(level, q, S, &seed);
    telu_range_enc_init(&e, out, sizeof(out));
    telu_level_put(&e, level, q, S, t);
    n = telu_range_finish(&e);
    cost = telu_level_cost(level, q, S, t) / 64.0;
    expect("bits written, against the cost", 8.0 * (double)n, cost, 12);
    telu_range_dec_init(&d, out, n);
    telu_level_get(&d, got, q, S, t);
    expect("levels that differ", memcmp(level, got, sizeof(level)) != 0, 0, 0);
    expect("end of the levels", telu_range_ended(&d), 1, 0);

    /* Zeros may follow, nothing else. */
    memset(out + n, 0, 8);
    telu_range_dec_init(&d, out, n + 8);
    telu_level_get(&d, got, q, S, t);
    expect("levels that differ, padded", memcmp(level, got, sizeof(level)) != 0, 0, 0);
    expect("end of padded levels", telu_range_ended(&d), 1, 0);
    out[n + 7] = 1;
    telu_range_dec_init(&d, out, n + 8);
    telu_level_get(&d, got, q, S, t);
    expect("end of dirty levels", telu_range_ended(&d), 0, 0);
}

/* Every level takes 3.3 bits when all are equally likely. A cut that the decoder sees gives zeros;
 * of one by a few bytes, which it cannot see, the levels before it stay. */
static void check_cut(const struct telu_model *m)
{
    static uint16_t freq[TELU_LEVEL_CONTEXTS * TELU_LEVEL_SYMBOLS];
    static uint16_t cumul[TELU_LEVEL_CONTEXTS * (TELU_LEVEL_SYMBOLS + 1)];
    const double bits = log2(10);
    struct telu_tables t = m->tab;
    uint8_t out[256];
    int level[TELU_BANDS], got[TELU_BANDS];
    struct telu_range_enc e;
    struct telu_range_dec d;
    size_t n;

    t.level = freq;
    t.level_cumul = cumul;
    for (int c = 0; c < TELU_LEVEL_CONTEXTS; c++)
        for (int s = 0; s < TELU_LEVEL_SYMBOLS; s++) {
            uint16_t *sum = &cumul[c * (TELU_LEVEL_SYMBOLS + 1) + s];

            freq[c * TELU_LEVEL_SYMBOLS + s] = s < 8 ? 3277 : 3276;
            sum[1] = sum[0] + freq[c * TELU_LEVEL_SYMBOLS + s];
        }
    for (int b = 0; b < TELU_BANDS; b++)
        level[b] = b % 2 ? 3 : -2;
    expect("cost of levels", telu_level_cost(level, NULL, 4, &t), 64 * bits * 21, 21);
    telu_range_enc_init(&e, out, sizeof(out));
    telu_level_put(&e, level, NULL, 4, &t);
    n = telu_range_finish(&e);
    expect("bytes of levels", (double)n, 21 * bits / 8, 1);
    for (size_t cut = 0; cut <= n; cut++) {
        int kept = (int)(8 * (double)cut / bits) - 2, whole;

        telu_range_dec_init(&d, out, cut);
        telu_level_get(&d, got, NULL, 4, &t);
        whole = !telu_range_exhausted(&d);
        if (cut == n || cut + 4 < n)           /* the coder's end has up to four bytes */
            expect("cut that is seen", whole, cut == n, 0);
        for (int b = 0; b < TELU_BANDS; b++)
            if (!whole || b < kept)
                expect("level around a cut", got[b], whole ? level[b] : 0, 0);
    }
}

/* A cut packet gets three fifths, in dB, of what the last one was louder than its base layer, -4 to
 * 5 steps, from the cut on. */
static void check_deficit(void)
{
    static const double louder[] = { 0, 7, -11, 30, 80, -80 };
    const double step = 15 * log10(2);         /* dB: 4.5 */
    struct telu_deficit p;
    float base[TELU_COEFS], y[TELU_COEFS];

    for (int i = 0; i < 6; i++) {
        const double wants = fmin(5 * step, fmax(-4 * step, 0.6 * louder[i]));
        const int first = 30 * i;

        for (int k = 0; k < TELU_COEFS; k++) {
            base[k] = k % 2 ? 0.5f : -0.5f;
            y[k] = (float)pow(10, louder[i] / 20) * base[k];
        }
        telu_deficit_learn(&p, y, base);
        telu_deficit_apply(base, first, &p);
        for (int k = 0; k < TELU_COEFS; k++)
            expect("gain of a cut packet, dB", 20 * log10(fabs(base[k]) / 0.5),
                   k < first ? 0 : wants, 0.01);
    }

    /* A gain of one band alone falls to nothing at the middles of the next ones. */
    for (int k = 0; k < TELU_COEFS; k++) {
        base[k] = 0.5f;
        y[k] = telu_band_of[k % TELU_HOP] == 20 ? 1.0f : 0.5f;
    }
    telu_deficit_learn(&p, y, base);
    telu_deficit_apply(base, 0, &p);
    expect("gain of the last band, dB", 20 * log10(base[TELU_HOP - 1] / 0.5),
           0.6 * 20 * log10(2), 0.01);
    expect("gain far from it, dB", 20 * log10(base[130] / 0.5), 0, 0);

    for (int k = 0; k < TELU_COEFS; k++)
        y[k] = k % 3 ? NAN : INFINITY;
    telu_deficit_learn(&p, y, base);
    for (int b = 0; b < TELU_BANDS; b++)
        expect("level of what is not finite", p.level[b] >= -4 && p.level[b] <= 5, 1, 0);
    telu_deficit_reset(&p);
    telu_deficit_apply(y, TELU_COEFS, &p);
    telu_deficit_apply(base, 0, &p);
    expect("gain without a packet before, dB", 20 * log10(base[130] / 0.5), 0, 0);
}

/* --- Streams --------------------------------------------------------------- */

/* Sounds that want extreme levels: of a random base layer, digital silence, full scale, both. */
static float sample(int sound, int i, int k, uint32_t *seed)
{
    double noise = tiny_random(seed) - 0.5;

    switch (sound) {
    case 0: return 0;
    case 1: return (float)(2 * noise);
    case 2: return (float)(i % 5 < 2 ? 2 * noise : 0);
    case 3: return k == 7 && i % 2 ? 1 : 0;
    case 4: return (float)(1e-4 * noise);
    default: return (float)(sin(1.5 * k) * (i % 3) / 2);
    }
}

/* Whatever the rate and the sound, a packet is written and decodes to numbers; in CBR it has its
 * size. refinement 0 gives packets of base layer and levels. */
static void check_stream(const struct telu_model *m, const struct telu_rate *rate, int sound)
{
    struct telu_encoder *e = telu_encoder_new(m, NULL);
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    uint32_t seed = 3;

    if (!e || !d || telu_encoder_set(e, rate)) {
        printf("test_levels: %s\n", telu_error());
        exit(1);
    }
    for (int i = 0; i < 40; i++) {
        uint8_t packet[TELU_MAX_PACKET];
        float pcm[TELU_PACKET];
        int n, sane = 1;

        for (int k = 0; k < TELU_PACKET; k++)
            pcm[k] = sample(sound, i, k, &seed);
        n = telu_encode(e, pcm, packet, sizeof(packet));
        expect("bytes of a packet", n > 0 && n <= TELU_MAX_PACKET, 1, 0);
        if (n <= 0) {
            printf("  %d bit/s, mode %d, refinement %d, sound %d, packet %d\n", rate->bitrate,
                   (int)rate->mode, rate->refinement, sound, i);
            break;
        }
        if (rate->mode == TELU_CBR && (rate->refinement || rate->bitrate <= 8000))
            expect("bytes, CBR", n, rate->bitrate / 400, 0);
        expect("return of telu_decode()", telu_decode(d, packet, (size_t)n, pcm), 0, 0);
        for (int k = 0; k < TELU_PACKET; k++)
            sane &= isfinite(pcm[k]) != 0;
        expect("finite samples", sane, 1, 0);
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
}

/* At some rates all packets have levels and no refinement, at others both. */
static void check_streams(const struct telu_model *m, int split)
{
    static const int rates[] = { 500, 1000, 1600, 2000, 2400, 2800, 3200, 3600, 4000, 4400, 4800,
                                 5200, 6000, 7200, 8000, 9600, 12000, 16000, 24000, 64000 };
    static uint8_t table[2 * TELU_SPLIT_RATES];
    struct telu_model leveled = *m;

    memset(table, split, sizeof(table));
    leveled.tab.split = table;
    for (int i = 0; i < (int)(sizeof(rates) / sizeof(*rates)); i++)
        for (int mode = 0; mode < 3; mode++)
            for (int sound = 0; sound < 6; sound++) {
                struct telu_rate rate = { rates[i], (enum telu_mode)mode, TELU_PERCEPTUAL, 1 };

                check_stream(&leveled, &rate, sound);
            }
}

int main(void)
{
    struct telu_config cfg = tiny_config();
    struct telu_model *m = tiny_model(&cfg, 13);

    if (!m) {
        printf("test_levels: %s\n", telu_error());
        return 1;
    }
    check_ends();
    for (uint32_t seed = 1; seed <= 500; seed++) {
        check_contexts(seed);
        check_apply(seed);
        check_choice(seed);
        round_trip(&m->tab, seed);
    }
    check_odd();
    check_cut(m);
    check_deficit();
    check_streams(m, TELU_SPLIT_LEVELS);
    check_streams(m, 2);
    if (failures)
        printf("test_levels: %d failures\n", failures);
    telu_model_close(m);
    return failures != 0;
}
