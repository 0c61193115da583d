/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_refine.c - compares the refinement layer with a second implementation of FORMAT.md;
 * round trips, cost against bytes, and random bytes. */
#include "bands.h"
#include "dequantise.h"
#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void expect(const char *what, double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol) && failures++ < 20)
        printf("%s is %.9g, expected %.9g +- %.3g\n", what, got, want, tol);
}

/* --- FORMAT.md, literally -------------------------------------------------- */

static int class_of(int n)
{
    static const int limit[] = { 1, 2, 3, 5, 8, 13, 21, 34 };
    int c = 0;

    for (int i = 0; i < 8; i++)
        c += limit[i] <= n;
    return c;
}

static int at(const int *q, int k)
{
    return k < 0 || k >= TELU_HOP ? 0 : abs(q[k]);
}

static int context_of(const int *q, int h, int k, int C, int *shift)
{
    const int *row = q + h * TELU_HOP;
    int n = 2 * at(row, k - 1) + at(row, k - 2), p = 0, m;

    if (h == 0)
        for (int i = 1; i <= 8; i++)
            p += at(row, k - i);
    else
        p = at(q, k - 1) + 2 * at(q, k) + at(q, k + 1);
    m = h == 0 ? n / 3 : (n + p) / 7;
    *shift = (int)floor(log2(m > 1 ? m : 1)) - 3;
    if (*shift < 0)
        *shift = 0;
    return ((9 * h + class_of(n)) * 9 + class_of(p)) * 44 + C;
}

static void check_contexts(uint32_t seed, double loud)
{
    int q[TELU_COEFS];

    for (int i = 0; i < TELU_COEFS; i++)
        q[i] = (int)pow(loud, tiny_random(&seed)) - 1;
    for (int i = 0; i < TELU_COEFS; i++) {
        int h = i / TELU_HOP, k = i % TELU_HOP, C = i % TELU_C_CLASSES, got, want;

        expect("context", telu_refine_context(q + h * TELU_HOP, h ? q : NULL, k, C,
                                              &got),
               context_of(q, h, k, C, &want), 0);
        expect("shift", got, want, 0);
    }
}

static void check_plan(const struct telu_model *m, uint32_t seed)
{
    const struct telu_tables *t = &m->tab;
    int codes[TELU_MAX_STAGES], S = (int)(17 * tiny_random(&seed));
    int step = (int)(128 * tiny_random(&seed)), shape = (int)(4 * tiny_random(&seed));
    struct telu_bands p;

    for (int s = 0; s < S; s++)
        codes[s] = (int)(m->cfg.codes * tiny_random(&seed));
    telu_bands_envelope(&p, t, codes, S);
    telu_bands_step(&p, t, step, shape);
    for (int b = 0; b < TELU_BANDS; b++) {
        int e = t->bias[b], L, C, G = S <= 2 ? 0 : S <= 5 ? 1 : 2;

        for (int s = 0; s < S && s < m->cfg.env_stages; s++)
            e += t->env[(s * m->cfg.codes + codes[s]) * TELU_BANDS + b];
        L = 4 * (step - 120) + (int)floor(t->shape[shape] * e / 64.0) +
            t->tilt[shape * TELU_BANDS + b];
        L = L < -640 ? -640 : L > 64 ? 64 : L;
        C = (int)floor((e - L + 64) / 24.0);
        C = S == 0 ? 8 * b / 21 : 8 + 12 * G + (C < 0 ? 0 : C > 11 ? 11 : C);
        expect("e[b]", p.env[b], e, 0);
        expect("L[b]", p.level[b], L, 0);
        expect("C", p.ctx[b], C, 0);
        expect("step", p.step[b] / pow(2.0, L / 32.0), 1.0, 1e-7);
    }
}

/* FORMAT.md, Sound, "below" */
static double spread(double base, double mean, double f, double h, double theta, int sign)
{
    double x = f * base, G = x * x / (x * x + theta * theta + 1e-30);

    return G * x + sign * (fabs(base) / 2 + 0.75 * mean) * sqrt(f * f * (1 - G * G) + h * h);
}

static double dequantised(int q, int band, double base, double mean, double g, double step,
                          int recon, double phi, int sign)
{
    double own = phi * step / mean, m = fmax(g, fmin(0.75, own));

    if (q)
        return g * base + (q < 0 ? -1 : 1) * (abs(q) + (recon - 128) / 256.0) * step;
    if (band < 10)
        return base * m;
    return band < 16 ? spread(base, mean, m, 0, step / 32, sign)
         : spread(base, mean, g, fmin(fabs(1 - g), own), step / 8, sign);
}

/* Puts coefficient i, and returns the mean magnitude of its band. */
static double mean_around(const float *base, int i, int *band)
{
    int h = i / TELU_HOP * TELU_HOP, b = 0;
    double mean = 0;

    while (i % TELU_HOP >= telu_band_edge[b + 1])
        b++;
    for (int k = telu_band_edge[b]; k < telu_band_edge[b + 1]; k++)
        mean += fabs(base[h + k]) / (telu_band_edge[b + 1] - telu_band_edge[b]);
    *band = b;
    return mean;
}

static void check_alone(uint32_t seed)
{
    float base[TELU_COEFS], y[TELU_COEFS];
    int codes[2] = { 5, 900 }, b;
    uint32_t u = 1664525u * (1013904223u + 5) + 1013904223u + 900;

    for (int i = 0; i < TELU_COEFS; i++)
        base[i] = y[i] = (float)(tiny_random(&seed) - 0.5);
    expect("seed", telu_refine_seed(codes, 2), u, 0);
    telu_dequantise_base(y, 0, y, u);
    for (int i = 0; i < TELU_COEFS; i++) {
        double mean = mean_around(base, i, &b), size = fabs(base[i]) / 2 + 0.75 * mean;
        int sign;

        u = 1664525u * u + 1013904223u;
        sign = u >> 31 ? -1 : 1;
        expect("base layer alone", y[i],
               b < 10 ? base[i] : sign * size, 1e-6);
    }
}

/* The gain that takes back half of a band's change of level, in dB. */
static double restored(const float *c, const double *d, int i, int band)
{
    double before = 1e-20, after = 1e-20;
    int h = i / TELU_HOP * TELU_HOP;

    for (int k = h + telu_band_edge[band]; k < h + telu_band_edge[band + 1]; k++) {
        before += (double)c[k] * c[k];
        after += (c[k] + d[k]) * (c[k] + d[k]);
    }
    return pow(before / after, 0.375);
}

/* Compares the postfilter's change with the formula in double: at most a quarter of its reach
 * and a gain, and none where the sound would be NaN. */
static void check_postfilter(const struct telu_model *m, uint32_t seed)
{
    struct telu_bands p;
    float c[TELU_COEFS], prediction[TELU_COEFS], d[TELU_COEFS], g[2] = { 0.5f, 0.25f };
    double change[TELU_COEFS], reach, loud = seed % 5 ? 1 : 1e-3;
    int shape = seed % 4, b;

    telu_bands_envelope(&p, &m->tab, NULL, 0);
    telu_bands_step(&p, &m->tab, (int)(128 * tiny_random(&seed)), shape);
    for (int i = 0; i < TELU_COEFS; i++) {
        c[i] = (float)(loud * (tiny_random(&seed) - 0.5));
        prediction[i] = d[i] = c[i] + (float)(8 * (tiny_random(&seed) - 0.5)) * p.step[i % 21];
    }
    prediction[3] = d[3] = NAN;
    prediction[170] = d[170] = -INFINITY;
    telu_postfilter_change(d, c, d, g, &p, shape);
    for (int i = 0; i < TELU_COEFS; i++) {
        double x = prediction[i] - c[i];

        mean_around(c, i, &b);
        reach = (shape ? 1.0 : 0.5) * p.step[b];
        change[i] = g[i / TELU_HOP] * x / (1 + x / reach * x / reach);
        if (!isfinite(prediction[i]) || (shape && b >= 16))
            change[i] = 0;
        expect("change within its bound", fabs(change[i]) <= 0.2501 * reach, 1, 0);
    }
    for (int i = 0; i < TELU_COEFS; i++) {
        double r, want;

        mean_around(c, i, &b);
        reach = (shape ? 1.0 : 0.5) * p.step[b];
        r = shape ? restored(c, change, i, b) : 1;
        want = r * (c[i] + change[i]) - c[i];
        expect("change", d[i], want, 1e-5 * reach * fmax(r, 1) + 2e-6 * fabs(c[i]));
    }
}

/* 1 when a magnitude of q reaches the greatest. */
static int clamps(const int *q)
{
    for (int i = 0; i < TELU_COEFS; i++)
        if (abs(q[i]) >= TELU_MAX_Q)
            return 1;
    return 0;
}

/* Magnitude k of hop h; none beyond its ends. */
static int around(const int *q, int h, int k)
{
    return k < 0 || k >= TELU_HOP ? 0 : abs(q[h * TELU_HOP + k]);
}

/* A coefficient of 1 stays where it is large enough for its neighbourhood, all others always. */
static void check_thin(const struct telu_model *m, uint32_t seed)
{
    struct telu_bands p;
    float c[TELU_COEFS], base[TELU_COEFS];
    int codes[TELU_MAX_STAGES] = { 0 }, q[TELU_COEFS], was[TELU_COEFS], lost = 0, stayed = 0;

    telu_bands_envelope(&p, &m->tab, codes, 1);
    telu_bands_step(&p, &m->tab, 60, 0);
    for (int i = 0; i < TELU_COEFS; i++) {
        int b = telu_band_of[i % TELU_HOP];

        base[i] = (float)(tiny_random(&seed) - 0.5);
        c[i] = p.gain[b] * base[i] + p.step[b] * 2.2f * (float)(tiny_random(&seed) - 0.5);
    }
    telu_refine_quantise(q, &p, c, base, 0.12f);
    memcpy(was, q, sizeof(was));
    telu_refine_thin(q, &p, c, base);
    for (int i = 0; i < TELU_COEFS; i++) {
        int h = i / TELU_HOP, k = i % TELU_HOP, b = telu_band_of[k], near = 0, far = 0;
        double r = fabs(c[i] - p.gain[b] * base[i]) / p.step[b], zone;

        near = around(was, h, k - 1) + around(was, h, k + 1) + around(was, 1 - h, k);
        far = around(was, h, k - 2) + around(was, h, k + 2) + around(was, 1 - h, k - 1) +
              around(was, 1 - h, k + 1);
        zone = 0.8 - 0.04 * (2 * near + far);
        if (fabs(r - zone) < 1e-4)
            continue;
        expect("thinned", q[i], abs(was[i]) == 1 && r < zone ? 0 : was[i], 0);
        lost += q[i] != was[i];
        stayed += q[i] != 0;
    }
    expect("some are thinned", lost > 0, 1, 0);
    expect("some stay", stayed > 0, 1, 0);
}

static void check_sound(const struct telu_model *m, uint32_t seed, double loud)
{
    const struct telu_tables *t = &m->tab;
    struct telu_bands p;
    float c[TELU_COEFS], base[TELU_COEFS], y[TELU_COEFS];
    int codes[TELU_MAX_STAGES] = { 0 }, q[TELU_COEFS], S = 1 + seed % 16;
    int shape = seed / 16 % 4, step, clamped;
    uint32_t u = 0;

    for (int s = 0; s < S; s++)
        codes[s] = (int)(16 * tiny_random(&seed));
    step = (int)(128 * tiny_random(&seed));
    telu_bands_envelope(&p, t, codes, S);
    telu_bands_step(&p, t, step, shape);
    for (int s = 0; s < S; s++)
        u = 1664525u * u + 1013904223u + (uint32_t)codes[s];
    u = 1664525u * u + 1013904223u + (uint32_t)step;
    for (int i = 0; i < TELU_COEFS; i++) {
        c[i] = (float)(loud * (tiny_random(&seed) - 0.5));
        base[i] = (float)(loud * (tiny_random(&seed) - 0.5));
    }
    clamped = telu_refine_quantise(q, &p, c, base, 0.16f);
    expect("clamped", clamped, clamps(q), 0);
    c[7] = NAN;
    c[8] = INFINITY;
    expect("infinity clamped", telu_refine_quantise(q, &p, c, base, 0.16f), 1, 0);
    telu_dequantise_refined(y, q, &p, t, base, shape);
    expect("q of a NaN", q[7], 0, 0);
    expect("q of an infinity", q[8], TELU_MAX_Q, 0);
    for (int i = 0; i < TELU_COEFS; i++) {
        int b, a = abs(q[i]);
        double mean = mean_around(base, i, &b), g, r;

        u = 1664525u * u + 1013904223u;
        g = t->gain[S * TELU_BANDS + b] / 128.0;
        r = fabs(c[i] - g * base[i]) / p.step[b];
        if (i != 7 && i != 8 && a < TELU_MAX_Q)
            expect("quantised magnitude", a, floor(r + 0.34), r * 1e-5 > 0.01 ? 1 : 0);
        expect("coefficient", y[i] / p.step[b],
               dequantised(q[i], b, base[i], mean, g, p.step[b], t->recon[a < 3 ? a : 3],
                           t->fill[shape] / 64.0, u >> 31 ? -1 : 1) / p.step[b],
               1e-6 * (a + fabs(base[i]) / p.step[b] + 10));
    }
}

/* --- Bytes ----------------------------------------------------------------- */

/* Length in 1/64 bit of a symbol of frequency f, the mantissa of f cut to 6 bits. */
static int symbol_cost(int f)
{
    int e = (int)floor(log2(f)), i = (int)floor(64.0 * f / (1 << e)) - 64;

    return f == 32768 ? 0 : 64 * (15 - e) - (int)floor(64.0 * log2(1.0 + (i + 0.5) / 64.0) + 0.5);
}

/* Length of q's code in 1/64 bit, coefficient by coefficient. */
static long cost_of(const int *q, const struct telu_bands *p, const struct telu_tables *t)
{
    long cost = 0;

    for (int i = 0, b = 0; i < TELU_COEFS; i++) {
        int k = i % TELU_HOP, a = abs(q[i]), shift, ctx, s;

        b = k == 0 ? 0 : b + (k == telu_band_edge[b + 1]);
        ctx = context_of(q, i / TELU_HOP, k, p->ctx[b], &shift);
        s = a >> shift;
        cost += symbol_cost(t->freq[ctx * TELU_SYMBOLS + (s < 17 ? s : 17)]) + 64 * shift;
        cost += (s < 17 ? 0 : 64 * (2 * (long)floor(log2(s - 16)) + 1)) + (a ? 64 : 0);
    }
    return cost;
}

static struct {
    int known, wrong;          /* coefficients that a cut left; those that differ */
} cuts;

/* Codes and decodes magnitudes up to `most`, dense or sparse; all of them that for some seeds. */
static void round_trip(const struct telu_model *m, uint32_t seed, double most,
                       double density)
{
    static uint8_t out[4096];
    const struct telu_tables *t = &m->tab;
    struct telu_bands p;
    struct telu_range_enc e;
    struct telu_range_dec d;
    int codes[TELU_MAX_STAGES] = { 0 }, q[TELU_COEFS], got[TELU_COEFS];
    const int full = seed % 10 == 0;
    size_t n;
    double cost;
    int known;

    for (int i = 0; i < TELU_COEFS; i++) {
        int a = tiny_random(&seed) < density ? (int)pow(most + 1.0, tiny_random(&seed))
                                             : 0;

        a = full ? (int)most : a;
        q[i] = tiny_random(&seed) < 0.5 ? -a : a;
    }
    q[(int)(TELU_COEFS * tiny_random(&seed))] = (int)most;
    telu_bands_envelope(&p, t, codes, (int)(17 * tiny_random(&seed)));
    telu_bands_step(&p, t, 60, 1);

    telu_range_enc_init(&e, out, sizeof(out));
    telu_refine_put(&e, q, &p, t);
    n = telu_range_finish(&e);
    cost = telu_refine_cost(q, &p, t) / 64.0;
    expect("cost", 64.0 * cost, (double)cost_of(q, &p, t), 0);
    expect("bits written, against the cost", 8.0 * (double)n, cost,
           12.0 + 0.004 * cost);

    telu_range_dec_init(&d, out, n);
    expect("return of get", telu_refine_get(&d, got, &p, t) < 0, 0, 0);
    expect("coefficients that differ", memcmp(q, got, sizeof(q)) != 0, 0, 0);

    /* Trailing zeros are padding, other bytes are damage. */
    expect("end", telu_range_ended(&d), 1, 0);
    memset(out + n, 0, 8);
    telu_range_dec_init(&d, out, n + 8);
    expect("return of get, padded", telu_refine_get(&d, got, &p, t), TELU_COEFS, 0);
    expect("padded ones that differ", memcmp(q, got, sizeof(q)) != 0, 0, 0);
    expect("end of padded ones", telu_range_ended(&d), 1, 0);
    out[n + 7] = 1;
    telu_range_dec_init(&d, out, n + 8);
    expect("return of get, dirty", telu_refine_get(&d, got, &p, t) < 0, 0, 0);
    expect("end of dirty ones", telu_range_ended(&d), 0, 0);

    /* A cut keeps the coefficients before it, of which the last few are not sure; the rest decodes
     * to zeros. */
    telu_range_dec_init(&d, out, n / 2);
    known = telu_refine_get(&d, got, &p, t);
    if (known >= 0 && n > 40) {
        expect("some are known", known > 0 && known < TELU_COEFS, 1, 0);
        expect("last coefficient of a cut packet", got[TELU_COEFS - 1], 0, 0);
        for (int k = 0; k < known; k++)
            cuts.wrong += got[k] != q[k];
        cuts.known += known;
    }
}

static void any_bytes(const struct telu_model *m, uint32_t seed)
{
    uint8_t in[200];
    struct telu_bands p;
    struct telu_range_dec d;
    int codes[TELU_MAX_STAGES] = { 0 }, q[TELU_COEFS];
    size_t n = (size_t)(200 * tiny_random(&seed));

    for (size_t i = 0; i < n; i++)
        in[i] = (uint8_t)(256 * tiny_random(&seed));
    telu_bands_envelope(&p, &m->tab, codes, 1);
    telu_bands_step(&p, &m->tab, 0, 3);
    telu_range_dec_init(&d, in, n);
    if (telu_refine_get(&d, q, &p, &m->tab) >= 0)
        for (int i = 0; i < TELU_COEFS; i++)
            expect("magnitude in range", abs(q[i]) <= TELU_MAX_Q, 1, 0);
}

int main(void)
{
    struct telu_config cfg = tiny_config();
    struct telu_model *m = tiny_model(&cfg, 7);

    if (!m) {
        printf("test_refine: %s\n", telu_error());
        return 1;
    }
    for (uint32_t seed = 1; seed <= 100; seed++) {
        static const double most[] = { 1, 3, 15, 16, 17, 40, 400, 5000, TELU_MAX_Q };

        for (int i = 0; i < 9; i++) {
            check_contexts(seed, most[i] + 1);
            round_trip(m, seed, most[i], seed % 4 / 3.0);
        }
        check_plan(m, seed);
        check_thin(m, seed);
        check_sound(m, seed, seed % 3 ? 0.05 : 20.0);
        check_alone(seed);
        check_postfilter(m, seed);
    }
    expect("wrong coefficients of a thousand known ones", 1000.0 * cuts.wrong / cuts.known, 0, 5);
    for (uint32_t seed = 1; seed <= 3000; seed++)
        any_bytes(m, seed);
    if (failures)
        printf("test_refine: %d failures\n", failures);
    telu_model_close(m);
    return failures != 0;
}
