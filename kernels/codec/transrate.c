/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transrate.c - makes packets of a stream smaller:
 *
 *   packet --> codes --> rvq --> decoder net --> base --> dequantise --> c
 *                 |                                                      |
 *   fewer codes <-'--> rvq --> decoder net --> base ----------> c - g base --> quantise --> packet
 *
 * The lower half is the encoder's, with the decoder's coefficients in place of the input's, and
 * codes that are the first of those that came. With as many, both networks are one.
 */
#include "stream.h"

#include "error.h"
#include "float_modes.h"

#include <stdlib.h>
#include <string.h>

#define RATE_PER_BYTE   400     /* bit/s that make one byte per packet */
#define LEAST_BYTES     8       /* of a refined packet beside its codes */

struct telu_transrater *telu_transrater_new(const struct telu_model *m,
                                            const struct telu_backend *be)
{
    struct telu_transrater *t = calloc(1, sizeof(*t));
    struct telu_rate rate = telu_rate_init();
    size_t latent = m ? telu_stream_padded(m->cfg.latent) : 0;
    float *at;

    if (!t) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a transrater");
        return NULL;
    }
    t->floats = m ? telu_net_floats(m->cfg.dec_width, m->cfg.dec_blocks, m->cfg.kernel) : 0;
    if (telu_stream_init(&t->ctx, &t->arena, m, be, latent + 2 * telu_stream_padded(t->floats))) {
        free(t);
        return NULL;
    }
    t->m = m;
    at = t->arena;
    t->latent = telu_stream_take(&at, latent);
    telu_net_init(&t->from, telu_stream_take(&at, t->floats));
    telu_net_init(&t->to, telu_stream_take(&at, t->floats));
    rate.bitrate = TELU_MAX_BITRATE;
    telu_rc_set(&t->rc, &rate);
    telu_rc_reset(&t->rc);
    return t;
}

void telu_transrater_free(struct telu_transrater *t)
{
    if (!t)
        return;
    t->ctx.be->release(t->arena);
    free(t);
}

/* A packet without codes clears the histories of a decoder. */
static void forget(struct telu_transrater *t)
{
    const struct telu_config *c = &t->m->cfg;

    if (t->has_history) {
        telu_net_reset(&t->from, c->dec_width, c->dec_blocks, c->kernel);
        telu_net_reset(&t->to, c->dec_width, c->dec_blocks, c->kernel);
    }
    t->has_history = t->apart = 0;
}

void telu_transrater_reset(struct telu_transrater *t)
{
    forget(t);
    telu_deficit_reset(&t->deficit);
    telu_rc_reset(&t->rc);
}

int telu_transrater_set(struct telu_transrater *t, int bitrate)
{
    struct telu_rate rate = t->rc.rate;

    if (bitrate < TELU_MIN_BITRATE || bitrate > TELU_MAX_BITRATE)
        return telu_fail("bitrate is %d, expected %d to %d", bitrate, TELU_MIN_BITRATE,
                         TELU_MAX_BITRATE);
    rate.bitrate = bitrate;
    telu_rc_set(&t->rc, &rate);
    return 0;
}

/* --- One packet ----------------------------------------------------------- */

/* A packet on its way. */
struct transrate_row {
    struct telu_layers from, to;
    struct telu_bands bands;
    struct telu_budget budget;
    _Alignas(64) float c[TELU_COEFS];      /* of what came, in place of an original */
    _Alignas(64) float base[TELU_COEFS];   /* base layer: of what came, then of what leaves */
};

static int has_codes(const struct telu_layers *l)
{
    return l->stages > 0 || l->prefix_bits > 0;
}

/* 1 when the codes that leave are those that came. */
static int same_codes(const struct telu_layers *to, const struct telu_layers *from)
{
    return to->stages == from->stages && to->prefix_bits == from->prefix_bits;
}

static int run_network(struct telu_transrater *t, struct telu_net_state *s,
                       const struct telu_layers *l, float *base)
{
    return telu_rvq_decode(&t->ctx, t->m, t->latent, l->codes, l->stages, l->prefix,
                           l->prefix_bits) ||
           telu_decoder_net(&t->ctx, t->m, s, base, t->latent) ? -1 : 0;
}

/* Sets c and base. While histories are alike, `to` becomes that of the packet before here, since
 * fewer codes may leave. 0, or -1. */
static int decode(struct telu_transrater *t, struct transrate_row *w)
{
    if (!t->apart)
        memcpy(t->to.mem, t->from.mem, t->floats * sizeof(float));
    if (!has_codes(&w->from)) {
        memset(w->base, 0, sizeof(w->base));
        forget(t);
    } else {
        t->has_history = 1;
        if (run_network(t, &t->from, &w->from, w->base))
            return -1;
    }
    telu_dequantise_packet(w->c, &w->from, &w->bands, &t->m->tab, w->base, &t->deficit);
    return 0;
}

/* Rate control minds what packets were tuned for: with refinement shape 0 is for SNR; without,
 * only that for SNR has no levels. */
static void follow(struct telu_rate *rate, const struct telu_layers *from)
{
    const int snr = from->refined ? from->shape == 0 : !from->leveled && !from->cut;

    rate->tune = snr ? TELU_SNR : TELU_PERCEPTUAL;
    rate->refinement = from->refined;
}

/* The size of a base-only packet tells the number of its codes, so it has no byte more than those
 * that came fill. Returns 0 when they fill none. */
static int fewer_base_codes(struct transrate_row *w, const struct telu_model *m)
{
    struct telu_layers *to = &w->to;
    const struct telu_layers *from = &w->from;
    int most = (1 + from->stages * m->n + from->prefix_bits) / 8;

    if (most < 1)
        return 0;
    if (w->budget.cap > most)
        w->budget.cap = w->budget.bytes = most;
    telu_packet_capacity(w->budget.cap, m->cfg.stages, m->n, &to->stages, &to->prefix_bits);
    if (to->prefix_bits > 0)
        to->prefix = to->stages < from->stages
            ? from->codes[to->stages] >> (m->n - to->prefix_bits)
            : from->prefix >> (from->prefix_bits - to->prefix_bits);
    return 1;
}

/* Limits a packet with refinement or levels to the codes that came. With refinement all stay if
 * they leave room: coefficients are what the base layer lacks, more of it with fewer codes. */
static void fewer_codes(struct transrate_row *w, const struct telu_model *m, int bitrate)
{
    const struct telu_layers *from = &w->from;
    int code_bytes = (int)(telu_code_cost(from->codes, from->stages, &m->tab) / 512);

    if (w->to.stages > from->stages ||
        (w->to.refined && code_bytes + LEAST_BYTES < bitrate / RATE_PER_BYTE))
        w->to.stages = from->stages;
    w->budget.stages = w->to.stages;
    if (w->to.refined)
        w->budget.leveled = w->to.leveled = telu_packet_leveled(w->budget.shape, w->to.stages);
}

/* A refined packet without codes has nothing but coefficients, whatever the rate. */
static void only_coefficients(struct transrate_row *w, int cap)
{
    w->budget = (struct telu_budget){ .refined = 1, .shape = w->from.shape, .cap = cap };
    w->to.refined = 1;
    w->to.shape = w->from.shape;
    w->to.stages = w->to.prefix_bits = w->to.leveled = 0;
}

/* Chooses budget and codes of the packet that leaves. Returns 0 when the one that came, of n bytes,
 * is small enough, or has nothing that could be left out. */
static int choose(struct telu_transrater *t, struct transrate_row *w, int n)
{
    const struct telu_layers *from = &w->from;
    struct telu_layers *to = &w->to;

    follow(&t->rc.rate, from);
    *to = (struct telu_layers){ .stages = 0 };
    memcpy(to->codes, from->codes, sizeof(to->codes));
    telu_encode_begin(&t->rc, &w->budget, to, &w->bands, t->m, w->c);
    if (from->cut)
        return 0;
    if (!to->refined && !has_codes(from))
        only_coefficients(w, telu_rc_max_bytes(&t->rc.rate));
    if (telu_encode_coded(to)) {
        fewer_codes(w, t->m, t->rc.rate.bitrate);
        if (!from->refined && same_codes(to, from))
            return 0;
        if (telu_encode_settle(&w->budget, to, &w->bands, t->m))
            return 1;
        if (!has_codes(from))
            return 0;
    }
    return fewer_base_codes(w, t->m) && w->budget.cap < n;
}

/* Makes base that of a decoder which gets the codes of l, those that leave. 0, or -1. */
static int decode_again(struct telu_transrater *t, struct transrate_row *w,
                        const struct telu_layers *l)
{
    const int same = same_codes(l, &w->from);

    if (!has_codes(&w->from) || (same && !t->apart))
        return 0;
    t->apart = same ? t->apart - 1 : TELU_WARMUP;
    if (has_codes(l))
        return run_network(t, &t->to, l, w->base);
    telu_net_reset(&t->to, t->m->cfg.dec_width, t->m->cfg.dec_blocks, t->m->cfg.kernel);
    memset(w->base, 0, sizeof(w->base));
    return 0;
}

/* Writes the packet that leaves, or the one that came, if that has as few bits. */
static int write_packet(struct telu_transrater *t, struct transrate_row *w, const uint8_t *packet,
                        int n, uint8_t *out)
{
    _Alignas(64) float y[TELU_COEFS];      /* scratch */
    const float credit = t->rc.credit;
    int bytes = telu_encode_finish(&t->rc, &w->budget, &w->to, &w->bands, t->m, w->c, w->base,
                                   NULL, y, out);
    int coarser = !w->from.refined || !w->to.refined || w->to.step > w->from.step;

    if (!same_codes(&w->to, &w->from) || (coarser && bytes < n))
        return bytes;
    t->rc.credit = credit;
    telu_rc_update(&t->rc, &w->budget, n);
    memcpy(out, packet, (size_t)n);
    return n;
}

TELU_MODES_INSIDE
static int transrate(struct telu_transrater *t, const uint8_t *packet, int n, uint8_t *out)
{
    struct transrate_row row, *w = &row;
    const int damaged = telu_packet_get(&w->from, &w->bands, packet, (size_t)n, &t->m->tab,
                                        t->m->cfg.stages, t->m->n);
    int changed;

    memcpy(out, packet, (size_t)n);
    if (damaged)
        return n;
    if (decode(t, w))
        return -1;
    changed = choose(t, w, n);
    if (decode_again(t, w, changed ? &w->to : &w->from))
        return -1;
    if (changed)
        return write_packet(t, w, packet, n, out);
    telu_rc_update(&t->rc, &w->budget, n);
    return n;
}

int telu_transrate(struct telu_transrater *t, const uint8_t *packet, size_t n, uint8_t *out,
                   size_t cap)
{
    uint64_t modes;
    int bytes;

    if (n < 1 || n > TELU_MAX_PACKET)
        return telu_fail("a packet has %zu bytes, expected 1 to %d", n, TELU_MAX_PACKET);
    if (cap < TELU_MAX_PACKET)
        return telu_fail("room for a packet is %zu bytes, expected %d", cap, TELU_MAX_PACKET);
    modes = telu_modes_begin();
    bytes = transrate(t, packet, (int)n, out);
    telu_modes_end(modes);
    return bytes;
}
