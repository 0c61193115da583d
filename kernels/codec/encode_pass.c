/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encode_pass.c - encodes packets: of one stream, or of several side by side. Their networks share
 * each pass over the weights, their transforms the matrix; all else is done for one row after the
 * other.
 */
#include "stream.h"

#include "error.h"
#include "float_modes.h"
#include "mdct.h"

#include <string.h>

/* A packet on its way. */
struct encode_row {
    struct telu_encoder *e;
    struct telu_encode_request *request;
    struct telu_budget budget;
    struct telu_layers layers;
    struct telu_bands bands;
    int runs;                  /* 1: the networks run */
    int searched;              /* 1: its codes are about to be searched */
    int coded;                 /* 1: for the range coder, which minds their cost */
    int failed;
    _Alignas(64) float c[TELU_COEFS];      /* original */
    float base[TELU_COEFS];                /* base layer */
};

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

/* Takes the input of all rows, whose transforms share the matrix. 0, or -1. */
static int take_input(struct encode_row *w, int rows, float *scratch)
{
    struct telu_ctx *ctx = &w->e->ctx;
    float *c = scratch + rows * TELU_WAVE;

    for (int r = 0; r < rows; r++) {
        push_input(w[r].e, w[r].request->pcm);
        memcpy(scratch + r * TELU_WAVE, w[r].e->window, TELU_WAVE * sizeof(*scratch));
    }
    if (ctx->be->mdct(ctx, c, scratch, rows, 2))
        return -1;
    for (int r = 0; r < rows; r++)
        memcpy(w[r].c, c + r * TELU_COEFS, TELU_COEFS * sizeof(*c));
    return 0;
}

static void begin(struct encode_row *w)
{
    struct telu_encoder *e = w->e;

    w->runs = telu_encode_begin(&e->rc, &w->budget, &w->layers, &w->bands, e->m, packet_input(e));
    if (w->runs) {
        e->has_history = 1;
    } else {
        memset(w->base, 0, sizeof(w->base));
        telu_encoder_forget(e);
    }
}

/* latent -> codes and prefix, and sum, the latent that the decoder gets from them, of the rows that
 * are to be searched. */
static void search(struct encode_row *w, int rows, float *scratch)
{
    struct telu_rvq_row p[TELU_NET_ROWS];
    int n = 0;

    for (int r = 0; r < rows; r++)
        if (w[r].searched) {
            struct telu_layers *l = &w[r].layers;

            p[n++] = (struct telu_rvq_row){
                .codes = l->codes, .S = l->stages, .prefix = &l->prefix,
                .prefix_bits = l->prefix_bits, .coded = w[r].coded, .sum = w[r].e->sum,
                .latent = w[r].e->latent,
            };
        }
    if (n && telu_rvq_run(&w->e->ctx, w->e->m, p, n, scratch))
        for (int r = 0; r < rows; r++)
            w[r].failed |= w[r].searched;
}

/* Rows whose refinement or levels do not fit are searched again, as base-only packets. */
static void choose_codes(struct encode_row *w, int rows, float *scratch)
{
    for (int r = 0; r < rows; r++) {
        w[r].searched = w[r].runs && !w[r].failed;
        w[r].coded = telu_encode_coded(&w[r].layers);
    }
    search(w, rows, scratch);
    for (int r = 0; r < rows; r++)
        w[r].searched = w[r].searched && !w[r].failed && w[r].coded &&
                        !telu_encode_settle(&w[r].budget, &w[r].layers, &w[r].bands, w[r].e->m);
    search(w, rows, scratch);
}

static void finish(struct encode_row *w)
{
    _Alignas(64) float y[TELU_COEFS];      /* scratch */
    struct telu_encoder *e = w->e;
    int n = telu_encode_finish(&e->rc, &w->budget, &w->layers, &w->bands, e->m, w->c, w->base, NULL,
                               y, w->request->packet);

    e->info = telu_layers_info(&w->layers, n);
    w->request->bytes = n;
}

/* Runs a network of all rows that have one: the encoder's, or the decoder's, since the next packet
 * needs its history even when this one is base-only. */
static void run_networks(struct encode_row *w, int rows, int decoder, float *scratch)
{
    struct telu_ctx *ctx = &w->e->ctx;
    const struct telu_model *m = w->e->m;
    struct telu_net_pass p = { .rows = 0 };

    for (int r = 0; r < rows; r++)
        if (w[r].runs && !w[r].failed) {
            struct telu_encoder *e = w[r].e;

            p.state[p.rows] = decoder ? &e->dec : &e->enc;
            p.in[p.rows] = decoder ? e->sum : w[r].c;
            p.out[p.rows++] = decoder ? w[r].base : e->latent;
        }
    if (decoder ? telu_decoder_pass(ctx, m, &p, scratch) : telu_encoder_pass(ctx, m, &p, scratch))
        for (int r = 0; r < rows; r++)
            w[r].failed |= w[r].runs;
}

/* Encodes a packet of each of some streams of one model and backend. */
TELU_MODES_INSIDE
static void encode(struct encode_row *w, int rows, float *scratch)
{
    const int failed = take_input(w, rows, scratch);

    for (int r = 0; r < rows; r++) {
        w[r].runs = 0;
        w[r].failed = failed;
        if (!failed)
            begin(&w[r]);
    }
    run_networks(w, rows, 0, scratch);
    choose_codes(w, rows, scratch);
    run_networks(w, rows, 1, scratch);
    for (int r = 0; r < rows; r++)
        if (w[r].failed)
            w[r].request->bytes = -1;
        else
            finish(&w[r]);
}

int telu_encode(struct telu_encoder *e, const float *pcm, uint8_t *packet, size_t cap)
{
    _Alignas(64) float scratch[TELU_NET_ROW_SCRATCH];
    struct telu_encode_request request = { .pcm = pcm, .packet = packet };
    struct encode_row row;
    uint64_t modes;

    if (cap < TELU_MAX_PACKET)
        return telu_fail("room for a packet is %zu bytes, expected %d", cap, TELU_MAX_PACKET);
    row.e = e;
    row.request = &request;
    modes = telu_modes_begin();
    encode(&row, 1, scratch);
    telu_modes_end(modes);
    return request.bytes;
}

/* --- Several streams ------------------------------------------------------ */

static int check(void *requests, int i, struct telu_member *who)
{
    struct telu_encode_request *r = (struct telu_encode_request *)requests + i;
    const char *lacks = !r->encoder ? "encoder" : !r->pcm ? "pcm" : !r->packet ? "packet" : NULL;

    r->bytes = telu_request_check(lacks, r->reserved, i);
    if (!r->bytes)
        *who = (struct telu_member){ r->encoder, r->encoder->m, r->encoder->ctx.be };
    return r->bytes;
}

static int run(void *requests, const int *index, int rows)
{
    _Alignas(64) float scratch[TELU_NET_SCRATCH];
    struct encode_row w[TELU_NET_ROWS];
    int failed = 0;

    for (int r = 0; r < rows; r++) {
        w[r].request = (struct telu_encode_request *)requests + index[r];
        w[r].e = w[r].request->encoder;
    }
    encode(w, rows, scratch);
    for (int r = 0; r < rows; r++)
        failed |= w[r].failed != 0;
    return failed;
}

int telu_encode_many(struct telu_encode_request *requests, int count)
{
    return telu_many_run(&(struct telu_many){ check, run, 0 }, requests, count);
}

/* --- Following another encoder -------------------------------------------- */

static int run_encoder_network(struct telu_encoder *e, const float *c)
{
    e->has_history = 1;
    return telu_encoder_net(&e->ctx, e->m, &e->enc, e->latent, c);
}

TELU_MODES_INSIDE
static int resync(struct telu_encoder *e, const float *pcm, const uint8_t *packet, size_t n)
{
    const struct telu_tables *t = &e->m->tab;
    _Alignas(64) float c[TELU_COEFS], base[TELU_COEFS];
    struct telu_budget budget;
    struct telu_layers layers, *l = &layers;
    struct telu_bands bands;
    uint32_t cost;

    push_input(e, pcm);
    if (telu_packet_get(l, &bands, packet, n, t, e->m->cfg.stages, e->m->n))
        return telu_fail_status(TELU_ERR_FORMAT, "a packet of %zu bytes is damaged, expected one "
                                "that an encoder made", n);
    if (e->ctx.be->mdct(&e->ctx, c, e->window, 1, 2))
        return -1;

    budget = telu_rc_budget(&e->rc, e->m, packet_input(e));
    if (!l->stages && !l->prefix_bits) {
        memset(base, 0, TELU_COEFS * sizeof(float));
        telu_encoder_forget(e);
    } else if (run_encoder_network(e, c) ||
               telu_rvq_decode(&e->ctx, e->m, e->sum, l->codes, l->stages, l->prefix,
                               l->prefix_bits) ||
               telu_decoder_net(&e->ctx, e->m, &e->dec, base, e->sum)) {
        return -1;
    }
    cost = l->leveled ? telu_level_cost(l->level, l->refined ? l->q : NULL, l->stages, t) : 0;
    if (budget.refined && l->refined)          /* overwrites q */
        telu_rc_step(&e->rc, &budget, &bands, t,
                     telu_packet_header_bytes(l->codes, l->stages, 1, t), c, base, l->q,
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

