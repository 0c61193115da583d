/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode_pass.c - decodes packets, and conceals lost ones: one, several of a stream, or those of
 * streams side by side. Their networks share each pass over the weights, their transforms the
 * matrix; all else is done for one row after the other.
 */
#include "stream.h"

#include "dequantise.h"
#include "error.h"
#include "float_modes.h"
#include "mdct.h"

#include <string.h>

enum correction { PLAIN, POSTFILTER, POSTNET };

/* A packet on its way. */
struct decode_row {
    struct telu_decoder *d;
    struct telu_decode_request *request;
    struct telu_layers layers;
    struct telu_bands bands;
    int lost;                  /* 1: it did not come or cannot be read */
    float gain;                /* of a lost one */
    int runs;                  /* 1: the decoder network runs */
    enum correction correction;
    int failed;
    union {
        _Alignas(64) float latent[TELU_MAX_WIDTH];     /* until the network ran */
        struct {
            float c[TELU_COEFS];
            float base[TELU_COEFS];    /* of the network, zeros without one */
            float change[TELU_COEFS];  /* of the predicted waveform, then that of c */
        };
    };
    float confidence[2];       /* of the prediction */
};

/* The post-network corrects where the model has one, else the postfilter. */
static enum correction correction_of(const struct decode_row *w)
{
    if (w->d->m->post.blocks && telu_postnet_corrects(w->lost ? NULL : &w->layers))
        return POSTNET;
    return !w->lost && w->layers.refined ? POSTFILTER : PLAIN;
}

/* Reads the packet, whatever the state of its stream. */
static void parse(struct decode_row *w)
{
    const struct telu_decode_request *q = w->request;
    const struct telu_model *m = w->d->m;

    w->lost = !q->packet || telu_packet_get(&w->layers, &w->bands, q->packet, q->size, &m->tab,
                                            m->cfg.stages, m->n);
    w->runs = !w->lost && (w->layers.stages > 0 || w->layers.prefix_bits > 0);
    w->correction = correction_of(w);
}

/* Whether a packet may run together with the one before it in its stream: each step takes rows in
 * their order, so that histories are ready, unless one of both clears a history, is lost, or takes
 * other steps. */
static int may_follow(const struct decode_row *before, const struct decode_row *w)
{
    return before->runs && w->runs && before->correction == w->correction;
}

/* Rows from the first one on that may run together, 1 or more. */
static int together(const struct decode_row *w, int rows)
{
    for (int r = 1; r < rows; r++)
        for (int i = r; i-- > 0;)
            if (w[i].d == w[r].d) {
                if (!may_follow(&w[i], &w[r]))
                    return r;
                break;
            }
    return rows;
}

static void begin(struct decode_row *w)
{
    struct telu_decoder *d = w->d;
    struct telu_layers *l = &w->layers;

    if (w->lost) {
        w->gain = telu_plc_next_gain(&d->plc);
        w->runs = d->plc.base && w->gain > 0.0f;
    } else if (!w->runs) {
        telu_decoder_forget(d);
    }
    if (!w->runs)
        memset(w->base, 0, sizeof(w->base));
    if (w->lost || !w->runs)
        return;
    telu_decoder_remember(d);
    memcpy(d->codes, l->codes, (size_t)l->stages * sizeof(*d->codes));
    d->stages = l->stages;
    d->prefix = l->prefix;
    d->prefix_bits = l->prefix_bits;
}

/* Finds the latents of the base layers; a lost packet takes the last codes. */
static void find_latents(struct decode_row *w, int rows, float *scratch)
{
    struct telu_rvq_row p[TELU_NET_ROWS];
    int n = 0;

    for (int r = 0; r < rows; r++)
        if (w[r].runs) {
            struct telu_decoder *d = w[r].d;
            struct telu_layers *l = &w[r].layers;

            p[n++] = w[r].lost
                ? (struct telu_rvq_row){ .codes = d->codes, .S = d->stages, .prefix = &d->prefix,
                                         .prefix_bits = d->prefix_bits, .sum = w[r].latent }
                : (struct telu_rvq_row){ .codes = l->codes, .S = l->stages, .prefix = &l->prefix,
                                         .prefix_bits = l->prefix_bits, .sum = w[r].latent };
        }
    if (n && telu_rvq_run(&w->d->ctx, w->d->m, p, n, scratch))
        for (int r = 0; r < rows; r++)
            w[r].failed |= w[r].runs;
}

static void conceal(struct decode_row *w)
{
    struct telu_decoder *d = w->d;

    d->info = (struct telu_info){ 0 };
    if (w->runs)
        telu_plc_extrapolate(&d->plc, w->c, w->base);
    else if (w->gain > 0.0f)
        telu_plc_repeat(&d->plc, w->c);
    else
        memset(w->c, 0, sizeof(w->c));
    for (int k = 0; k < TELU_COEFS; k++)
        w->c[k] *= w->gain;
}

static void dequantise(struct decode_row *w)
{
    struct telu_decoder *d = w->d;

    telu_dequantise_packet(w->c, &w->layers, &w->bands, &d->m->tab, w->base, &d->deficit);
    telu_plc_received(&d->plc, w->c, w->runs);
    d->info = telu_layers_info(&w->layers, (int)w->request->size);
}

/* Rows that take a step together. */
struct some {
    struct decode_row *row[TELU_NET_ROWS];
    int rows;
};

static void fail_all(const struct some *s)
{
    for (int i = 0; i < s->rows; i++)
        s->row[i]->failed = 1;
}

/* Inverse transforms [rows][TELU_WAVE] of the rows' c, or change: in scratch, behind what they are
 * made from. NULL when they failed, as then do the rows. */
static float *inverse(const struct some *s, int change, float *scratch)
{
    float *wave = scratch + s->rows * TELU_COEFS;
    struct telu_ctx *ctx;

    if (!s->rows)
        return wave;
    ctx = &s->row[0]->d->ctx;
    for (int i = 0; i < s->rows; i++)
        memcpy(scratch + i * TELU_COEFS, change ? s->row[i]->change : s->row[i]->c,
               TELU_COEFS * sizeof(*scratch));
    if (!ctx->be->imdct(ctx, wave, scratch, s->rows, 2))
        return wave;
    fail_all(s);
    return NULL;
}

/* span [rows][TELU_LTPF_SPAN] -> change, the predicted waveform, and confidence. span lies in
 * scratch, behind rows * TELU_LTPF_SPAN floats, and is overwritten once it was read. */
static void predict(const struct some *s, const float *span, float *scratch)
{
    float *prediction = scratch + s->rows * TELU_LTPF_SPAN, confidence[2 * TELU_NET_ROWS];

    if (!s->rows)
        return;
    if (telu_synthesis_predict(&s->row[0]->d->ctx, span, scratch, prediction, confidence,
                               s->rows)) {
        fail_all(s);
        return;
    }
    for (int i = 0; i < s->rows; i++) {
        memcpy(s->row[i]->change, prediction + i * TELU_COEFS, TELU_COEFS * sizeof(*prediction));
        memcpy(s->row[i]->confidence, confidence + 2 * i, 2 * sizeof(*confidence));
    }
}

/* base -> c -> pcm without the correction, and what the correction starts from. */
static void synthesise(struct decode_row *w, int rows, float *scratch)
{
    struct some all = { .rows = 0 }, corrected = { .rows = 0 };
    float *wave, *span;

    for (int r = 0; r < rows; r++) {
        if (w[r].failed)
            continue;
        if (w[r].lost)
            conceal(&w[r]);
        else
            dequantise(&w[r]);
        if (w[r].lost && w[r].gain == 0.0f)
            w[r].correction = PLAIN;   /* silent: the networks wait */
        else if (w[r].correction != POSTNET)
            telu_decoder_forget_postnet(w[r].d);
        all.row[all.rows++] = &w[r];
    }
    wave = inverse(&all, 0, scratch);
    if (!wave)
        return;
    span = wave + all.rows * TELU_WAVE;
    for (int i = 0; i < all.rows; i++) {
        struct decode_row *row = all.row[i];

        telu_synthesis_plain(&row->d->synthesis, wave + i * TELU_WAVE,
                             span + corrected.rows * TELU_LTPF_SPAN, row->request->pcm);
        if (row->correction != PLAIN)
            corrected.row[corrected.rows++] = row;
    }
    predict(&corrected, span, scratch);
}

static void correct(struct decode_row *w, int rows, float *scratch)
{
    struct some corrected = { .rows = 0 };
    float *wave;

    for (int r = 0; r < rows; r++) {
        if (w[r].failed)
            continue;
        if (w[r].correction == PLAIN) {
            telu_synthesis_no_change(&w[r].d->synthesis, w[r].request->pcm);
            continue;
        }
        if (w[r].correction == POSTFILTER)
            telu_postfilter_change(w[r].change, w[r].c, w[r].change, w[r].confidence, &w[r].bands,
                                   w[r].layers.shape);
        corrected.row[corrected.rows++] = &w[r];
    }
    wave = inverse(&corrected, 1, scratch);
    for (int i = 0; wave && i < corrected.rows; i++)
        telu_synthesis_change(&corrected.row[i]->d->synthesis, wave + i * TELU_WAVE,
                              corrected.row[i]->request->pcm);
}

static void run_decoders(struct decode_row *w, int rows, float *scratch)
{
    struct telu_net_pass p = { .rows = 0 };

    for (int r = 0; r < rows; r++)
        if (w[r].runs && !w[r].failed) {
            p.state[p.rows] = &w[r].d->dec;
            p.in[p.rows] = w[r].latent;
            p.out[p.rows++] = w[r].base;
        }
    if (telu_decoder_pass(&w->d->ctx, w->d->m, &p, scratch))
        for (int r = 0; r < rows; r++)
            w[r].failed |= w[r].runs;
}

static void run_postnets(struct decode_row *w, int rows, float *scratch)
{
    struct telu_postnet_pass p = { .rows = 0 };

    for (int r = 0; r < rows; r++)
        if (w[r].correction == POSTNET && !w[r].failed) {
            const struct telu_layers *l = w[r].lost ? NULL : &w[r].layers;

            w[r].d->post_history = 1;
            p.state[p.rows] = &w[r].d->post;
            p.packet[p.rows] = (struct telu_postnet_packet){
                .c = w[r].c, .base = w[r].base, .prediction = w[r].change,
                .confidence = w[r].confidence, .q = w[r].layers.q, .step = w[r].bands.step,
                .kind = telu_postnet_kind_of(l), .stages = l ? l->stages : 0,
            };
            p.change[p.rows++] = w[r].change;
        }
    if (telu_postnet_run(&w->d->ctx, w->d->m, &p, scratch))
        for (int r = 0; r < rows; r++)
            w[r].failed |= w[r].correction == POSTNET;
}

/* Decodes rows that may run together. */
static void decode_together(struct decode_row *w, int rows, float *scratch)
{
    for (int r = 0; r < rows; r++) {
        w[r].failed = 0;
        begin(&w[r]);
    }
    find_latents(w, rows, scratch);
    run_decoders(w, rows, scratch);
    synthesise(w, rows, scratch);
    run_postnets(w, rows, scratch);
    correct(w, rows, scratch);
    for (int r = 0; r < rows; r++)
        w[r].request->result = w[r].failed ? -1 : w[r].lost && w[r].request->packet;
}

/* Decodes packets of streams of one model and backend, those of one stream in their order. */
TELU_MODES_INSIDE
static void decode(struct decode_row *w, int rows, float *scratch)
{
    for (int r = 0; r < rows; r++)
        parse(&w[r]);
    for (int n; rows > 0; w += n, rows -= n) {
        n = together(w, rows);
        decode_together(w, n, scratch);
    }
}

static int decode_one(struct telu_decoder *d, const uint8_t *packet, size_t size, float *pcm)
{
    _Alignas(64) float scratch[TELU_NET_ROW_SCRATCH];
    struct telu_decode_request request = { .packet = packet, .size = size, .pcm = pcm };
    struct decode_row row;
    uint64_t modes = telu_modes_begin();

    row.d = d;
    row.request = &request;
    decode(&row, 1, scratch);
    telu_modes_end(modes);
    return request.result;
}

int telu_decode(struct telu_decoder *d, const uint8_t *packet, size_t n, float *pcm)
{
    static const uint8_t none[1];

    return decode_one(d, packet ? packet : none, packet ? n : 0, pcm);
}

int telu_conceal(struct telu_decoder *d, float *pcm)
{
    return decode_one(d, NULL, 0, pcm);
}

/* --- Several streams ------------------------------------------------------ */

static int check(void *requests, int i, struct telu_member *who)
{
    struct telu_decode_request *r = (struct telu_decode_request *)requests + i;

    r->result = telu_request_check(!r->decoder ? "decoder" : !r->pcm ? "pcm" : NULL, r->reserved,
                                   i);
    if (!r->result)
        *who = (struct telu_member){ r->decoder, r->decoder->m, r->decoder->ctx.be };
    return r->result;
}

static int run(void *requests, const int *index, int rows)
{
    _Alignas(64) float scratch[TELU_NET_SCRATCH];
    struct decode_row w[TELU_NET_ROWS];
    int failed = 0;

    for (int r = 0; r < rows; r++) {
        w[r].request = (struct telu_decode_request *)requests + index[r];
        w[r].d = w[r].request->decoder;
    }
    decode(w, rows, scratch);
    for (int r = 0; r < rows; r++)
        failed |= w[r].failed != 0;
    return failed;
}

int telu_decode_many(struct telu_decode_request *requests, int count)
{
    return telu_many_run(&(struct telu_many){ check, run, 1 }, requests, count);
}
