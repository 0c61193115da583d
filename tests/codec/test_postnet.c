/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_postnet.c - the bounds of the post-network's change for any outputs, its features, and the
 * packets that it leaves alone. */
#include "dequantise.h"
#include "expect.h"
#include "network.h"
#include "packet.h"
#include "tiny_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 60
#define ROUNDS  200

static float c[TELU_COEFS], base[TELU_COEFS], prediction[TELU_COEFS], change[TELU_COEFS];
static float o[TELU_POSTNET_OUTPUTS], f[TELU_POSTNET_FEATURES], step[TELU_BANDS];
static int q[TELU_COEFS];

static float draw(uint32_t *seed, float size)
{
    return size * (float)(2.0 * tiny_random(seed) - 1.0);
}

/* A packet with about a third of its coefficients coded. wild: outputs that no trained network
 * has. */
static struct telu_postnet_packet make(uint32_t *seed, enum telu_postnet_kind kind, int wild)
{
    static const float confidence[2] = { 0.25f, 0.5f };
    const float odd[] = { NAN, INFINITY, -INFINITY, 1e30f, -3e38f, 0.0f };

    for (int k = 0; k < TELU_COEFS; k++) {
        c[k] = draw(seed, 0.1f);
        base[k] = draw(seed, 0.1f);
        prediction[k] = draw(seed, 0.2f);
        q[k] = tiny_random(seed) < 0.3;
    }
    for (int b = 0; b < TELU_BANDS; b++)
        step[b] = 0.01f + 0.02f * (float)tiny_random(seed);
    for (int k = 0; k < TELU_POSTNET_OUTPUTS; k++)
        o[k] = wild && tiny_random(seed) < 0.2 ? odd[(int)(6 * tiny_random(seed))]
                                               : draw(seed, wild ? 100.0f : 0.5f);
    return (struct telu_postnet_packet){ .c = c, .base = base, .prediction = prediction,
                                         .confidence = confidence, .q = q, .step = step,
                                         .kind = kind, .stages = 6 };
}

static int coded(const struct telu_postnet_packet *p, int k)
{
    return p->kind == TELU_POSTNET_REFINED && p->q[k] != 0;
}

/* Coded coefficients move by a step at most; the others keep their band's energy, or lose some
 * when no gain could restore it, and the random signs of upper bands. From 7.5 kHz on they are
 * silent. */
static void check_bounds(const struct telu_postnet_packet *p, int wild)
{
    telu_postnet_change(change, o, p);
    for (int b = 0; b < TELU_BANDS; b++) {
        double had = 0, has = 0;

        for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
            for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++) {
                check(isfinite(change[k]), "a change that is no number", change[k]);
                if (coded(p, k)) {
                    check(fabsf(change[k]) <= step[b], "a change beyond the step", change[k]);
                } else {
                    had += pow(c[k], 2);
                    check(k - h < 150 || c[k] + change[k] == 0.0f, "sound from 7.5 kHz on", k - h);
                    has += pow(c[k] + change[k], 2);
                    check(b < TELU_FIRST_NOISE_BAND || !(c[k] * (c[k] + change[k]) < 0.0f),
                          "a random sign turned in band", b);
                }
            }
        check(has <= had * 1.001 + 1e-9, "energy of a band rises", has / had);
        if (!wild && telu_band_edge[b + 1] <= 150)
            check(has >= had * 0.999 - 1e-9, "energy of a band falls", has / had);
    }
}

static void check_features(const struct telu_postnet_packet *p)
{
    int ones = 0;

    telu_postnet_features(f, p);
    for (int i = 0; i < TELU_POSTNET_FEATURES; i++)
        check(fabsf(f[i]) <= 12.0f, "a feature out of bounds", f[i]);
    for (int k = 0; k < TELU_COEFS; k++) {
        check(f[3 * TELU_COEFS + k] == (float)coded(p, k), "mask of coded coefficients", k);
        check(c[k] == 0.0f || (f[k] > 0) == (c[k] > 0), "sign of a feature", k);
    }
    for (int i = 0; i < TELU_POSTNET_KINDS; i++)
        ones += f[TELU_POSTNET_FEATURES - 3 - TELU_POSTNET_KINDS + i] == 1.0f;
    check(ones == 1, "kinds of one packet", ones);
    check(f[TELU_POSTNET_FEATURES - 3] == 6 / 8.0f, "stages", f[TELU_POSTNET_FEATURES - 3]);
    check(f[TELU_POSTNET_FEATURES - 1] == 0.0f, "padding", f[TELU_POSTNET_FEATURES - 1]);
}

static void check_packets(void)
{
    uint32_t seed = 5;

    for (int i = 0; i < ROUNDS; i++) {
        struct telu_postnet_packet p = make(&seed, (enum telu_postnet_kind)(i % 4), i % 2);

        check_features(&p);
        check_bounds(&p, i % 2);
    }
    /* Silence stays silence, whatever the outputs. */
    struct telu_postnet_packet p = make(&seed, TELU_POSTNET_CONCEALED, 0);

    memset(c, 0, sizeof(c));
    memset(base, 0, sizeof(base));
    memset(prediction, 0, sizeof(prediction));
    telu_postnet_change(change, o, &p);
    for (int k = 0; k < TELU_COEFS; k++)
        check(change[k] == 0.0f, "sound from silence", change[k]);
}

/* Returns the sound of speech at a rate, decoded with a model. */
static void run(float *pcm, const struct telu_model *m, enum telu_tune tune)
{
    struct telu_encoder *e = telu_encoder_new(m, NULL);
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    struct telu_rate rate = telu_rate_init();
    static float x[PACKETS * TELU_PACKET];

    rate.tune = tune;
    tiny_speech(x, PACKETS * TELU_PACKET, 2);
    check(e && d && !telu_encoder_set(e, &rate), "no stream", 0);
    for (int i = 0; e && d && i < PACKETS; i++) {
        uint8_t packet[TELU_MAX_PACKET];
        int n = telu_encode(e, x + i * TELU_PACKET, packet, sizeof(packet));

        check(n > 0 && !telu_decode(d, packet, (size_t)n, pcm + i * TELU_PACKET), "packet", i);
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
}

/* A post-network changes the sound of every packet but those tuned for SNR. */
static void check_tunes(void)
{
    const struct telu_postnet_config none = { 0, 0 }, post = { 24, 2 };
    const struct telu_config cfg = tiny_config();
    struct telu_model *with = tiny_model_postnet(&cfg, &post, 11);
    struct telu_model *without = tiny_model_postnet(&cfg, &none, 11);
    static float a[PACKETS * TELU_PACKET], b[PACKETS * TELU_PACKET];

    check(with && without, "no model", 0);
    if (!with || !without)
        return;
    run(a, with, TELU_SNR);
    run(b, without, TELU_SNR);
    check(!memcmp(a, b, sizeof(a)), "a packet tuned for SNR is changed", 0);
    run(a, with, TELU_PERCEPTUAL);
    run(b, without, TELU_PERCEPTUAL);
    check(memcmp(a, b, sizeof(a)) != 0, "no packet is changed", 0);
    telu_model_close(with);
    telu_model_close(without);
}

int main(void)
{
    check_packets();
    check_tunes();
    return failed;
}
