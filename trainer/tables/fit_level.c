/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fit_level.c - counts the levels of bands in their contexts, with and without refinement. */
#include "fit.h"

#include "dequantise.h"
#include "level.h"
#include "memory.h"
#include "pool.h"
#include "ratecontrol.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOLS    TELU_LEVEL_SYMBOLS
#define NEIGHBOURS TELU_LEVEL_NEIGHBOURS
#define DRAWS      2           /* steps tried per packet */
#define SHAPE      telu_rc_shape(TELU_PERCEPTUAL)

struct counts {
    double all[SYMBOLS];
    double kind[TELU_LEVEL_KINDS * NEIGHBOURS][SYMBOLS];
    double full[TELU_LEVEL_CONTEXTS][SYMBOLS];
};

struct level_job {
    struct counts *n;          /* per thread: integers, which add up exactly */
    struct rng *rng;           /* of each item */
};

/* Levels of 0 are likely. */
void fit_level_guess(uint16_t *freq)
{
    double p[SYMBOLS];

    for (int i = 0; i < SYMBOLS; i++)
        p[i] = i == -TELU_LEVEL_LEAST ? 0.55 : 0.05;
    for (int c = 0; c < TELU_LEVEL_CONTEXTS; c++, freq += SYMBOLS)
        fit_to_freq(freq, p, SYMBOLS);
}

static void count(struct counts *n, const float *c, const float *y, const int *q, int S, float dead)
{
    int level[TELU_BANDS];

    telu_level_choose(level, c, y, q, dead);
    for (int b = 0; b < TELU_BANDS; b++) {
        const int context = telu_level_context(level, q, S, b);
        const int symbol = level[b] - TELU_LEVEL_LEAST;

        if (context < 0)
            continue;
        n->all[symbol]++;
        n->kind[context / TELU_BANDS][symbol]++;
        n->full[context][symbol]++;
    }
}

/* Packets of a base layer alone. */
static int count_base(struct fit *f, int i, struct counts *n, int S, float *base)
{
    const struct fit_item *it = &f->item[i];

    if (fit_decode(f, it, S, base))
        return -1;
    for (int p = 0; p < it->packets; p++) {
        float y[TELU_COEFS];

        telu_dequantise_base(y, 0, base + p * TELU_COEFS,
                             telu_refine_seed(it->codes + p * f->cfg.stages, S));
        count(n, it->c + p * TELU_COEFS, y, NULL, S, telu_rc_level_dead_zone(S, 0));
    }
    return 0;
}

static int count_refined(struct fit *f, const struct level_job *j, int i, struct counts *n, int S,
                         float *base)
{
    const struct fit_item *it = &f->item[i];
    const float dead = telu_rc_dead_zone(TELU_PERCEPTUAL);
    int finest, coarsest;

    if (fit_decode(f, it, S, base))
        return -1;
    finest = fit_step(f, it, base, S, SHAPE, FIT_RATE_MOST / 2);
    coarsest = fit_step(f, it, base, S, SHAPE, FIT_RATE_LEAST);
    for (int p = 0; p < it->packets; p++) {
        const float *c = it->c + p * TELU_COEFS, *b = base + p * TELU_COEFS;
        struct telu_bands bands;
        int q[TELU_COEFS];
        float y[TELU_COEFS];

        telu_bands_envelope(&bands, &f->tab, it->codes + p * f->cfg.stages, S);
        for (int draw = 0; draw < DRAWS; draw++) {
            const int step = finest + rng_below(&j->rng[i], coarsest - finest + 1);

            telu_bands_step(&bands, &f->tab, step, SHAPE);
            telu_refine_quantise(q, &bands, c, b, dead);
            telu_dequantise_refined(y, q, &bands, &f->tab, b, SHAPE);
            count(n, c, y, q, S, telu_rc_level_dead_zone(S, 1));
        }
    }
    return 0;
}

static int count_item(struct fit *f, int i, void *arg, int thread)
{
    static const int refined[] = { 4, 6, 8, 2 }, alone[] = { 2, 5, 9, 3, 7, 12, 1, 6, 10, 16 };
    const struct level_job *j = arg;
    const int most = f->cfg.stages, S = refined[i % 4], A = alone[i % 10];
    float *base = floats((size_t)f->item[i].packets * TELU_COEFS);
    int r = count_refined(f, j, i, &j->n[thread], S < most ? S : most, base) ||
            count_base(f, i, &j->n[thread], A < most ? A : most, base);

    free(base);
    return r ? -1 : 0;
}

static void set_level(uint16_t *freq, const struct counts *n)
{
    static const double even[SYMBOLS] = { 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 };
    double all[SYMBOLS], kind[SYMBOLS], p[SYMBOLS];

    fit_back_off(all, n->all, even, SYMBOLS);
    for (int c = 0; c < TELU_LEVEL_CONTEXTS; c++, freq += SYMBOLS) {
        fit_back_off(kind, n->kind[c / TELU_BANDS], all, SYMBOLS);
        fit_back_off(p, n->full[c], kind, SYMBOLS);
        fit_to_freq(freq, p, SYMBOLS);
    }
}

int fit_level(struct fit *f)
{
    struct level_job j = { zeroed(pool_threads() * sizeof(*j.n)), fit_rngs(f) };
    int r = fit_each(f, count_item, &j, f->n_items);

    if (!r) {
        double all = 0;

        fit_gather(j.n, sizeof(*j.n));
        set_level(f->level, j.n);
        for (int i = 0; i < SYMBOLS; i++)
            all += j.n[0].all[i];
        fit_say(f, "tables: levels, %.0f %% of them 0", 100 * j.n[0].all[-TELU_LEVEL_LEAST] / all);
    }
    free(j.n);
    free(j.rng);
    return r;
}
