/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_engine.c - compares the engine of the module's device with the codec on the CPU, packet
 * for packet and bit for bit: streams of all rates in one batch, losses, damage, resets, with and
 * without a post-network. test_slots.c tests memory and faults, which need the shim.
 *
 * TELUCODEC_TEST_MODEL adds odd shapes and a short run with those weights. */
#include "expect.h"
#include "module.h"
#include "tiny_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MANY 72                /* streams of a batch, more than small-batch code takes */
#define MOST 520               /* and more than medium-batch code takes */

static const struct telu_module *module;
static const struct telu_engine_ops *ops;

static const struct telu_rate rates[] = {
    { 16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1 },
    { 500, TELU_CBR, TELU_SNR, 1 }, { 64000, TELU_CBR, TELU_PERCEPTUAL, 1, 1 },
    { 6000, TELU_CBR, TELU_PERCEPTUAL, 0 }, { 3000, TELU_CONSTRAINED_VBR, TELU_SNR, 1 },
    { 24000, TELU_VBR, TELU_SNR, 1 }, { 12000, TELU_CBR, TELU_SNR, 1 },
    { 500, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 }, { 2400, TELU_CBR, TELU_PERCEPTUAL, 1 },
    { 6000, TELU_CBR, TELU_SNR, 1 }, { 32000, TELU_CONSTRAINED_VBR, TELU_SNR, 1, 1 },
    { 6000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1 }, { 8400, TELU_VBR, TELU_PERCEPTUAL, 0 },
    { 4000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1 }, { 3600, TELU_CBR, TELU_PERCEPTUAL, 1 },
    { 2400, TELU_CBR, TELU_SNR, 0 },
};
#define RATES ((int)(sizeof(rates) / sizeof(*rates)))

/* One stream, encoded and decoded by engine and CPU. */
struct pair {
    int enc, dec;              /* slots */
    struct telu_encoder *e;
    struct telu_decoder *d;
    float *sound;              /* input; */
    int at;                    /* packets of it so far */
    uint8_t packet[TELU_MAX_PACKET], own[TELU_MAX_PACKET];
    float pcm[TELU_PACKET];
    uint64_t hash;             /* of all output of the engine */
};

struct run {
    const struct telu_model *m;
    struct telu_engine *engine;
    int n, packets;
    struct pair pair[MOST];
    uint32_t seed;
    long alone;                /* packets without codes, */
    long given_up;             /* and of codes alone, for lack of bytes */
    long corrected, kept;      /* by the post-network, and by it not */
    long coded, decoded, lost, damaged;
    long other_bytes, other_sound;         /* packets that differ from the CPU's */
};

static int changing;           /* 1: the set of streams changes from batch to batch */

static void die(const char *what, const char *why)
{
    printf("test_engine: %s: %s\n", what, why);
    exit(1);
}

/* Makes the input: some streams are silent, some far too loud, some have an offset, some contain
 * NaNs. */
static void make_sound(float *x, int n, int i)
{
    tiny_speech(x, n, 5 + (uint32_t)i);
    for (int k = 0; k < n; k++) {
        if (i % 8 == 5)
            x[k] = 0.0f;
        if (i % 8 == 6)
            x[k] *= 400.0f;
        if (i % 8 == 4)
            x[k] += 0.2f;
        if (i % 8 == 7 && k % 97 == 0)
            x[k] = k % 2 ? NAN : INFINITY;
    }
}

static void open_streams(struct run *r)
{
    for (int i = 0; i < r->n; i++) {
        struct pair *p = &r->pair[i];

        p->enc = ops->slot_new(r->engine, TELU_ENCODE);
        p->dec = ops->slot_new(r->engine, TELU_DECODE);
        if (p->enc < 0 || p->dec < 0)
            die("a slot", module->error());
        p->e = telu_encoder_new(r->m, NULL);
        p->d = telu_decoder_new(r->m, NULL);
        p->sound = malloc((size_t)r->packets * TELU_PACKET * sizeof(float));
        if (!p->e || !p->d || !p->sound)
            die("a stream", "no memory");
        make_sound(p->sound, r->packets * TELU_PACKET, i);
        p->hash = 14695981039346656037u;
    }
}

static void close_streams(struct run *r)
{
    for (int i = 0; i < r->n; i++) {
        struct pair *p = &r->pair[i];

        ops->slot_free(r->engine, TELU_ENCODE, p->enc);
        ops->slot_free(r->engine, TELU_DECODE, p->dec);
        telu_encoder_free(p->e);
        telu_decoder_free(p->d);
        free(p->sound);
    }
}

static void hash(struct pair *p, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p->hash = (p->hash ^ ((const uint8_t *)data)[i]) * 1099511628211u;
}

static int one_in(struct run *r, int n)
{
    return (int)(tiny_random(&r->seed) * n) == 0;
}

/* Returns stream i's rate, which changes every 9 packets, with and without a base layer. */
static struct telu_rate rate_of(int i, int t)
{
    return rates[(i + t / 9) % RATES];
}

static int same_info(const struct telu_info *a, const struct telu_info *b)
{
    return a->stages == b->stages && a->refined == b->refined && a->step == b->step &&
           a->shape == b->shape && a->bytes == b->bytes;
}

static void compare_packets(struct run *r, struct pair *p, const struct telu_request *j, int own)
{
    struct telu_info info;

    r->coded++;
    r->alone += j->info.refined && !j->info.stages;
    r->given_up += !j->info.refined && j->rate.refinement && j->rate.bitrate > 6000;
    telu_encoder_info(p->e, &info);
    check(same_info(&info, &j->info), "infos of one packet differ, steps", j->info.step);
    r->other_bytes += j->bytes != own || memcmp(p->packet, p->own, (size_t)own);
}

/* Returns the streams of a batch: sizes for each of the engine's code paths, in turn. */
static int present(const struct run *r, int t)
{
    static const int some[] = { MANY, 20, 3, MANY, 8, 33, 1 };

    return changing && some[t % 7] < r->n ? some[t % 7] : r->n;
}

static void encode(struct run *r, int t)
{
    struct telu_request requests[MOST] = { { 0 } };
    int n_requests = present(r, t);

    for (int i = 0; i < n_requests; i++) {
        struct pair *p = &r->pair[i];

        requests[i].slot = p->enc;
        requests[i].reset = one_in(r, 40);
        requests[i].rate = rate_of(i, t);
        requests[i].pcm = p->sound + p->at++ * TELU_PACKET;
        requests[i].packet = p->packet;
    }
    if (ops->run(r->engine, TELU_ENCODE, requests, n_requests))
        die("encoding", module->error());
    for (int i = 0; i < n_requests; i++) {
        struct pair *p = &r->pair[i];
        int n;

        if (requests[i].reset)
            telu_encoder_reset(p->e);
        telu_encoder_set(p->e, &requests[i].rate);
        n = telu_encode(p->e, requests[i].pcm, p->own, TELU_MAX_PACKET);
        check(requests[i].bytes == requests[i].info.bytes && requests[i].bytes > 0, "bytes",
              requests[i].bytes);
        compare_packets(r, p, &requests[i], n);
        hash(p, p->packet, (size_t)requests[i].bytes);
    }
}

/* Makes the received packet: the engine's or, for every other stream, the CPU's. Some are
 * lost in runs, cut, changed, or random. */
static void arrive(struct run *r, struct telu_request *j, int i, int t)
{
    struct pair *p = &r->pair[i];
    int n;

    if (i % 2)
        memcpy(p->packet, p->own, sizeof(p->own));
    j->packet = p->packet;
    for (n = TELU_MAX_PACKET; n > 1 && !p->packet[n - 1]; n--)
        ;                      /* trailing zeros are padding; some stay */
    j->bytes = n;
    if (t % 24 < i % 16) {
        j->packet = NULL;
        j->bytes = 0;
        r->lost++;
    } else if (one_in(r, 6)) {
        r->damaged++;
        if (one_in(r, 3))
            j->bytes = (int)(tiny_random(&r->seed) * (n + 1));
        else if (one_in(r, 2))
            p->packet[(int)(tiny_random(&r->seed) * n)] ^= 1 << t % 8;
        else
            for (int k = 0, all = j->bytes = one_in(r, 2) ? TELU_MAX_PACKET : 40; k < all; k++)
                p->packet[k] = (uint8_t)(tiny_random(&r->seed) * 256);
    }
}

static void decode(struct run *r, int t)
{
    struct telu_request requests[MOST] = { { 0 } };
    float want[TELU_PACKET];
    int n_requests = present(r, t);

    for (int i = 0; i < n_requests; i++) {
        struct pair *p = &r->pair[i];

        requests[i].slot = p->dec;
        requests[i].reset = one_in(r, 40);
        requests[i].pcm = p->pcm;
        arrive(r, &requests[i], i, t);
    }
    if (ops->run(r->engine, TELU_DECODE, requests, n_requests))
        die("decoding", module->error());
    for (int i = 0; i < n_requests; i++) {
        struct pair *p = &r->pair[i];
        struct telu_request *j = &requests[i];
        struct telu_info info;
        int result;

        if (j->reset)
            telu_decoder_reset(p->d);
        result = j->packet ? telu_decode(p->d, j->packet, (size_t)j->bytes, want)
                           : telu_conceal(p->d, want);
        telu_decoder_info(p->d, &info);
        check(result == j->result, "result of a decoded packet", j->result);
        check(same_info(&info, &j->info), "infos of a decoded packet differ, stages",
              j->info.stages);
        if (j->info.refined && j->info.shape == 0)
            r->kept++;
        else
            r->corrected++;
        r->decoded++;
        r->other_sound += memcmp(want, p->pcm, sizeof(want)) != 0;
        for (int k = 0; k < TELU_PACKET; k++)
            if (!isfinite(want[k]))
                check(0, "a sample is not finite, at", k);
        hash(p, p->pcm, sizeof(p->pcm));
    }
}

static void run(struct run *r, const char *name)
{
    open_streams(r);
    for (int t = 0; t < r->packets; t++) {
        encode(r, t);
        decode(r, t);
    }
    printf("%s, %d streams: %ld packets (%ld without codes, %ld without room), %ld of other "
           "bytes than the CPU's; %ld decoded (%ld lost, %ld damaged), %ld of other samples\n",
           name, r->n, r->coded, r->alone, r->given_up, r->other_bytes, r->decoded, r->lost,
           r->damaged, r->other_sound);
    check(r->other_bytes == 0, "packets of other bytes", (double)r->other_bytes);
    check(r->other_sound == 0, "packets of other samples", (double)r->other_sound);
    close_streams(r);
}

/* A model of more stages than fit beside a refinement. */
static void crowd(struct telu_model *m)
{
    memset((uint8_t *)m->tab.split, m->cfg.stages, 2 * TELU_SPLIT_RATES);
}

/* Runs the same twice, the second time in slots used before. */
static const struct run *both(const struct telu_model *m, const char *name, int n, int packets)
{
    static struct run a, b;

    memset(&a, 0, sizeof(a));
    a.m = m;
    a.n = n;
    a.packets = packets;
    a.seed = 11 + (uint32_t)n;
    a.engine = ops->open(m, 0, MOST);
    if (!a.engine)
        die("an engine", module->error());
    b = a;
    run(&a, name);
    run(&b, name);
    for (int i = 0; i < n; i++)
        check(a.pair[i].hash == b.pair[i].hash, "the same batch twice differs, stream", i);
    ops->close(a.engine);
    return &a;
}

/* A network behind the decoder, wider than the others: batches of all sizes, and packets tuned for
 * SNR between the others, which it does not correct. */
static void test_postnet(const struct telu_config *c)
{
    const struct telu_postnet_config post = { 56, 3 };
    struct telu_model *m = tiny_model_postnet(c, &post, 3);
    const struct run *r;

    if (!m)
        die("a model", telu_error());
    both(m, "post-network", 1, 40);
    r = both(m, "post-network", 5, 50);
    check(r->kept > 10, "packets tuned for SNR, expected more than 10", (double)r->kept);
    check(r->corrected > 100, "other packets, expected more than 100", (double)r->corrected);
    both(m, "post-network", 33, 20);
    both(m, "post-network", MOST, 2);
    changing = 1;
    both(m, "changing, post-network", 40, 21);
    changing = 0;
    telu_model_close(m);
}

/* The smallest and largest networks that a weight file may define, and odd ones. */
static void test_shapes(void)
{
    static const struct telu_config shapes[] = {
        { .enc_width = 1, .enc_blocks = 1, .dec_width = 1, .dec_blocks = 1, .kernel = 1,
          .expand = 1, .latent = 1, .stages = 1, .codes = 2, .dim = { 1 } },
        { .enc_width = 1024, .enc_blocks = 1, .dec_width = 1000, .dec_blocks = 1,
          .kernel = 15, .expand = 1, .latent = 1024, .stages = 2, .codes = 1024,
          .dim = { 64, 63 }, .env_stages = 2 },
        { .enc_width = 33, .enc_blocks = 16, .dec_width = 17, .dec_blocks = 16, .kernel = 2,
          .expand = 4, .latent = 65, .stages = 3, .codes = 64, .dim = { 64, 1, 9 },
          .env_stages = 1 },
        { .enc_width = 18, .enc_blocks = 1, .dec_width = 66, .dec_blocks = 2, .kernel = 3,
          .expand = 3, .latent = 6, .stages = 16, .codes = 4,
          .dim = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 }, .env_stages = 16 },
        /* the post-network's history begins at a multiple of four floats all the same */
        { .enc_width = 8, .enc_blocks = 1, .dec_width = 13, .dec_blocks = 1, .kernel = 7,
          .expand = 2, .latent = 8, .stages = 2, .codes = 16, .dim = { 2, 3 } },
    };
    static const struct telu_postnet_config posts[] = {
        { 1, 1 }, { 1023, 1 }, { 9, 16 }, { 0, 0 }, { 12, 2 },
    };

    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct telu_model *m = tiny_model_postnet(&shapes[i], &posts[i], 8);
        char name[20];

        if (!m)
            die("a model", telu_error());
        snprintf(name, sizeof(name), "shape %zu", i);
        both(m, name, 2, 10);
        both(m, name, 35, 2);
        telu_model_close(m);
    }
}

int main(void)
{
    const char *weights = getenv("TELUCODEC_TEST_MODEL");
    struct telu_config c = tiny_config();
    struct telu_model *m = tiny_model(&c, 3);

    module = telu_module_open(NULL);
    if (!module || !module->engine || module->devices() < 1) {
        printf("test_engine: %s\n", module ? module->error() : telu_error());
        return 77;
    }
    ops = module->engine;
    if (!m)
        die("a model", telu_error());
    both(m, "tiny", 1, 80);
    both(m, "tiny", 5, 50);
    check(both(m, "tiny", 33, 20)->alone > 10, "packets without codes, expected more than", 10);
    both(m, "tiny", MANY, 12);
    both(m, "tiny", MOST, 2);
    changing = 1;
    both(m, "changing", 40, 21);
    changing = 0;
    test_postnet(&c);
    crowd(m);
    check(both(m, "crowded", 7, 40)->given_up > 10, "packets without room, expected more than", 10);
    check(both(m, "crowded", MOST, 1)->given_up > 10, "packets without room, expected more than",
          10);
    telu_model_close(m);
    if (weights) {
        test_shapes();
        m = telu_model_open(weights);
        if (!m)
            die(weights, telu_error());
        both(m, "weights", 3, 20);
        both(m, "weights", 40, 6);
        telu_model_close(m);
    }
    return failed;
}
