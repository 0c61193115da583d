/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fit_items.c - speech -> coefficients and codes, packet by packet as the encoder. */
#include "fit.h"

#include "error.h"
#include "memory.h"
#include "packet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SECONDS 5        /* of an item, where its clip is that long */
#define LEAD (TELU_DELAY + 40) /* samples before 0 that the first hop sees */

static int run_encoder(struct fit *f, struct fit_item *it)
{
    const struct telu_config *cfg = &f->cfg;
    float *mem = floats(telu_net_floats(cfg->enc_width, cfg->enc_blocks, cfg->kernel,
                                        cfg->expand));
    float *latent = floats(cfg->latent), *sum = floats(cfg->latent);
    struct telu_net_state s;
    int r = 0, none;

    telu_net_init(&s, mem, cfg->enc_width, cfg->enc_blocks, cfg->kernel);
    for (int p = 0; !r && p < it->packets; p++) {
        r = telu_encoder_net(&f->ctx, f->m, &s, latent, it->c + p * TELU_COEFS);
        if (!r)
            r = telu_rvq_encode(&f->ctx, f->m, it->codes + p * cfg->stages,
                                cfg->stages, &none, 0, sum, latent);
    }
    free(mem);
    free(latent);
    free(sum);
    return r;
}

static int make_item(struct fit *f, struct fit_item *it, const float *pcm, long n,
                     float gain)
{
    const int packets = (n + TELU_DELAY) / TELU_PACKET, H = 2 * packets;
    float *x = floats((size_t)(H + 1) * TELU_HOP);
    double power = 1e-12;

    it->packets = packets;
    it->c = floats((size_t)packets * TELU_COEFS);
    it->codes = zeroed((size_t)packets * f->cfg.stages * sizeof(int));
    for (long i = 0; i < n && i + LEAD < (long)(H + 1) * TELU_HOP; i++)
        x[i + LEAD] = gain * pcm[i];
    if (f->ctx.be->mdct(&f->ctx, it->c, x, 1, H)) {
        free(x);
        return -1;
    }
    free(x);
    for (int i = 0; i < packets * TELU_COEFS; i++)
        power += (double)it->c[i] * it->c[i];
    it->power = power / ((double)packets * TELU_COEFS);
    if (packets > f->longest)
        f->longest = packets;
    return run_encoder(f, it);
}

/* Every clip gives about the same share, from anywhere inside it; where that would be
 * less than a few seconds, some clips give none, evenly. */
int fit_items(struct fit *f, const struct tables_clip *clips, int n_clips)
{
    const long most = (long)f->seconds * TELU_RATE;
    long share = most / (n_clips + 1), offered = 0, seen = 0, total = 0;

    if (share < LEAST_SECONDS * TELU_RATE)
        share = LEAST_SECONDS * TELU_RATE;
    for (int i = 0; i < n_clips; i++)
        offered += clips[i].n < share ? clips[i].n : share;

    f->item = zeroed((n_clips + 1) * sizeof(*f->item));
    for (int i = 0; i < n_clips; i++) {
        const long n = clips[i].n < share ? clips[i].n : share;
        const long from = rng_below(&f->rng, clips[i].n - n + 1);
        const float gain = powf(10, rng_uniform(&f->rng, -30, 6) / 20);

        seen += n;
        if (n < TELU_RATE / 2 || (double)total * offered > (double)most * seen)
            continue;
        total += n;
        if (make_item(f, &f->item[f->n_items++], clips[i].pcm + from, n, gain))
            return -1;
    }
    if (!f->n_items)
        return telu_fail("tables: no clip of half a second or more to fit to");
    fit_say(f, "tables: %.1f minutes of speech in %d pieces", total / 60.0 / TELU_RATE,
            f->n_items);
    return 0;
}

void fit_free(struct fit *f)
{
    for (int i = 0; i < f->n_items; i++) {
        free(f->item[i].c);
        free(f->item[i].codes);
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
    mem = floats(telu_net_floats(cfg->dec_width, cfg->dec_blocks, cfg->kernel,
                                 cfg->expand));
    sum = floats(cfg->latent);
    telu_net_init(&s, mem, cfg->dec_width, cfg->dec_blocks, cfg->kernel);
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
    return 8 * telu_packet_head(S, f->m->n) + cost / 64 + 4;
}
