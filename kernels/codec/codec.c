/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codec.c - encoder and decoder stream of telu.h, in the order of the drawing.
 *
 *   pcm --> high-pass --> mdct --> encoder net --> rvq --> codes ------------.
 *                          |                        |                        packet
 *                          |       decoder net <----'                         |
 *                          |            | base                                |
 *                          '--> c - g base --> quantise (rate control) --> q--'
 *
 *   packet --> codes --> rvq --> decoder net --> base --> dequantise --> imdct --> ltpf --> pcm
 *                                                          q                 post-network
 *
 * A packet without codes (S = 0) skips the networks and clears their histories. Each stream
 * runs alone in host memory; engine.h batches streams on a device.
 */
#include "backend_host.h"
#include "error.h"
#include "dequantise.h"
#include "encode_state.h"
#include "float_modes.h"
#include "highpass.h"
#include "mdct.h"
#include "network.h"
#include "plc.h"
#include "synthesis.h"

#include <stdlib.h>
#include <string.h>

struct telu_encoder {
    const struct telu_model *m;
    struct telu_ctx ctx;
    float *arena;
    float *window;             /* [480], see push_input() */
    float *c, *base;           /* [320] each: original, base layer */
    float *latent, *sum;       /* [latent] each */
    struct telu_net_state enc, dec;
    int has_history;           /* 1: the networks' histories are not all zero */
    struct telu_highpass highpass;
    struct telu_rc rc;
    struct telu_bands bands;
    struct telu_layers layers;
    struct telu_info info;
};

struct telu_decoder {
    const struct telu_model *m;
    struct telu_ctx ctx;
    float *arena;
    struct telu_synthesis synthesis;
    float *c, *base;           /* [320] each; base: of the network, zeros without one */
    struct telu_postnet post;
    int post_history;          /* 1: the post-network's history is not all zero */
    float *sum;                /* [latent], last packet with codes */
    struct telu_net_state dec;
    int has_history;
    struct telu_plc plc;
    struct telu_bands bands;
    struct telu_layers layers;
    struct telu_info info;
};

/* --- Memory --------------------------------------------------------------- */

static size_t padded(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

static float *take(float **at, size_t floats)
{
    float *p = *at;

    *at += padded(floats);
    return p;
}

static size_t net_floats(const struct telu_config *c, int width, int blocks)
{
    return telu_net_floats(width, blocks, c->kernel);
}

static int stream_init(struct telu_ctx *ctx, float **arena, const struct telu_model *m,
                       const struct telu_backend *be, size_t floats)
{
    ctx->be = be ? be : telu_backend_cpu();
    ctx->stream = NULL;
    if (!m)
        return telu_fail("a stream wants a model, got none");
    if (ctx->be->alloc != telu_host_alloc)
        return telu_fail("streams run on a CPU backend, not on \"%s\"",
                         ctx->be->name);
    *arena = ctx->be->alloc(floats * sizeof(float));
    return *arena ? 0 : telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a stream of %zu "
                                         "floats", floats);
}

/* --- Encoder -------------------------------------------------------------- */

struct telu_rate telu_rate_init(void)
{
    return (struct telu_rate){ .bitrate = 16000, .mode = TELU_CONSTRAINED_VBR,
                               .tune = TELU_PERCEPTUAL, .refinement = 1, .highpass = 1 };
}

struct telu_encoder *telu_encoder_new(const struct telu_model *m,
                                      const struct telu_backend *be)
{
    struct telu_encoder *e = calloc(1, sizeof(*e));
    struct telu_rate rate = telu_rate_init();
    const struct telu_config *c = m ? &m->cfg : NULL;
    size_t enc = c ? net_floats(c, c->enc_width, c->enc_blocks) : 0;
    size_t dec = c ? net_floats(c, c->dec_width, c->dec_blocks) : 0;
    size_t latent = c ? padded(c->latent) : 0;
    float *at;

    if (!e) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for an encoder");
        return NULL;
    }
    if (stream_init(&e->ctx, &e->arena, m, be,
                    padded(TELU_WAVE) + 2 * padded(TELU_COEFS) + 2 * latent + enc + dec)) {
        free(e);
        return NULL;
    }
    e->m = m;
    at = e->arena;
    e->window = take(&at, TELU_WAVE);
    e->c = take(&at, TELU_COEFS);
    e->base = take(&at, TELU_COEFS);
    e->latent = take(&at, latent);
    e->sum = take(&at, latent);
    telu_net_init(&e->enc, take(&at, enc), c->enc_width, c->enc_blocks, c->kernel);
    telu_net_init(&e->dec, take(&at, dec), c->dec_width, c->dec_blocks, c->kernel);
    telu_rc_set(&e->rc, &rate);
    telu_rc_reset(&e->rc);
    return e;
}

void telu_encoder_free(struct telu_encoder *e)
{
    if (!e)
        return;
    e->ctx.be->release(e->arena);
    free(e);
}

static void reset_networks(struct telu_encoder *e)
{
    const struct telu_config *c = &e->m->cfg;

    if (e->has_history) {
        telu_net_reset(&e->enc, c->enc_width, c->enc_blocks, c->kernel);
        telu_net_reset(&e->dec, c->dec_width, c->dec_blocks, c->kernel);
    }
    e->has_history = 0;
}

void telu_encoder_reset(struct telu_encoder *e)
{
    reset_networks(e);
    memset(e->window, 0, TELU_WAVE * sizeof(float));
    memset(&e->info, 0, sizeof(e->info));
    memset(&e->highpass, 0, sizeof(e->highpass));
    telu_rc_reset(&e->rc);
}

int telu_encoder_set(struct telu_encoder *e, const struct telu_rate *r)
{
    if (r->bitrate < TELU_MIN_BITRATE || r->bitrate > TELU_MAX_BITRATE)
        return telu_fail("bitrate is %d, expected %d to %d", r->bitrate,
                         TELU_MIN_BITRATE, TELU_MAX_BITRATE);
    if (r->mode != TELU_CBR && r->mode != TELU_VBR && r->mode != TELU_CONSTRAINED_VBR)
        return telu_fail("mode is %d, expected %d to %d", (int)r->mode, TELU_CBR,
                         TELU_CONSTRAINED_VBR);
    if (r->tune != TELU_PERCEPTUAL && r->tune != TELU_SNR)
        return telu_fail("tune is %d, expected %d or %d", (int)r->tune,
                         TELU_PERCEPTUAL, TELU_SNR);
    for (size_t i = 0; i < sizeof(r->reserved) / sizeof(*r->reserved); i++)
        if (r->reserved[i])
            return telu_fail("reserved[%zu] of a rate is %d, expected 0: begin with "
                             "telu_rate_init()", i, r->reserved[i]);
    telu_rc_set(&e->rc, r);
    return 0;
}

void telu_encoder_info(const struct telu_encoder *e, struct telu_info *info)
{
    *info = e->info;
}

const float *telu_encoder_latent(const struct telu_encoder *e)
{
    return e->latent;
}

/* Samples [320] of this packet in the window. */
static float *packet_input(const struct telu_encoder *e)
{
    return e->window + TELU_EDGE + TELU_OVERLAP;
}

/* The two hops of a packet reach 80 samples back; the window is 0 at both ends:
 *
 *   window  | 0 (40) | last packet's end (80) | this packet (320) | 0 (40) |
 */
static void push_input(struct telu_encoder *e, const float *pcm)
{
    float *x = packet_input(e);

    memmove(e->window + TELU_EDGE, x + TELU_PACKET - TELU_OVERLAP, TELU_OVERLAP * sizeof(*x));
    for (int i = 0; i < TELU_PACKET; i++)
        x[i] = telu_encode_limit(pcm[i]);
    telu_highpass_run(&e->highpass, x, telu_highpass_wanted(&e->rc.rate));
}

static int run_encoder_network(struct telu_encoder *e)
{
    e->has_history = 1;
    return telu_encoder_net(&e->ctx, e->m, &e->enc, e->latent, e->c);
}

/* latent -> codes and prefix, and sum, the latent that the decoder gets from them. coded: 1 for
 * codes that the range coder will write, 0 for a base-only packet. */
static int code_base(struct telu_encoder *e, int coded)
{
    struct telu_layers *l = &e->layers;

    return telu_rvq_encode(&e->ctx, e->m, l->codes, l->stages, &l->prefix,
                           l->prefix_bits, coded, e->sum, e->latent);
}

TELU_MODES_INSIDE
static int encode(struct telu_encoder *e, const float *pcm, uint8_t *packet, size_t cap)
{
    _Alignas(64) float y[TELU_COEFS];      /* scratch */
    struct telu_budget budget;
    int n, runs;

    if (cap < TELU_MAX_PACKET)
        return telu_fail("room for a packet is %zu bytes, expected %d", cap,
                         TELU_MAX_PACKET);
    push_input(e, pcm);
    if (e->ctx.be->mdct(&e->ctx, e->c, e->window, 1, 2))
        return -1;

    runs = telu_encode_begin(&e->rc, &budget, &e->layers, &e->bands, e->m, packet_input(e));
    if (!runs) {
        memset(e->base, 0, TELU_COEFS * sizeof(float));
        reset_networks(e);
    } else {
        int coded = telu_encode_coded(&e->layers);

        if (run_encoder_network(e) || code_base(e, coded))
            return -1;
        if (coded && !telu_encode_settle(&budget, &e->layers, &e->bands, e->m) &&
            code_base(e, coded))
            return -1;

        /* The next packet needs the history even when this one is base-only. */
        if (telu_decoder_net(&e->ctx, e->m, &e->dec, e->base, e->sum))
            return -1;
    }
    n = telu_encode_finish(&e->rc, &budget, &e->layers, &e->bands, e->m, e->c, e->base, NULL,
                           y, packet);
    e->info = telu_layers_info(&e->layers, n);
    return n;
}

int telu_encode(struct telu_encoder *e, const float *pcm, uint8_t *packet, size_t cap)
{
    uint64_t modes = telu_modes_begin();
    int n = encode(e, pcm, packet, cap);

    telu_modes_end(modes);
    return n;
}

TELU_MODES_INSIDE
static int resync(struct telu_encoder *e, const float *pcm, const uint8_t *packet, size_t n)
{
    const struct telu_tables *t = &e->m->tab;
    struct telu_layers *l = &e->layers;
    struct telu_budget budget;
    uint32_t cost;

    push_input(e, pcm);
    if (telu_packet_get(l, &e->bands, packet, n, t, e->m->cfg.stages, e->m->n))
        return telu_fail_status(TELU_ERR_FORMAT, "a packet of %zu bytes is damaged, expected one "
                                "that an encoder made", n);
    if (e->ctx.be->mdct(&e->ctx, e->c, e->window, 1, 2))
        return -1;

    budget = telu_rc_budget(&e->rc, e->m, packet_input(e));
    if (!l->stages && !l->prefix_bits) {
        memset(e->base, 0, TELU_COEFS * sizeof(float));
        reset_networks(e);
    } else if (run_encoder_network(e) ||
               telu_rvq_decode(&e->ctx, e->m, e->sum, l->codes, l->stages, l->prefix,
                               l->prefix_bits) ||
               telu_decoder_net(&e->ctx, e->m, &e->dec, e->base, e->sum)) {
        return -1;
    }
    cost = l->leveled ? telu_level_cost(l->level, l->refined ? l->q : NULL, l->stages, t) : 0;
    if (budget.refined && l->refined)          /* overwrites q */
        telu_rc_step(&e->rc, &budget, &e->bands, t,
                     telu_packet_header_bytes(l->codes, l->stages, 1, t), e->c, e->base, l->q,
                     NULL);
    if (l->refined || l->leveled)
        telu_rc_code_cost(&e->rc, e->m, l->stages, telu_code_cost(l->codes, l->stages, t));
    if (l->leveled)
        telu_rc_level_cost(&e->rc, cost);
    telu_rc_update(&e->rc, &budget, (int)n);
    return 0;
}

int telu_encoder_resync(struct telu_encoder *e, const float *pcm, const uint8_t *packet, size_t n)
{
    uint64_t modes = telu_modes_begin();
    int r = resync(e, pcm, packet, n);

    telu_modes_end(modes);
    return r;
}

/* --- Decoder -------------------------------------------------------------- */

struct telu_decoder *telu_decoder_new(const struct telu_model *m,
                                      const struct telu_backend *be)
{
    struct telu_decoder *d = calloc(1, sizeof(*d));
    const struct telu_config *c = m ? &m->cfg : NULL;
    size_t dec = c ? net_floats(c, c->dec_width, c->dec_blocks) : 0;
    size_t latent = c ? padded(c->latent) : 0, post = m ? telu_postnet_floats(m) : 0;
    float *at;

    if (!d) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a decoder");
        return NULL;
    }
    if (stream_init(&d->ctx, &d->arena, m, be, padded(telu_synthesis_floats()) +
               3 * padded(TELU_COEFS) + latent + padded(dec) + post)) {
        free(d);
        return NULL;
    }
    d->m = m;
    at = d->arena;
    telu_synthesis_init(&d->synthesis, take(&at, telu_synthesis_floats()));
    d->c = take(&at, TELU_COEFS);
    d->base = take(&at, TELU_COEFS);
    telu_plc_init(&d->plc, take(&at, TELU_COEFS));
    d->sum = take(&at, latent);
    telu_net_init(&d->dec, take(&at, dec), c->dec_width, c->dec_blocks, c->kernel);
    telu_postnet_init(&d->post, take(&at, post), m);
    return d;
}

void telu_decoder_free(struct telu_decoder *d)
{
    if (!d)
        return;
    d->ctx.be->release(d->arena);
    free(d);
}

void telu_decoder_watch(struct telu_decoder *d,
                        void (*watch)(void *user, const struct telu_postnet_packet *p),
                        void *user)
{
    d->post.watch = watch;
    d->post.user = user;
}

static void reset_decoder_network(struct telu_decoder *d)
{
    const struct telu_config *c = &d->m->cfg;

    if (d->has_history)
        telu_net_reset(&d->dec, c->dec_width, c->dec_blocks, c->kernel);
    d->has_history = 0;
}

static void reset_postnet(struct telu_decoder *d)
{
    if (d->post_history)
        telu_postnet_reset(&d->post, d->m);
    d->post_history = 0;
}

void telu_decoder_reset(struct telu_decoder *d)
{
    reset_decoder_network(d);
    reset_postnet(d);
    telu_synthesis_reset(&d->synthesis);
    memset(&d->info, 0, sizeof(d->info));
    telu_plc_reset(&d->plc);
}

void telu_decoder_info(const struct telu_decoder *d, struct telu_info *info)
{
    *info = d->info;
}

/* c -> pcm, corrected by the post-network where the model has one, else by the postfilter. l and
 * bands are the packet's; NULL: it is concealed, not refined. */
static int synthesise(struct telu_decoder *d, const struct telu_layers *l,
                      const struct telu_bands *bands, float *pcm)
{
    struct telu_correction how = { .bands = bands, .shape = l ? l->shape : 0 };

    if (!d->m->post.blocks || !telu_postnet_corrects(l)) {
        reset_postnet(d);
        return telu_synthesis_run(&d->ctx, &d->synthesis, d->c, bands ? &how : NULL, pcm);
    }
    d->post_history = 1;
    how.m = d->m;
    how.net = &d->post;
    how.packet = (struct telu_postnet_packet){
        .base = d->base, .q = d->layers.q, .step = d->bands.step,
        .kind = telu_postnet_kind_of(l), .stages = l ? l->stages : 0,
    };
    return telu_synthesis_run(&d->ctx, &d->synthesis, d->c, &how, pcm);
}

TELU_MODES_INSIDE
static int conceal(struct telu_decoder *d, float *pcm)
{
    float gain = telu_plc_next_gain(&d->plc);

    d->info = (struct telu_info){ 0 };
    memset(d->base, 0, TELU_COEFS * sizeof(float));
    if (gain == 0.0f)
        memset(d->c, 0, TELU_COEFS * sizeof(float));
    else if (!d->plc.base)
        telu_plc_repeat(&d->plc, d->c);
    else if (telu_decoder_net(&d->ctx, d->m, &d->dec, d->base, d->sum))
        return -1;
    else
        telu_plc_extrapolate(&d->plc, d->c, d->base);
    for (int k = 0; k < TELU_COEFS; k++)
        d->c[k] *= gain;
    if (gain == 0.0f)                  /* silent: the networks wait */
        return telu_synthesis_run(&d->ctx, &d->synthesis, d->c, NULL, pcm);
    return synthesise(d, NULL, NULL, pcm);
}

TELU_MODES_INSIDE
static int decode(struct telu_decoder *d, const uint8_t *packet, size_t n, float *pcm)
{
    const struct telu_tables *t = &d->m->tab;
    struct telu_layers *l = &d->layers;
    int base;

    if (telu_packet_get(l, &d->bands, packet, n, t, d->m->cfg.stages, d->m->n))
        return conceal(d, pcm) ? -1 : 1;

    base = l->stages > 0 || l->prefix_bits > 0;
    if (!base) {
        reset_decoder_network(d);
        memset(d->base, 0, TELU_COEFS * sizeof(float));
    } else {
        d->has_history = 1;
        if (telu_rvq_decode(&d->ctx, d->m, d->sum, l->codes, l->stages, l->prefix,
                            l->prefix_bits) ||
            telu_decoder_net(&d->ctx, d->m, &d->dec, d->base, d->sum))
            return -1;
    }
    telu_dequantise_packet(d->c, l, &d->bands, t, d->base);
    telu_plc_received(&d->plc, d->c, base);
    d->info = telu_layers_info(l, (int)n);
    return synthesise(d, l, l->refined ? &d->bands : NULL, pcm);
}

int telu_conceal(struct telu_decoder *d, float *pcm)
{
    uint64_t modes = telu_modes_begin();
    int r = conceal(d, pcm);

    telu_modes_end(modes);
    return r;
}

int telu_decode(struct telu_decoder *d, const uint8_t *packet, size_t n, float *pcm)
{
    uint64_t modes = telu_modes_begin();
    int r = decode(d, packet, n, pcm);

    telu_modes_end(modes);
    return r;
}
