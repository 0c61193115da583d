/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fit_freq.c - counts the refinement's symbols in their contexts. */
#include "fit.h"

#include "memory.h"
#include "pool.h"
#include "ratecontrol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL (1 << TELU_RANGE_BITS)
#define CONFIDENCE 20.0        /* symbols that equal a coarser context in weight */
#define GROUPS (1 + TELU_C_GROUPS)         /* of C: no base, and one for each G */
#define DRAWS 3                /* steps tried per packet and shape */

struct counts {
    double all[TELU_SYMBOLS];
    double a[TELU_CLASSES][TELU_SYMBOLS];
    double ab[2 * TELU_CLASSES * TELU_CLASSES][TELU_SYMBOLS];
    double group[2 * TELU_CLASSES * TELU_CLASSES][GROUPS][TELU_SYMBOLS];
    double full[TELU_CONTEXTS][TELU_SYMBOLS];
};

/* Sums and counts of |r| / step - |q|, for tab.recon; each item has its own because float
 * sums depend on order. */
struct within {
    double fraction[4], hits[4];
};

struct freq_job {
    struct counts *n;          /* per thread: integers, which add up exactly */
    struct within *w;          /* of each item */
    struct rng *rng;           /* likewise */
};

/* --- Counts -> frequencies ---------------------------------------------- */

void fit_to_freq(uint16_t *freq, const double *p, int symbols)
{
    int left = TOTAL, largest = 0;

    for (int i = 0; i < symbols; i++) {
        freq[i] = 1 + (int)(p[i] * (TOTAL - symbols));
        left -= freq[i];
        if (freq[i] > freq[largest])
            largest = i;
    }
    freq[largest] += left;
}

void fit_back_off(double *p, const double *count, const double *parent, int symbols)
{
    double total = CONFIDENCE;

    for (int i = 0; i < symbols; i++)
        total += count[i];
    for (int i = 0; i < symbols; i++)
        p[i] = (count[i] + CONFIDENCE * parent[i]) / total;
}

static void back_off(double *p, const double *count, const double *parent)
{
    fit_back_off(p, count, parent, TELU_SYMBOLS);
}

static int group_of(int cclass)
{
    return cclass < TELU_C_NO_BASE ? 0 : 1 + (cclass - TELU_C_NO_BASE) / TELU_C_BASE;
}

static void set_freq(uint16_t *freq, const struct counts *n)
{
    static const double none[TELU_SYMBOLS] = { 1.0 };
    double all[TELU_SYMBOLS], a[TELU_SYMBOLS], ab[TELU_SYMBOLS], g[TELU_SYMBOLS];
    double p[TELU_SYMBOLS];

    back_off(all, n->all, none);
    for (int i = 0; i < 2 * TELU_CLASSES * TELU_CLASSES; i++) {
        back_off(a, n->a[i / TELU_CLASSES % TELU_CLASSES], all);
        back_off(ab, n->ab[i], a);
        for (int c = 0; c < TELU_C_CLASSES; c++, freq += TELU_SYMBOLS) {
            back_off(g, n->group[i][group_of(c)], ab);
            back_off(p, n->full[i * TELU_C_CLASSES + c], g);
            fit_to_freq(freq, p, TELU_SYMBOLS);
        }
    }
}

/* Guesses a geometric distribution with the neighbours' mean: good enough to find steps. */
void fit_freq_guess(uint16_t *freq)
{
    static const double middle[TELU_CLASSES] = { 0.15, 1, 2, 3.7, 6, 10, 16, 27, 44 };

    for (int c = 0; c < TELU_CONTEXTS; c++, freq += TELU_SYMBOLS) {
        const int h = c / (TELU_C_CLASSES * TELU_CLASSES * TELU_CLASSES);
        const int A = c / (TELU_C_CLASSES * TELU_CLASSES) % TELU_CLASSES;
        const int B = c / TELU_C_CLASSES % TELU_CLASSES;
        const double mean = (middle[A] / 3 + middle[B] / (h ? 4 : 8)) / 2;
        const double ratio = mean / (1 + mean);
        double p[TELU_SYMBOLS], left = 1;

        for (int i = 0; i < TELU_ESCAPE; i++) {
            p[i] = left * (1 - ratio);
            left -= p[i];
        }
        p[TELU_ESCAPE] = left;
        fit_to_freq(freq, p, TELU_SYMBOLS);
    }
}

/* --- Counting ----------------------------------------------------------- */

static void count_packet(struct counts *n, const int *q, const struct telu_bands *p)
{
    int mag[TELU_COEFS];

    for (int h = 0; h < 2; h++)
        for (int b = 0; b < TELU_BANDS; b++)
            for (int k = telu_band_edge[b]; k < telu_band_edge[b + 1]; k++) {
                const int at = h * TELU_HOP + k;
                int shift, ctx, ab, symbol;

                ctx = telu_refine_context(mag + h * TELU_HOP, h ? mag : NULL, k,
                                          p->ctx[b], &shift);
                mag[at] = abs(q[at]);
                symbol = mag[at] >> shift;
                if (symbol > TELU_ESCAPE)
                    symbol = TELU_ESCAPE;
                ab = ctx / TELU_C_CLASSES;
                n->all[symbol]++;
                n->a[ab / TELU_CLASSES % TELU_CLASSES][symbol]++;
                n->ab[ab][symbol]++;
                n->group[ab][group_of(p->ctx[b])][symbol]++;
                n->full[ctx][symbol]++;
            }
}

/* Adds the coefficients' positions inside their cells, for their averages. */
static void count_recon(struct fit *f, struct within *w, const int *q,
                        const struct telu_bands *p, const float *c, const float *base)
{
    const uint8_t *gain = f->gain + p->stages * TELU_BANDS;

    for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
        for (int b = 0; b < TELU_BANDS; b++)
            for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++) {
                const int a = abs(q[k]), i = a < 3 ? a : 3;

                if (!a || a == TELU_MAX_Q)
                    continue;
                w->fraction[i] += fabsf(c[k] - gain[b] / 128.0f * base[k]) /
                                  p->step[b] - a;
                w->hits[i]++;
            }
}

int fit_step(struct fit *f, const struct fit_item *it, const float *base, int S, int shape,
             double rate)
{
    const float dead = telu_rc_dead_zone(shape ? TELU_PERCEPTUAL : TELU_SNR);
    const int every = 1 + it->packets / 32;
    int least = 0, most = TELU_STEPS - 1;

    while (least < most) {
        const int step = (least + most) / 2;
        double bits = 0;
        int packets = 0;

        for (int p = 0; p < it->packets; p += every, packets++) {
            struct telu_bands bands;
            int q[TELU_COEFS];

            telu_bands_envelope(&bands, &f->tab, it->codes + p * f->cfg.stages, S);
            telu_bands_step(&bands, &f->tab, step, shape);
            telu_refine_quantise(q, &bands, it->c + p * TELU_COEFS,
                                 base + p * TELU_COEFS, dead);
            bits += fit_bits(f, S, telu_refine_cost(q, &bands, &f->tab));
        }
        if (bits * TELU_RATE / TELU_PACKET <= rate * packets)
            most = step;
        else
            least = step + 1;
    }
    return most;
}

static void count_draws(struct fit *f, const struct freq_job *j, int i, int thread,
                        const float *base, int S, int shape)
{
    const struct fit_item *it = &f->item[i];
    const int finest = fit_step(f, it, base, S, shape, FIT_RATE_MOST);
    const int coarsest = fit_step(f, it, base, S, shape, FIT_RATE_LEAST);
    const float dead = telu_rc_dead_zone(shape ? TELU_PERCEPTUAL : TELU_SNR);

    for (int p = 0; p < it->packets; p++) {
        struct telu_bands bands;

        telu_bands_envelope(&bands, &f->tab, it->codes + p * f->cfg.stages, S);
        for (int draw = 0; draw < DRAWS; draw++) {
            const float *c = it->c + p * TELU_COEFS, *b = base + p * TELU_COEFS;
            const int step = finest + rng_below(&j->rng[i], coarsest - finest + 1);
            int q[TELU_COEFS];

            telu_bands_step(&bands, &f->tab, step, shape);
            telu_refine_quantise(q, &bands, c, b, dead);
            count_packet(&j->n[thread], q, &bands);
            count_recon(f, &j->w[i], q, &bands, c, b);
        }
    }
}

static int count_item(struct fit *f, int i, void *arg, int thread)
{
    static const int few[] = { 1, 2, 3, 2 }, many[] = { 3, 4, 6, 8, 5, 4 };
    const int S[] = { few[i % 4], many[i % 6], 0 };
    const struct fit_item *it = &f->item[i];
    float *base = floats((size_t)it->packets * TELU_COEFS);
    int r = 0;

    for (int k = 0; !r && k < 3; k++) {
        const int stages = S[k] < f->cfg.stages ? S[k] : f->cfg.stages;

        /* Coding without a base is rare: a third of the items suffices for it. */
        if (!stages && i % 3 && f->n_items > 3)
            continue;
        r = fit_decode(f, it, stages, base);
        for (int shape = 0; !r && shape <= 2; shape += 2)
            count_draws(f, arg, i, thread, base, stages, shape);
    }
    free(base);
    return r;
}

static void set_recon(struct fit *f, const struct within *w)
{
    struct within sum = { 0 };

    f->recon[0] = 128;
    for (int i = 1; i < 4; i++) {
        for (int k = 0; k < f->n_items; k++) {
            sum.fraction[i] += w[k].fraction[i];
            sum.hits[i] += w[k].hits[i];
        }
        const double mean = sum.hits[i] > 0 ? sum.fraction[i] / sum.hits[i] : 0;

        f->recon[i] = lround(fmin(fmax(128 + 256 * mean, 0), 255));
    }
}

int fit_freq(struct fit *f)
{
    struct freq_job j = { zeroed(pool_threads() * sizeof(*j.n)),
                          zeroed(f->n_items * sizeof(*j.w)),
                          fit_rngs(f) };
    int r = fit_each(f, count_item, &j, f->n_items);

    if (!r) {
        fit_gather(j.n, sizeof(*j.n));
        set_freq(f->freq, j.n);
        set_recon(f, j.w);
        fit_say(f, "tables: recon %d %d %d of 256 (128 is the middle)", f->recon[1],
                f->recon[2], f->recon[3]);
    }
    free(j.n);
    free(j.w);
    free(j.rng);
    return r;
}
