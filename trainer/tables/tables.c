/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tables.c - see tables.h. The order is forced: the search of codes needs their cost,
 * the envelope needs codes, the gains need the decoder, the frequencies need both, the levels need
 * what these leave, and the split needs them all. */
#include "tables.h"

#include "error.h"
#include "fit.h"
#include "memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOOR (-17 * 32)       /* least envelope: log2 of amplitude, in 1/32 */
#define SHRINK 10.0            /* codes seen less often shrink towards zero */
#define GAIN_PACKETS 15000     /* five minutes */

void fit_say(struct fit *f, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    if (!f->log)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    f->log(f->user, text);
}

/* --- Envelope ----------------------------------------------------------- */

void fit_envelope_of(float *e, const float *c)
{
    for (int b = 0; b < TELU_BANDS; b++) {
        const int first = telu_band_edge[b], last = telu_band_edge[b + 1];
        double sum = 0;

        for (int k = first; k < last; k++)
            sum += (double)c[k] * c[k] + (double)c[TELU_HOP + k] * c[TELU_HOP + k];
        e[b] = fmax(16 * log2(sum / (2 * (last - first)) + 1e-30), FLOOR);
    }
}

/* Fits stage s of the table to rest (packets, 21), and subtracts the fit from rest. */
static void fit_stage(struct fit *f, float *rest, int s)
{
    const int codes = f->cfg.codes;
    double *sum = zeroed(sizeof(double) * codes * TELU_BANDS);
    double *count = zeroed(sizeof(double) * codes);
    int16_t *env = f->env + (size_t)s * codes * TELU_BANDS;
    float *r = rest;

    for (int i = 0; i < f->n_items; i++)
        for (int p = 0; p < f->item[i].packets; p++, r += TELU_BANDS) {
            const int code = f->item[i].codes[p * f->cfg.stages + s];

            count[code]++;
            for (int b = 0; b < TELU_BANDS; b++)
                sum[code * TELU_BANDS + b] += r[b];
        }
    for (int i = 0; i < codes * TELU_BANDS; i++)
        env[i] = lround(sum[i] / (count[i / TELU_BANDS] + SHRINK));

    r = rest;
    for (int i = 0; i < f->n_items; i++)
        for (int p = 0; p < f->item[i].packets; p++, r += TELU_BANDS) {
            const int code = f->item[i].codes[p * f->cfg.stages + s];

            for (int b = 0; b < TELU_BANDS; b++)
                r[b] -= env[code * TELU_BANDS + b];
        }
    free(count);
    free(sum);
}

static double deviation(const float *rest, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)rest[i] * rest[i];
    return sqrt(sum / n);
}

/* Fits stage after stage, each to the previous ones' residual: a packet may have any
 * number of stages, and each number must be right on average. */
static void fit_envelope(struct fit *f)
{
    double mean[TELU_BANDS] = { 0 };
    size_t packets = 0;
    float *rest, *r;

    for (int i = 0; i < f->n_items; i++)
        packets += f->item[i].packets;
    r = rest = floats(packets * TELU_BANDS);
    for (int i = 0; i < f->n_items; i++)
        for (int p = 0; p < f->item[i].packets; p++, r += TELU_BANDS) {
            fit_envelope_of(r, f->item[i].c + p * TELU_COEFS);
            for (int b = 0; b < TELU_BANDS; b++)
                mean[b] += r[b] / packets;
        }
    for (int b = 0; b < TELU_BANDS; b++)
        f->bias[b] = lround(mean[b]);
    for (size_t i = 0; i < packets * TELU_BANDS; i++)
        rest[i] -= f->bias[i % TELU_BANDS];

    fit_say(f, "tables: envelope, deviation %.2f dB without codes",
            deviation(rest, packets * TELU_BANDS) * 6.02 / 32);
    for (int s = 0; s < f->cfg.env_stages; s++) {
        fit_stage(f, rest, s);
        fit_say(f, "tables: envelope, deviation %.2f dB with %d stages",
                deviation(rest, packets * TELU_BANDS) * 6.02 / 32, s + 1);
    }
    free(rest);
}

/* --- Gains -------------------------------------------------------------- */

/* Sums for the gains of S stages, per item. */
struct products {
    double with[TELU_BANDS], self[TELU_BANDS];
};

struct gain_job {
    int S;
    struct products *of;
};

static int measure_item(struct fit *f, int i, void *arg, int thread)
{
    const struct gain_job *j = arg;
    const struct fit_item *it = &f->item[i];
    struct products *sum = &j->of[i];
    float *base = floats((size_t)it->packets * TELU_COEFS);
    int r = fit_decode(f, it, j->S, base);

    (void)thread;
    for (int h = 0; !r && h < 2 * it->packets; h++)
        for (int b = 0; b < TELU_BANDS; b++)
            for (int k = telu_band_edge[b]; k < telu_band_edge[b + 1]; k++) {
                const int at = h * TELU_HOP + k;

                sum->with[b] += it->c[at] * base[at] / it->power;
                sum->self[b] += (double)base[at] * base[at] / it->power;
            }
    free(base);
    return r;
}

/* Measures the Wiener gains of S stages; each item counts alike at any level. */
static int measure_gain(struct fit *f, int S)
{
    struct gain_job j = { S, zeroed(f->n_items * sizeof(*j.of)) };
    uint8_t *gain = f->gain + S * TELU_BANDS;
    int packets = 0, n = 0, r;

    while (n < f->n_items && packets < GAIN_PACKETS)
        packets += f->item[n++].packets;
    r = fit_each(f, measure_item, &j, n);
    for (int b = 0; !r && b < TELU_BANDS; b++) {
        double with = 0, self = 1e-9;

        for (int i = 0; i < n; i++) {
            with += j.of[i].with[b];
            self += j.of[i].self[b];
        }
        gain[b] = lround(fmin(fmax(128 * with / self, 0), 255));
    }
    free(j.of);
    if (!r)
        fit_say(f, "tables: gain of %2d stages: %.2f at 100 Hz, %.2f at 1 kHz, %.2f at "
                "2.7 kHz, %.2f at 5.7 kHz", S, gain[0] / 128.0, gain[5] / 128.0,
                gain[12] / 128.0, gain[18] / 128.0);
    return r;
}

static int fit_gain(struct fit *f)
{
    static const int measured[] = { 1, 2, 3, 4, 6, 8, 12, 16 };
    int r = 0, last = 0;

    memset(f->gain, 128, TELU_BANDS);
    for (size_t i = 0; !r && i < sizeof(measured) / sizeof(*measured); i++) {
        const int S = measured[i] < f->cfg.stages ? measured[i] : f->cfg.stages;

        if (S == last)
            break;
        r = measure_gain(f, S);
        for (int s = last + 1; s < S; s++)       /* stages between lie on a straight line */
            for (int b = 0; b < TELU_BANDS; b++)
                f->gain[s * TELU_BANDS + b] =
                    (f->gain[last * TELU_BANDS + b] * (S - s) +
                     f->gain[S * TELU_BANDS + b] * (s - last)) / (S - last);
        last = S;
    }
    for (int b = 0; !r && b < TELU_BANDS; b++)   /* when stages lie past the last one */
        for (int s = last + 1; s <= f->cfg.stages; s++)
            f->gain[s * TELU_BANDS + b] = f->gain[last * TELU_BANDS + b];
    return r;
}

/* --- Tables ------------------------------------------------------------- */

/* Fills neutral tables, with which a model can be built before any is fitted. */
static void neutral(struct fit *f)
{
    /* Index 2 gave the best PESQ, with the tilt below; 1 and 3 lie beside it. */
    static const uint8_t shape[4] = { 0, 8, 12, 18 }, fill[4] = { 0, 6, 6, 12 };

    memset(f->bias, 0, TELU_BANDS * sizeof(*f->bias));
    if (f->env)
        memset(f->env, 0, (size_t)f->cfg.env_stages * f->cfg.codes * TELU_BANDS *
                          sizeof(*f->env));
    memset(f->gain, 128, (f->cfg.stages + 1) * TELU_BANDS);
    fit_freq_guess(f->freq);
    fit_level_guess(f->level);
    fit_code_guess(f);
    memset(f->recon, 128, 4);
    memcpy(f->shape, shape, 4);
    memcpy(f->fill, fill, 4);

    /* The step is finer below 1 kHz, by up to 8 dB at 0 Hz: critical bands there are 100
     * Hz wide (Zwicker 1961), so single wrong coefficients are audible. Above, where levels
     * keep the bands as loud as they were, it grows with them, by up to 14 dB at 8 kHz. */
    for (int s = 0; s < 4; s++)
        for (int b = 0; b < TELU_BANDS; b++)
            f->tilt[s * TELU_BANDS + b] = s == 0 ? 0 : b < 5 ? -9 * (5 - b) : 5 * (b - 5);
    memset(f->split, TELU_SPLIT_BASE_ONLY, 2 * TELU_SPLIT_RATES);
}

int fit_rebuild(struct fit *f)
{
    telu_model_close(f->m);
    f->m = telu_model_build(&f->cfg, f->blobs, f->blob_count, NULL);
    return f->m ? 0 : -1;
}

static void *table(const struct telu_tensor *t, struct telu_blob *blobs, int count,
                   const char *name)
{
    int i = telu_tensor_find(t, count, name);

    return i < 0 ? NULL : (void *)blobs[i].data;
}

static int open_fit(struct fit *f, struct telu_blob *blobs, int count)
{
    int expected;
    struct telu_tensor *t = telu_tensor_list(&f->cfg, NULL, &expected);

    if (!t)
        return -1;
    if (count != expected) {
        free(t);
        return telu_fail("tables: %d tensors, expected %d", count, expected);
    }
    f->bias = table(t, blobs, count, "tab.bias");
    f->env = table(t, blobs, count, "tab.env");
    f->gain = table(t, blobs, count, "tab.gain");
    f->freq = table(t, blobs, count, "tab.freq");
    f->level = table(t, blobs, count, "tab.level");
    f->recon = table(t, blobs, count, "tab.recon");
    f->shape = table(t, blobs, count, "tab.shape");
    f->fill = table(t, blobs, count, "tab.fill");
    f->tilt = table(t, blobs, count, "tab.tilt");
    f->split = table(t, blobs, count, "tab.split");
    f->group = table(t, blobs, count, "tab.group");
    f->code = table(t, blobs, count, "tab.code");
    f->lambda = table(t, blobs, count, "tab.lambda");
    free(t);
    f->tab = (struct telu_tables){
        .env_stages = f->cfg.env_stages, .codes = f->cfg.codes, .bias = f->bias,
        .env = f->env, .gain = f->gain, .freq = f->freq, .level = f->level, .recon = f->recon,
        .shape = f->shape, .tilt = f->tilt, .fill = f->fill, .split = f->split,
        .group = f->group, .code = f->code,
    };
    neutral(f);
    f->blobs = blobs;
    f->blob_count = count;
    return fit_rebuild(f);
}

int tables_fit(const struct telu_config *cfg, struct telu_blob *blobs, int count,
               const struct tables_clip *clips, int n_clips, int seconds,
               void (*log)(void *user, const char *text), void *user)
{
    struct fit f = { .cfg = *cfg, .ctx = { telu_backend_cpu(), NULL }, .log = log,
                     .user = user, .seconds = seconds };
    int r;

    if (telu_config_check(cfg))
        return -1;
    rng_seed(&f.rng, 1);
    r = open_fit(&f, blobs, count);
    if (!r)
        r = fit_code(&f, clips, n_clips);
    if (!r)
        r = fit_items(&f, clips, n_clips);
    if (!r) {
        fit_envelope(&f);
        r = fit_gain(&f);
    }
    if (!r)
        r = fit_freq(&f);
    if (!r)
        r = fit_level(&f);
    if (!r)
        r = fit_split(&f);
    fit_free(&f);
    return r;
}
