/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fit_items.c - turns speech into coefficients and codes, packet by packet as the encoder
 * does. */
#include "fit.h"

#include "error.h"
#include "memory.h"
#include "packet.h"
#include "pool.h"

#include <glib.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SECONDS 5        /* least length of an item, if its clip is that long */
#define LEAD (TELU_DELAY + 40) /* samples before 0 that the first hop sees */

static int run_encoder(struct fit *f, struct fit_item *it)
{
    const struct telu_config *cfg = &f->cfg;
    float *mem = floats(telu_net_floats(cfg->enc_width, cfg->enc_blocks, cfg->kernel));
    float *latent = floats(cfg->latent), *sum = floats(cfg->latent);
    struct telu_net_state s;
    int r = 0, none;

    telu_net_init(&s, mem);
    for (int p = 0; !r && p < it->packets; p++) {
        r = telu_encoder_net(&f->ctx, f->m, &s, latent, it->c + p * TELU_COEFS);
        if (!r)
            r = telu_rvq_encode(&f->ctx, f->m, it->codes + p * cfg->stages,
                                cfg->stages, &none, 0, 1, sum, latent);
        if (it->latent)
            memcpy(it->latent + (size_t)p * cfg->latent, latent, cfg->latent * sizeof(*latent));
    }
    free(mem);
    free(latent);
    free(sum);
    return r;
}

int fit_item(struct fit *f, struct fit_item *it, const struct fit_cut *cut, int latents)
{
    const int packets = (cut->n + TELU_DELAY) / TELU_PACKET, H = 2 * packets;
    float *x = floats((size_t)(H + 1) * TELU_HOP);
    double power = 1e-12;

    it->packets = packets;
    it->c = floats((size_t)packets * TELU_COEFS);
    it->codes = zeroed((size_t)packets * f->cfg.stages * sizeof(int));
    it->latent = latents ? floats((size_t)packets * f->cfg.latent) : NULL;
    for (long k = 0; k < cut->n && k + LEAD < (long)(H + 1) * TELU_HOP; k++)
        x[k + LEAD] = cut->gain * cut->pcm[k];
    if (f->ctx.be->mdct(&f->ctx, it->c, x, 1, H)) {
        free(x);
        return -1;
    }
    free(x);
    for (int k = 0; k < packets * TELU_COEFS; k++)
        power += (double)it->c[k] * it->c[k];
    it->power = power / ((double)packets * TELU_COEFS);
    return run_encoder(f, it);
}

static int make_item(struct fit *f, int i, void *arg, int thread)
{
    (void)thread;
    return fit_item(f, &f->item[i], (const struct fit_cut *)arg + i, 0);
}

/* Every clip gives about the same share, from a random place; some clips, evenly spaced,
 * give none when the share would be below a few seconds. */
struct fit_cut *fit_cuts(struct fit *f, const struct tables_clip *clips, int n_clips, int seconds,
                         int *n_cuts)
{
    const long most = (long)seconds * TELU_RATE;
    long share = most / (n_clips + 1), offered = 0, seen = 0, total = 0;
    struct fit_cut *cuts = zeroed((n_clips + 1) * sizeof(*cuts));

    if (share < LEAST_SECONDS * TELU_RATE)
        share = LEAST_SECONDS * TELU_RATE;
    for (int i = 0; i < n_clips; i++)
        offered += clips[i].n < share ? clips[i].n : share;

    *n_cuts = 0;
    for (int i = 0; i < n_clips; i++) {
        const long n = clips[i].n < share ? clips[i].n : share;
        const long from = rng_below(&f->rng, clips[i].n - n + 1);
        const float gain = powf(10, rng_uniform(&f->rng, -30, 6) / 20);

        seen += n;
        if (n < TELU_RATE / 2 || (double)total * offered > (double)most * seen)
            continue;
        total += n;
        cuts[(*n_cuts)++] = (struct fit_cut){ clips[i].pcm + from, n, gain };
    }
    return cuts;
}

int fit_items(struct fit *f, const struct tables_clip *clips, int n_clips)
{
    struct fit_cut *cuts = fit_cuts(f, clips, n_clips, f->seconds, &f->n_items);
    long total = 0;
    int r;

    for (int i = 0; i < f->n_items; i++)
        total += cuts[i].n;
    f->item = zeroed((f->n_items + 1) * sizeof(*f->item));
    r = fit_each(f, make_item, cuts, f->n_items);
    free(cuts);
    if (r)
        return -1;
    if (!f->n_items)
        return telu_fail("tables: no clip of half a second or more to fit to");
    fit_say(f, "tables: %.1f minutes of speech in %d pieces", total / 60.0 / TELU_RATE,
            f->n_items);
    return 0;
}

struct each {
    struct fit *f;
    fit_one *one;
    void *arg;
    pthread_mutex_t lock;
    char *trouble;             /* of the item `first`; telu_error() is a thread's own */
    int first;
};

static void each_item(void *arg, int i, int thread)
{
    struct each *e = arg;

    if (!e->one(e->f, i, e->arg, thread))
        return;
    pthread_mutex_lock(&e->lock);
    if (!e->trouble || i < e->first) {
        g_free(e->trouble);
        e->trouble = g_strdup(telu_error());
        e->first = i;
    }
    pthread_mutex_unlock(&e->lock);
}

int fit_each(struct fit *f, fit_one *one, void *arg, int n)
{
    struct each e = { f, one, arg, PTHREAD_MUTEX_INITIALIZER, NULL, 0 };

    pool_run(each_item, &e, n);
    pthread_mutex_destroy(&e.lock);
    if (!e.trouble)
        return 0;
    telu_fail("%s", e.trouble);
    g_free(e.trouble);
    return -1;
}

struct rng *fit_rngs(struct fit *f)
{
    struct rng *r = zeroed(f->n_items * sizeof(*r));

    for (int i = 0; i < f->n_items; i++)
        rng_seed(&r[i], rng_next(&f->rng));
    return r;
}

void fit_gather(void *counts, size_t size)
{
    double *to = counts;
    const size_t n = size / sizeof(*to);

    for (int k = 1; k < pool_threads(); k++)
        for (size_t i = 0; i < n; i++)
            to[i] += to[k * n + i];
}

void fit_free(struct fit *f)
{
    for (int i = 0; i < f->n_items; i++) {
        free(f->item[i].c);
        free(f->item[i].codes);
        free(f->item[i].latent);
    }
    free(f->item);
    telu_model_close(f->m);
}

int fit_decode(struct fit *f, const struct fit_item *it, int S, float *base)
{
    const struct telu_config *cfg = &f->cfg;
    float *mem, *sum;
    struct telu_net_state s;
    int r = 0;

    memset(base, 0, (size_t)it->packets * TELU_COEFS * sizeof(*base));
    if (!S)
        return 0;
    mem = floats(telu_net_floats(cfg->dec_width, cfg->dec_blocks, cfg->kernel));
    sum = floats(cfg->latent);
    telu_net_init(&s, mem);
    for (int p = 0; !r && p < it->packets; p++) {
        r = telu_rvq_decode(&f->ctx, f->m, sum, it->codes + p * cfg->stages, S, 0, 0);
        if (!r)
            r = telu_decoder_net(&f->ctx, f->m, &s, base + p * TELU_COEFS, sum);
    }
    free(mem);
    free(sum);
    return r;
}

/* The range coder ends within a byte of the ideal length, half of it on average. */
double fit_bits(const struct fit *f, int S, double cost)
{
    return 15 + S * f->code_bits + cost / 64 + 4;
}
