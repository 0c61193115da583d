/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_golden.c - compares the network step by step, and the way from sound through packets
 * to sound, bit for bit with numbers of an independent implementation: golden/make_golden.py,
 * which also describes golden.bin. The engine of the module in TELUCODEC_BACKEND_PATH is tested
 * on the second way too, if it has a device. */
#include "backend.h"
#include "module.h"
#include "network.h"
#include "packet.h"
#include "telu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 12
#define LATENT  16
#define STAGES  4
#define SPLIT   2
#define BITS    2
#define LEAD    120            /* samples of the first hop before sample 0 */

static struct {
    float pcm[PACKETS * TELU_PACKET];
    float coefs[PACKETS][TELU_COEFS];
    float latent[PACKETS][LATENT];
    int32_t codes[PACKETS][STAGES];
    float sum[PACKETS][LATENT];
    int32_t prefix[PACKETS];
    float partial[PACKETS][LATENT];
    float out[PACKETS][TELU_COEFS];
    float sound[PACKETS * TELU_PACKET];
    float decoded[PACKETS * TELU_PACKET];
} golden;

static int failures;

/* Compares the bits of n values. */
static void expect(const char *table, const char *what, int packet, const float *got,
                   const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(*got)) != 0) {
            printf("%s: %s of packet %d at %zu is %.9g, expected %.9g\n", table, what, packet, i,
                   got[i], want[i]);
            failures++;
            return;
        }
}

static void expect_ints(const char *table, const char *what, int packet,
                        const int *got, const int32_t *want, int n)
{
    for (int i = 0; i < n; i++)
        if (got[i] != want[i]) {
            printf("%s: %s %d of packet %d is %d, expected %d\n", table, what, i,
                   packet, got[i], (int)want[i]);
            failures++;
        }
}

/* Exits with a message. */
static void need(int good, const char *what)
{
    if (good)
        return;
    printf("golden: %s: %s\n", what, telu_error());
    exit(1);
}

static float *array(const struct telu_backend *be, size_t n)
{
    float *p = be->alloc(n * sizeof(*p));

    need(p != NULL, "no memory");
    return p;
}

/* Each step starts from the stored result of the one before, which locates an error. */
static void quantiser(struct telu_ctx *ctx, const struct telu_model *m, int p)
{
    const char *table = ctx->be->name;
    int codes[STAGES], prefix, stored[STAGES];
    float sum[LATENT];

    need(!telu_rvq_encode(ctx, m, codes, STAGES, &prefix, 0, 0, sum, golden.latent[p]),
         "rvq_encode");
    expect_ints(table, "code", p, codes, golden.codes[p], STAGES);
    expect(table, "sum", p, sum, golden.sum[p], LATENT);

    for (int s = 0; s < STAGES; s++)
        stored[s] = golden.codes[p][s];
    need(!telu_rvq_decode(ctx, m, sum, stored, STAGES, 0, 0), "rvq_decode");
    expect(table, "decoded sum", p, sum, golden.sum[p], LATENT);

    need(!telu_rvq_encode(ctx, m, codes, SPLIT, &prefix, BITS, 0, sum, golden.latent[p]),
         "rvq_encode with a prefix");
    expect_ints(table, "code before a prefix", p, codes, golden.codes[p], SPLIT);
    expect_ints(table, "prefix", p, &prefix, &golden.prefix[p], 1);
    expect(table, "sum with a prefix", p, sum, golden.partial[p], LATENT);

    need(!telu_rvq_decode(ctx, m, sum, stored, SPLIT, golden.prefix[p], BITS),
         "rvq_decode with a prefix");
    expect(table, "decoded sum with a prefix", p, sum, golden.partial[p], LATENT);
}

static void transforms(struct telu_ctx *ctx)
{
    const struct telu_backend *be = ctx->be;
    const int hops = 2 * PACKETS, samples = (hops + 1) * TELU_HOP;
    float *x = array(be, samples), *c = array(be, hops * TELU_HOP);

    memcpy(x + LEAD, golden.pcm, sizeof(golden.pcm));
    need(!be->mdct(ctx, c, x, 1, hops), "mdct");
    for (int p = 0; p < PACKETS; p++)
        expect(be->name, "MDCT", p, c + p * TELU_COEFS, golden.coefs[p], TELU_COEFS);

    memcpy(c, golden.out, sizeof(golden.out));
    need(!be->imdct(ctx, x, c, 1, hops), "imdct");
    expect(be->name, "sound", 0, x + LEAD - TELU_DELAY, golden.sound,
           PACKETS * TELU_PACKET);
    be->release(x);
    be->release(c);
}

static void network(const struct telu_backend *be, const struct telu_model *m)
{
    const struct telu_config *f = &m->cfg;
    struct telu_ctx ctx = { .be = be };
    struct telu_net_state enc, dec;
    float *emem, *dmem, *c, *latent;

    emem = array(be, telu_net_floats(f->enc_width, f->enc_blocks, f->kernel));
    dmem = array(be, telu_net_floats(f->dec_width, f->dec_blocks, f->kernel));
    c = array(be, TELU_COEFS);
    latent = array(be, LATENT);
    telu_net_init(&enc, emem);
    telu_net_init(&dec, dmem);

    transforms(&ctx);
    for (int pass = 0; pass < 2; pass++) {
        for (int p = 0; p < PACKETS; p++) {
            memcpy(c, golden.coefs[p], sizeof(golden.coefs[p]));
            need(!telu_encoder_net(&ctx, m, &enc, latent, c), "encoder_net");
            expect(be->name, "latent", p, latent, golden.latent[p], LATENT);

            quantiser(&ctx, m, p);

            memcpy(latent, golden.sum[p], sizeof(golden.sum[p]));
            need(!telu_decoder_net(&ctx, m, &dec, c, latent), "decoder_net");
            expect(be->name, "decoder's output", p, c, golden.out[p], TELU_COEFS);
        }
        /* The reset must make the second pass independent of the first. */
        telu_net_reset(&enc, f->enc_width, f->enc_blocks, f->kernel);
        telu_net_reset(&dec, f->dec_width, f->dec_blocks, f->kernel);
    }
    be->release(emem);
    be->release(dmem);
    be->release(c);
    be->release(latent);
}

/* Encodes and decodes base-only packets of all stages; the callback fills in a packet's
 * bytes and its decoded sound. */
struct way {
    const char *name;
    void *user;
    void (*encode)(void *user, const struct telu_rate *rate, float *pcm, uint8_t *packet);
    void (*decode)(void *user, uint8_t *packet, int bytes, float *pcm);
};

static void there_and_back(const struct telu_model *m, const struct way *w)
{
    struct telu_rate rate = { 0, TELU_CBR, TELU_SNR, 0 };      /* no levels */
    static float sound[PACKETS * TELU_PACKET];
    int bytes = (1 + STAGES * m->n + 7) / 8;

    rate.bitrate = 400 * bytes;
    for (int p = 0; p < PACKETS; p++) {
        uint8_t packet[TELU_MAX_PACKET] = { 0 };
        struct telu_layers l;
        struct telu_bands bands;

        w->encode(w->user, &rate, golden.pcm + p * TELU_PACKET, packet);
        need(!telu_packet_get(&l, &bands, packet, (size_t)bytes, &m->tab, STAGES, m->n),
             "a packet");
        expect_ints(w->name, "code in the packet", p, l.codes, golden.codes[p], STAGES);
        w->decode(w->user, packet, bytes, sound + p * TELU_PACKET);
    }
    expect(w->name, "sound of the packets", 0, sound, golden.decoded, PACKETS * TELU_PACKET);
}

struct codec {
    struct telu_encoder *e;
    struct telu_decoder *d;
};

static void codec_encode(void *user, const struct telu_rate *rate, float *pcm,
                         uint8_t *packet)
{
    struct codec *c = user;

    need(!telu_encoder_set(c->e, rate) &&
         telu_encode(c->e, pcm, packet, TELU_MAX_PACKET) > 0, "encoding");
}

static void codec_decode(void *user, uint8_t *packet, int bytes, float *pcm)
{
    need(!telu_decode(((struct codec *)user)->d, packet, (size_t)bytes, pcm), "decoding");
}

struct device {
    const struct telu_engine_ops *ops;
    struct telu_engine *engine;
    int enc, dec;
};

static void device_encode(void *user, const struct telu_rate *rate, float *pcm,
                          uint8_t *packet)
{
    struct device *d = user;
    struct telu_request j = { .slot = d->enc, .rate = *rate, .pcm = pcm, .packet = packet };

    need(!d->ops->run(d->engine, TELU_ENCODE, &j, 1), "encoding on the device");
}

static void device_decode(void *user, uint8_t *packet, int bytes, float *pcm)
{
    struct device *d = user;
    struct telu_request j = { .slot = d->dec, .bytes = bytes, .pcm = pcm, .packet = packet };

    need(!d->ops->run(d->engine, TELU_DECODE, &j, 1) && !j.result, "decoding on the device");
}

static void streams(const struct telu_model *m)
{
    struct codec c = { telu_encoder_new(m, NULL), telu_decoder_new(m, NULL) };
    struct way on_cpu = { "codec", &c, codec_encode, codec_decode };
    const struct telu_module *module = telu_module_open(NULL);
    struct device d = { 0 };
    struct way on_device = { "engine", &d, device_encode, device_decode };

    need(c.e && c.d, "a stream");
    there_and_back(m, &on_cpu);
    telu_encoder_free(c.e);
    telu_decoder_free(c.d);
    if (!module || !module->engine || module->devices() < 1) {
        printf("golden: the engine is left out: %s\n", module ? module->error() : telu_error());
        return;
    }
    d.ops = module->engine;
    d.engine = d.ops->open(m, 0, 1);
    need(d.engine != NULL, "an engine");
    d.enc = d.ops->slot_new(d.engine, TELU_ENCODE);
    d.dec = d.ops->slot_new(d.engine, TELU_DECODE);
    there_and_back(m, &on_device);
    d.ops->close(d.engine);
}

int main(void)
{
    const char *folder = getenv("TELUCODEC_TEST_GOLDEN");
    struct telu_weights w;
    struct telu_model *m;
    char path[4096];
    FILE *f;

    folder = folder ? folder : "tests/golden";
    snprintf(path, sizeof(path), "%s/golden.bin", folder);
    f = fopen(path, "rb");
    if (!f || fread(&golden, sizeof(golden), 1, f) != 1 || fgetc(f) != EOF) {
        printf("golden: %s is missing or not %zu bytes long\n", path, sizeof(golden));
        return 1;
    }
    fclose(f);

    snprintf(path, sizeof(path), "%s/tiny.safetensors", folder);
    need(!telu_weights_open(&w, path), "weights");
    m = telu_model_build(&w.cfg, w.blob, w.own, w.id);     /* without the post-network */
    need(m != NULL, "model");
    telu_weights_close(&w);
    if (m->cfg.latent != LATENT || m->cfg.stages != STAGES) {
        printf("golden: %s is not the model of golden.bin\n", path);
        return 1;
    }
    network(&telu_backend_c, m);
    network(&telu_backend_simd, m);
    streams(m);
    telu_model_close(m);
    printf("golden: %d failures\n", failures);
    return failures != 0;
}
