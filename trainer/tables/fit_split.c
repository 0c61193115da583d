/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fit_split.c - finds the best number of base stages for each rate: codes some speech
 * with each number, from the coarsest step to the finest, and takes the best at each
 * rate. */
#include "fit.h"

#include "error.h"
#include "dequantise.h"
#include "memory.h"
#include "packet.h"
#include "ratecontrol.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIALS 4000            /* packets, over all items: 80 s, */
#define TRIALS_A_SECOND 6      /* but so many per second of speech at most */
#define PER_ITEM 400           /* packets of one item */
#define STRIDE 4               /* step indices between two points of a curve */
#define BASE_ONLY_TO 2500      /* bit/s: below, nothing else pays for its header */
#define LEVELS_TO    5000      /* bit/s: up to this, levels sound better than refinement */
#define LEAST_GAIN   0.01      /* another number of codes must be better by this, see choose() */
#define WORST -1e9             /* score of a candidate that exceeds the rate */

static const int candidate[] = { 0, 1, 2, 3, 4, 6, 8 };

#define CANDIDATES ((int)(sizeof(candidate) / sizeof(*candidate)))

/* [tune][rate][candidate], the last column: base layer alone. */
typedef double scores[2][TELU_SPLIT_RATES][CANDIDATES + 1];

/* --- Scores ------------------------------------------------------------- */

static double snr(const struct fit_item *it, int packets, const float *y)
{
    double signal = 1e-12, noise = 1e-12;

    for (int i = 0; i < packets * TELU_COEFS; i++) {
        signal += (double)it->c[i] * it->c[i];
        noise += ((double)it->c[i] - y[i]) * ((double)it->c[i] - y[i]);
    }
    return 10 * log10(signal / noise);
}

/* Converts power to approximate loudness (Stevens 1957), above a threshold. */
static double loudness(double power)
{
    return pow(power + 1e-5, 0.23);
}

/* Returns minus the wrong loudness as a share of the original's: each band's deficit or
 * excess, plus its added noise. */
static double likeness(const struct fit_item *it, int packets, const float *y)
{
    double wrong = 0, all = 0;

    for (int p = 0; p < packets; p++)
        for (int b = 0; b < TELU_BANDS; b++) {
            const int width = telu_band_edge[b + 1] - telu_band_edge[b];
            double has = 0, got = 0, noise = 0;

            for (int h = 0; h < 2; h++)
                for (int i = 0; i < width; i++) {
                    const int at = p * TELU_COEFS + h * TELU_HOP +
                                   telu_band_edge[b] + i;

                    has += (double)it->c[at] * it->c[at];
                    got += (double)y[at] * y[at];
                    noise += ((double)it->c[at] - y[at]) * ((double)it->c[at] - y[at]);
                }

            const double scale = 1 / (2 * width * it->power);
            const double heard = loudness(has * scale);

            wrong += fabs(loudness(got * scale) - heard) +
                     loudness((has + noise) * scale) - heard;
            all += heard;
        }
    return -100 * wrong / all;
}

static double score(int tune, const struct fit_item *it, int packets, const float *y)
{
    return tune == TELU_SNR ? snr(it, packets, y) : likeness(it, packets, y);
}

/* --- Curves ------------------------------------------------------------- */

/* Gives y the levels of a refined packet; returns their bits. */
static double code_levels(const struct fit *f, const int *q, int S, const float *c, float *y)
{
    int level[TELU_BANDS];

    telu_level_choose(level, c, y, q, telu_rc_level_dead_zone(S, 1));
    telu_level_apply(y, level, q);
    return telu_level_cost(level, q, S, &f->tab) / 64.0;
}

/* Codes the item at one step and decodes it to y; returns bit/s. */
static double code_item(struct fit *f, const struct fit_item *it, int packets,
                        const float *base, int S, int tune, int step, float *y)
{
    const int shape = telu_rc_shape(tune);
    const float dead = telu_rc_dead_zone(tune);
    double bits = 0;

    for (int p = 0; p < packets; p++) {
        const float *b = base + p * TELU_COEFS;
        struct telu_bands bands;
        int q[TELU_COEFS];

        telu_bands_envelope(&bands, &f->tab, it->codes + p * f->cfg.stages, S);
        telu_bands_step(&bands, &f->tab, step, shape);
        telu_refine_quantise(q, &bands, it->c + p * TELU_COEFS, b, dead);
        bits += fit_bits(f, S, telu_refine_cost(q, &bands, &f->tab));
        telu_dequantise_refined(y + p * TELU_COEFS, q, &bands, &f->tab, b, shape);
        if (telu_packet_leveled(shape, S))
            bits += code_levels(f, q, S, it->c + p * TELU_COEFS, y + p * TELU_COEFS);
    }
    return bits / packets * TELU_RATE / TELU_PACKET;
}

/* Adds the item's score at every rate to column k. */
static void add_curve(struct fit *f, const struct fit_item *it, int packets,
                      const float *base, int tune, int k, float *y, scores sum)
{
    double rate = 0, at = WORST;
    int i = 0;

    for (int step = TELU_STEPS - 1; step >= 0 && i < TELU_SPLIT_RATES; step -= STRIDE) {
        const double rate0 = rate, at0 = at;

        rate = code_item(f, it, packets, base, candidate[k], tune, step, y);
        at = score(tune, it, packets, y);
        for (; i < TELU_SPLIT_RATES && telu_split_rate[i] < rate; i++) {
            const double t = (telu_split_rate[i] - rate0) / (rate - rate0);

            sum[tune][i][k] += at0 == WORST ? WORST : at0 + t * (at - at0);
        }
    }
    for (; i < TELU_SPLIT_RATES; i++)      /* finer than the finest step */
        sum[tune][i][k] += at;
}

static int add_base_only(struct fit *f, const struct fit_item *it, int packets,
                         float *base, scores sum)
{
    int known = -1;

    for (int i = 0; i < TELU_SPLIT_RATES; i++) {
        const int bits = telu_split_rate[i] * TELU_PACKET / TELU_RATE;
        int S = (bits - 1 + f->m->n / 2) / f->m->n;   /* a prefix is half a code */

        if (S > f->cfg.stages)
            S = f->cfg.stages;
        if (S != known) {
            if (fit_decode(f, it, S, base))
                return -1;
            for (int p = 0; p < packets; p++) {
                float *b = base + p * TELU_COEFS;

                telu_dequantise_base(b, 0, b, telu_refine_seed(it->codes + p * f->cfg.stages, S));
            }
        }
        known = S;
        for (int tune = 0; tune < 2; tune++)
            sum[tune][i][CANDIDATES] += score(tune, it, packets, base);
    }
    return 0;
}

/* --- Choice ------------------------------------------------------------- */

static int allowed(int tune, int rate, int k)
{
    if (k == CANDIDATES)
        return 1;
    return tune == TELU_SNR || (candidate[k] > 0 && rate > LEVELS_TO);
}

static void choose(struct fit *f, scores sum, int items)
{
    for (int tune = 0; tune < 2; tune++)
        for (int i = 0, last = CANDIDATES; i < TELU_SPLIT_RATES; i++) {
            const double *s = sum[tune][i];
            int best = CANDIDATES, at;
            char text[200];

            at = snprintf(text, sizeof(text), "%s %5d:",
                          tune == TELU_SNR ? "SNR, dB" : "likeness",
                          telu_split_rate[i]);
            for (int k = 0; k <= CANDIDATES; k++) {
                const double mean = s[k] / items;

                if (k < CANDIDATES && candidate[k] > f->cfg.stages)
                    continue;
                if (allowed(tune, telu_split_rate[i], k) && s[k] > s[best])
                    best = k;
                if (k < CANDIDATES)
                    at += snprintf(text + at, sizeof(text) - at,
                                   mean > -1000 ? "  S%d %.2f" : "  S%d -",
                                   candidate[k], mean);
                else
                    at += snprintf(text + at, sizeof(text) - at, "  base %.2f", mean);
            }
            /* Tones get worse where the number changes, so it changes for a gain alone: by one
             * percent of the score and of 5, at which noise is hardly heard. */
            if (tune != TELU_SNR && last < CANDIDATES &&
                s[best] - s[last] < LEAST_GAIN * (fabs(s[best]) + 5 * items))
                best = last;
            last = best;
            f->split[tune * TELU_SPLIT_RATES + i] =
                best < CANDIDATES ? candidate[best]
                : tune == TELU_SNR || telu_split_rate[i] <= BASE_ONLY_TO ? TELU_SPLIT_BASE_ONLY
                                                                         : TELU_SPLIT_LEVELS;
            fit_say(f, "tables: %s  -> %d", text,
                    f->split[tune * TELU_SPLIT_RATES + i]);
        }

    /* A rate that no candidate meets at the coarsest step takes the choice of the next one: the
     * encoder then drops codes. */
    for (int i = TELU_SPLIT_RATES - 2; i >= 0; i--)
        if (telu_split_rate[i] > LEVELS_TO && f->split[i] == TELU_SPLIT_LEVELS)
            f->split[i] = f->split[i + 1];
}

struct split_job {
    int every;                 /* one in so many items is tried */
    scores *sum;               /* scores of each tried item */
};

static int try_item(struct fit *f, int i, void *arg, int thread)
{
    const struct split_job *j = arg;
    const struct fit_item *it = &f->item[i * j->every];
    const int packets = it->packets < PER_ITEM ? it->packets : PER_ITEM;
    float *base = floats((size_t)it->packets * TELU_COEFS);
    float *y = floats((size_t)packets * TELU_COEFS);
    int r = 0;

    (void)thread;
    for (int k = 0; !r && k < CANDIDATES && candidate[k] <= f->cfg.stages; k++) {
        r = fit_decode(f, it, candidate[k], base);
        for (int tune = 0; !r && tune < 2; tune++)
            add_curve(f, it, packets, base, tune, k, y, j->sum[i]);
    }
    if (!r)
        r = add_base_only(f, it, packets, base, j->sum[i]);
    free(base);
    free(y);
    return r;
}

int fit_split(struct fit *f)
{
    struct split_job j = { 0 };
    scores all = { 0 };
    int packets = 0, items, r, trials = f->seconds * TRIALS_A_SECOND;

    for (int i = 0; i < f->n_items; i++)
        packets += f->item[i].packets < PER_ITEM ? f->item[i].packets : PER_ITEM;
    j.every = 1 + packets / (trials < TRIALS ? trials : TRIALS);
    items = (f->n_items + j.every - 1) / j.every;
    j.sum = zeroed(items * sizeof(*j.sum));
    r = fit_each(f, try_item, &j, items);
    for (int i = 0; !r && i < items; i++)      /* in item order, since float sums depend on it */
        for (size_t k = 0; k < sizeof(all) / sizeof(double); k++)
            ((double *)all)[k] += ((const double *)j.sum[i])[k];
    if (!r)
        choose(f, all, items);
    free(j.sum);
    return r;
}
