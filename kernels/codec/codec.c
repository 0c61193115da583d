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
 * A packet without codes (S = 0) skips the networks and clears their histories. Here streams begin
 * and end; encode_pass.c and decode_pass.c run their packets in host memory, those of several
 * streams side by side; transrate.c makes packets smaller. engine.h batches streams on a device.
 */
#include "stream.h"

#include "backend_host.h"
#include "error.h"
#include "float_modes.h"
#include "mdct.h"

#include <stdlib.h>
#include <string.h>

/* --- Memory --------------------------------------------------------------- */

size_t telu_stream_padded(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

float *telu_stream_take(float **at, size_t floats)
{
    float *p = *at;

    *at += telu_stream_padded(floats);
    return p;
}

static size_t net_floats(const struct telu_config *c, int width, int blocks)
{
    return telu_net_floats(width, blocks, c->kernel);
}

int telu_stream_init(struct telu_ctx *ctx, float **arena, const struct telu_model *m,
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
    size_t latent = c ? telu_stream_padded(c->latent) : 0;
    float *at;

    if (!e) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for an encoder");
        return NULL;
    }
    if (telu_stream_init(&e->ctx, &e->arena, m, be,
                         telu_stream_padded(TELU_WAVE) + 2 * latent + enc + dec)) {
        free(e);
        return NULL;
    }
    e->m = m;
    at = e->arena;
    e->window = telu_stream_take(&at, TELU_WAVE);
    e->latent = telu_stream_take(&at, latent);
    e->sum = telu_stream_take(&at, latent);
    telu_net_init(&e->enc, telu_stream_take(&at, enc));
    telu_net_init(&e->dec, telu_stream_take(&at, dec));
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

void telu_encoder_forget(struct telu_encoder *e)
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
    telu_encoder_forget(e);
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

/* --- Decoder -------------------------------------------------------------- */

struct telu_decoder *telu_decoder_new(const struct telu_model *m,
                                      const struct telu_backend *be)
{
    struct telu_decoder *d = calloc(1, sizeof(*d));
    const struct telu_config *c = m ? &m->cfg : NULL;
    size_t dec = c ? net_floats(c, c->dec_width, c->dec_blocks) : 0;
    size_t post = m ? telu_postnet_floats(m) : 0;
    float *at;

    /* The concealment's coefficients lie in a history that is not in use (stream.h). */
    dec = dec > TELU_COEFS ? dec : TELU_COEFS;
    if (!d) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for a decoder");
        return NULL;
    }
    if (telu_stream_init(&d->ctx, &d->arena, m, be, telu_stream_padded(telu_synthesis_floats()) +
                         telu_stream_padded(dec) + post)) {
        free(d);
        return NULL;
    }
    d->m = m;
    at = d->arena;
    telu_synthesis_init(&d->synthesis, telu_stream_take(&at, telu_synthesis_floats()));
    telu_net_init(&d->dec, telu_stream_take(&at, dec));
    telu_plc_init(&d->plc, d->dec.mem);
    telu_postnet_init(&d->post, telu_stream_take(&at, post));
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

void telu_decoder_forget(struct telu_decoder *d)
{
    const struct telu_config *c = &d->m->cfg;

    if (d->has_history)
        telu_net_reset(&d->dec, c->dec_width, c->dec_blocks, c->kernel);
    d->has_history = 0;
}

void telu_decoder_remember(struct telu_decoder *d)
{
    if (!d->has_history)
        memset(d->plc.last, 0, TELU_COEFS * sizeof(float));
    d->has_history = 1;
}

void telu_decoder_forget_postnet(struct telu_decoder *d)
{
    if (d->post_history)
        telu_postnet_reset(&d->post, d->m);
    d->post_history = 0;
}

void telu_decoder_reset(struct telu_decoder *d)
{
    telu_decoder_forget(d);
    telu_decoder_forget_postnet(d);
    telu_synthesis_reset(&d->synthesis);
    memset(&d->info, 0, sizeof(d->info));
    telu_plc_reset(&d->plc);
    telu_deficit_reset(&d->deficit);
}

void telu_decoder_info(const struct telu_decoder *d, struct telu_info *info)
{
    *info = d->info;
}

/* --- Several streams ------------------------------------------------------- */

/* Streams whose packets run together. */
struct group {
    int rows;
    int index[TELU_NET_ROWS];  /* of their requests */
    struct telu_member who[TELU_NET_ROWS];
};

/* Adds request i. Returns 0 and does not when the group is full, when its streams are of another
 * model or backend, or when it has the stream already, unless `again`. */
static int join(struct group *g, const struct telu_member *who, int again, int i)
{
    if (g->rows && (g->rows >= telu_net_rows(who->m) || g->who[0].m != who->m ||
                    g->who[0].be != who->be))
        return 0;
    for (int r = 0; r < g->rows && !again; r++)
        if (g->who[r].stream == who->stream)
            return 0;
    g->index[g->rows] = i;
    g->who[g->rows++] = *who;
    return 1;
}

int telu_many_run(const struct telu_many *side, void *requests, int count)
{
    struct group group = { .rows = 0 };
    uint64_t modes;
    int failed = 0;

    if (count < 0 || (count && !requests))
        return telu_fail("%d requests%s, expected an array of 0 or more", count,
                         requests ? "" : " without an array");
    modes = telu_modes_begin();
    for (int i = 0; i < count; i++) {
        struct telu_member who = { NULL, NULL, NULL };

        if (side->check(requests, i, &who)) {
            failed = 1;
        } else if (!join(&group, &who, side->again, i)) {
            failed |= side->run(requests, group.index, group.rows);
            group.rows = 0;
            join(&group, &who, side->again, i);
        }
    }
    if (group.rows)
        failed |= side->run(requests, group.index, group.rows);
    telu_modes_end(modes);
    return failed ? -1 : 0;
}

int telu_request_check(const char *lacks, const int *reserved, int i)
{
    if (lacks)
        return telu_fail("request %d has no %s", i, lacks);
    for (int k = 0; k < 3; k++)
        if (reserved[k])
            return telu_fail("reserved[%d] of request %d is %d, expected 0: begin with zeros", k, i,
                             reserved[k]);
    return 0;
}
