/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* traces.c - see traces.h. */
#include "traces.h"

#include "constants.h"
#include "error.h"
#include "memory.h"
#include "network.h"
#include "pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_RATE 2500.0      /* bit/s; rates between are equally likely by octave */
#define MOST_RATE  32000.0
#define LOSSY      0.25        /* share of the pieces with losses */
#define MOST_LOSS  0.2         /* of their packets, when losses begin */
#define LONGEST    4           /* packets of one loss */

struct telu_postnet_packet trace_packet(const struct trace_row *r)
{
    return (struct telu_postnet_packet){
        .c = r->c, .base = r->base, .prediction = r->prediction, .confidence = r->confidence,
        .q = r->q, .step = r->step, .kind = r->kind, .stages = r->stages,
    };
}

/* --- Model ---------------------------------------------------------------- */

struct zeros {
    struct telu_blob *blob;
    int count;
};

static int add_zeros(void *user, const struct telu_tensor *t)
{
    struct zeros *z = user;
    const size_t bytes = telu_tensor_bytes(t);

    z->blob[z->count++] = (struct telu_blob){ zeroed(bytes), bytes };
    return 0;
}

/* The smallest post-network, so that the decoder computes what one sees. */
static struct telu_model *model_with_zeros(const struct telu_config *cfg,
                                           const struct telu_blob *blobs, int count)
{
    const struct telu_postnet_config post = { 1, 1 };
    struct zeros z = { zeroed(sizeof(*z.blob) * (count + 64)), count };
    struct telu_model *m;

    memcpy(z.blob, blobs, sizeof(*blobs) * count);
    telu_postnet_tensors(cfg, &post, add_zeros, &z);
    m = telu_model_build_post(cfg, &post, z.blob, z.count, NULL);
    if (!m)
        die("%s", telu_error());
    for (int i = count; i < z.count; i++)
        free((void *)z.blob[i].data);
    free(z.blob);
    return m;
}

void traces_init(struct traces *t, const struct telu_config *cfg, const struct telu_blob *blobs,
                 int count, const struct dataset *data, int n, int T)
{
    *t = (struct traces){ .n = n, .T = T, .data = data };
    t->row = zeroed(sizeof(*t->row) * n * T);
    t->x = floats((size_t)n * (2 * T + 1) * TELU_HOP);
    t->m = model_with_zeros(cfg, blobs, count);
}

void traces_release(struct traces *t)
{
    telu_model_close(t->m);
    free(t->row);
    free(t->x);
}

/* --- Pieces --------------------------------------------------------------- */

static void watch(void *user, const struct telu_postnet_packet *p)
{
    struct trace_row *r = *(struct trace_row **)user;

    memcpy(r->c, p->c, sizeof(r->c));
    memcpy(r->base, p->base, sizeof(r->base));
    memcpy(r->prediction, p->prediction, sizeof(r->prediction));
    memcpy(r->confidence, p->confidence, sizeof(r->confidence));
    memset(r->q, 0, sizeof(r->q));
    memset(r->step, 0, sizeof(r->step));
    if (p->kind == TELU_POSTNET_REFINED) {
        memcpy(r->q, p->q, sizeof(r->q));
        memcpy(r->step, p->step, sizeof(r->step));
    }
    r->kind = p->kind;
    r->stages = p->stages;
}

/* Returns a level as recordings have it, or, for half of the pieces, one that varies widely. */
static float draw_gain(struct rng *rng)
{
    float least = rng_below(rng, 2) ? -36.0f : -10.0f;

    return powf(10.0f, rng_uniform(rng, least, 6.0f) / 20.0f);
}

static struct telu_rate draw_rate(struct rng *rng)
{
    struct telu_rate rate = telu_rate_init();
    float octaves = rng_uniform(rng, 0.0f, log2f(MOST_RATE / LEAST_RATE));

    rate.bitrate = (int)(LEAST_RATE * exp2f(octaves));
    return rate;
}

static int decode(struct telu_decoder *d, const uint8_t *packet, int bytes, int *lost, float loss,
                  struct rng *rng)
{
    float pcm[TELU_PACKET];

    if (!*lost && rng_uniform(rng, 0.0f, 1.0f) < loss)
        *lost = 1 + (int)rng_below(rng, LONGEST);
    if (*lost) {
        --*lost;
        return telu_conceal(d, pcm);
    }
    return telu_decode(d, packet, (size_t)bytes, pcm);
}

static void code_piece(const struct traces *t, int piece, struct rng *rng)
{
    const size_t stride = (size_t)(2 * t->T + 1) * TELU_HOP;
    const long last = t->data->total - (long)TELU_PACKET * t->T;
    const long at = last > 0 ? (long)rng_below(rng, last) : 0;
    struct telu_encoder *enc = telu_encoder_new(t->m, NULL);
    struct telu_decoder *dec = telu_decoder_new(t->m, NULL);
    struct trace_row *row = t->row + (size_t)piece * t->T;
    struct telu_rate rate = draw_rate(rng);
    float *x = t->x + piece * stride, gain = draw_gain(rng), loss = 0.0f;
    uint8_t packet[TELU_MAX_PACKET];
    int lost = 0;

    if (rng_uniform(rng, 0.0f, 1.0f) < LOSSY)
        loss = rng_uniform(rng, 0.0f, MOST_LOSS);
    dataset_read(t->data, x, at - MODEL_LEAD, stride);
    for (size_t i = 0; i < stride; i++)
        x[i] *= gain;
    if (!enc || !dec || telu_encoder_set(enc, &rate))
        die("%s", telu_error());
    telu_decoder_watch(dec, watch, &row);
    for (int p = 0; p < t->T; p++, row++) {
        int bytes = telu_encode(enc, x + MODEL_LEAD + p * TELU_PACKET, packet, sizeof(packet));

        memset(row, 0, sizeof(*row));  /* not every packet is seen */
        if (bytes < 0 || decode(dec, packet, bytes, &lost, loss, rng))
            die("%s", telu_error());
    }
    telu_encoder_free(enc);
    telu_decoder_free(dec);
}

struct renewal {
    const struct traces *t;
    uint64_t seed;
};

static void renew(void *arg, int item, int thread)
{
    const struct renewal *r = arg;
    struct rng rng;

    (void)thread;
    rng_seed(&rng, r->seed + (uint64_t)item);
    code_piece(r->t, (r->t->next + item) % r->t->n, &rng);
}

void traces_renew(struct traces *t, int n, struct rng *rng)
{
    struct renewal r = { t, rng_next(rng) };

    pool_run(renew, &r, n);
    t->next = (t->next + n) % t->n;
}
