/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_transrate.c - packets made smaller: they meet the rate, decode, keep the sound, and leave
 * the networks' histories as a decoder of them has. */
#include "backend.h"
#include "expect.h"
#include "fixed_voice.h"
#include "stream.h"
#include "telu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 500            /* 10 s */

static struct telu_model *model;
static float x[PACKETS * TELU_PACKET], y[PACKETS * TELU_PACKET];

struct packets {
    uint8_t bytes[PACKETS][TELU_MAX_PACKET];
    int size[PACKETS];
};
static struct packets came, left, again;

/* Uniform in [0, 1). */
static double random_number(void)
{
    static uint32_t seed = 5;

    seed = 1664525 * seed + 1013904223;
    return seed / 4294967296.0;
}

static void *made(void *p)
{
    if (p)
        return p;
    printf("test_transrate: %s\n", telu_error());
    exit(1);
}

static void encode(struct packets *to, const float *pcm, int bitrate, enum telu_mode mode,
                   enum telu_tune tune, int refinement)
{
    struct telu_encoder *e = made(telu_encoder_new(model, NULL));
    struct telu_rate r = { .bitrate = bitrate, .mode = mode, .tune = tune,
                           .refinement = refinement };

    check(!telu_encoder_set(e, &r), "encoder refuses", bitrate);
    for (int i = 0; i < PACKETS; i++)
        to->size[i] = telu_encode(e, pcm + i * TELU_PACKET, to->bytes[i], TELU_MAX_PACKET);
    telu_encoder_free(e);
}

static void transrate(struct packets *to, const struct packets *from, struct telu_transrater *t,
                      int bitrate)
{
    check(!telu_transrater_set(t, bitrate), "refuses", bitrate);
    for (int i = 0; i < PACKETS; i++)
        to->size[i] = telu_transrate(t, from->bytes[i], (size_t)from->size[i], to->bytes[i],
                                     TELU_MAX_PACKET);
}

static double bitrate_of(const struct packets *p)
{
    double bytes = 0;

    for (int i = 0; i < PACKETS; i++)
        bytes += p->size[i];
    return bytes * 400 / PACKETS;
}

static int equal(const struct packets *a, const struct packets *b)
{
    int n = 0;

    for (int i = 0; i < PACKETS; i++)
        n += a->size[i] == b->size[i] && !memcmp(a->bytes[i], b->bytes[i], (size_t)a->size[i]);
    return n;
}

/* Decodes p to y. Returns its SNR in dB, `delay` samples late. */
static double decode(const struct packets *p, int delay)
{
    struct telu_decoder *d = made(telu_decoder_new(model, NULL));
    double noise = 0, power = 0;

    for (int i = 0; i < PACKETS; i++)
        check(!telu_decode(d, p->bytes[i], (size_t)p->size[i], y + i * TELU_PACKET),
              "cannot be decoded: packet", i);
    telu_decoder_free(d);
    for (int i = delay; i < PACKETS * TELU_PACKET; i++) {
        double e = (double)y[i] - x[i - delay];

        noise += e * e;
        power += (double)x[i - delay] * x[i - delay];
    }
    return 10 * log10(power / noise);
}

/* --- Rates ---------------------------------------------------------------- */

static const struct {
    int from, to;
    enum telu_tune tune;
    int refinement;
    double least;              /* of the rate: there may be few codes, or many levels */
} kinds[] = {
    { 24000, 16000, TELU_PERCEPTUAL, 1, 0.9 },
    { 24000, 9000, TELU_PERCEPTUAL, 1, 0.9 },
    { 16000, 4000, TELU_PERCEPTUAL, 1, 0.9 },      /* to levels */
    { 16000, 1000, TELU_PERCEPTUAL, 1, 0.9 },      /* to a base layer alone */
    { 5000, 3000, TELU_PERCEPTUAL, 1, 0.2 },       /* from levels */
    { 5000, 800, TELU_PERCEPTUAL, 1, 0.8 },
    { 32000, 20000, TELU_SNR, 1, 0.9 },
    { 16000, 8000, TELU_SNR, 1, 0.9 },
    { 6000, 3000, TELU_SNR, 1, 0.9 },              /* to no codes */
    { 16000, 2000, TELU_SNR, 1, 0.9 },             /* no codes that could make a base layer */
    { 6000, 1500, TELU_SNR, 0, 0.9 },              /* prefixes */
};

static void check_rates(void)
{
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        struct telu_transrater *t = made(telu_transrater_new(model, NULL));
        double tandem, snr, rate;

        encode(&came, x, kinds[k].from, TELU_CONSTRAINED_VBR, kinds[k].tune, kinds[k].refinement);
        decode(&came, TELU_DELAY);
        encode(&again, y, kinds[k].to, TELU_CONSTRAINED_VBR, kinds[k].tune, kinds[k].refinement);
        tandem = decode(&again, 2 * TELU_DELAY);
        transrate(&left, &came, t, kinds[k].to);
        rate = bitrate_of(&left);
        snr = decode(&left, TELU_DELAY);
        printf("%d to %d: %.0f bit/s of %.0f, SNR %.2f dB, decoded and encoded %.2f at %.0f\n",
               kinds[k].from, kinds[k].to, rate, bitrate_of(&came), snr, tandem,
               bitrate_of(&again));
        check(rate < 1.03 * kinds[k].to, "more than the rate", rate);
        check(rate > kinds[k].least * kinds[k].to, "far less than the rate", rate);
        check(snr > tandem - 0.3, "SNR", snr);

        telu_transrater_reset(t);
        transrate(&again, &came, t, kinds[k].to);
        check(equal(&again, &left) == PACKETS, "differs after a reset, kind", (double)k);
        telu_transrater_free(t);
    }
}

/* Plain C makes the same bytes as vectors do: with refinement, with levels, and with a base layer
 * alone. */
static void check_plain(void)
{
    static const int rates[] = { 9000, 4000, 1000 };
    struct telu_transrater *t = made(telu_transrater_new(model, NULL));
    struct telu_transrater *plain = made(telu_transrater_new(model, &telu_backend_c));

    encode(&came, x, 16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1);
    for (int i = 0; i < PACKETS; i++) {
        const int size = came.size[i];

        telu_transrater_set(t, rates[i / 25 % 3]);
        telu_transrater_set(plain, rates[i / 25 % 3]);
        left.size[i] = telu_transrate(t, came.bytes[i], (size_t)size, left.bytes[i],
                                      TELU_MAX_PACKET);
        again.size[i] = telu_transrate(plain, came.bytes[i], (size_t)size, again.bytes[i],
                                       TELU_MAX_PACKET);
    }
    check(equal(&left, &again) == PACKETS, "packets that plain C makes alike",
          equal(&left, &again));
    telu_transrater_free(t);
    telu_transrater_free(plain);
}

/* A stream that needs no more than the rate stays as it is. */
static void check_kept(void)
{
    static const int rates[] = { 3000, 9000, 16000 };

    for (int tune = 0; tune < 2; tune++)
        for (size_t k = 0; k < sizeof(rates) / sizeof(*rates); k++) {
            struct telu_transrater *t = made(telu_transrater_new(model, NULL));
            int same;

            encode(&came, x, rates[k], TELU_CONSTRAINED_VBR, tune ? TELU_SNR : TELU_PERCEPTUAL, 1);
            transrate(&left, &came, t, TELU_MAX_BITRATE);
            check(equal(&left, &came) == PACKETS, "changed below the rate, of", rates[k]);
            telu_transrater_reset(t);
            transrate(&left, &came, t, rates[k] * 5 / 4);
            same = equal(&left, &came);
            check(same > PACKETS * 9 / 10, "kept at 1.25 times the rate", same);
            check(bitrate_of(&left) <= bitrate_of(&came), "larger, of", rates[k]);
            telu_transrater_free(t);
        }
}

/* --- Histories ------------------------------------------------------------ */

/* The rate falls, to levels with fewer codes and to a base layer, or to coefficients alone, and
 * rises again. */
static const struct {
    enum telu_tune tune;
    int from, rates[5];
} falls[] = {
    { TELU_PERCEPTUAL, 16000, { 64000, 3000, 9000, 1000, 64000 } },
    { TELU_SNR, 6000, { 64000, 3000, 5000, 1000, 64000 } },
};

/* Histories are those of decoders, which hold something else behind a packet without codes. */
static void check_histories(int kind)
{
    struct telu_transrater *t = made(telu_transrater_new(model, NULL));
    struct telu_decoder *in = made(telu_decoder_new(model, NULL));
    struct telu_decoder *out = made(telu_decoder_new(model, NULL));
    const size_t size = t->floats * sizeof(float);
    uint8_t packet[TELU_MAX_PACKET];
    int apart = 0, compared = 0, kept = 0, silent = 0, n;

    encode(&came, x, falls[kind].from, TELU_CONSTRAINED_VBR, falls[kind].tune, 1);
    for (int i = 0; i < PACKETS; i++) {
        telu_transrater_set(t, falls[kind].rates[i / 100]);
        n = telu_transrate(t, came.bytes[i], (size_t)came.size[i], packet, sizeof(packet));
        telu_decode(in, came.bytes[i], (size_t)came.size[i], y);
        telu_decode(out, packet, (size_t)n, y);
        kept += i >= 400 && n == came.size[i] && !memcmp(packet, came.bytes[i], (size_t)n);
        if (!in->has_history)
            continue;
        compared++;
        check(!memcmp(t->from.mem, in->dec.mem, size), "history of what came, packet", i);
        if (out->has_history)
            check(!memcmp(t->apart ? t->to.mem : t->from.mem, out->dec.mem, size),
                  "history of what left, packet", i);
        silent += !out->has_history;
        apart += t->apart > 0;
    }
    check(compared > PACKETS / 2, "packets with a history", compared);
    check(apart > PACKETS / 4 && apart < compared, "packets with two histories", apart);
    check(kept > 90, "packets kept at the highest rate", kept);
    check((silent > 0) == (falls[kind].tune == TELU_SNR), "packets without codes", silent);
    check(!t->apart, "packets until histories are alike, at the end", t->apart);
    telu_transrater_free(t);
    telu_decoder_free(in);
    telu_decoder_free(out);
}

/* --- Any bytes, and errors -------------------------------------------------- */

static void check_any_bytes(void)
{
    struct telu_transrater *t = made(telu_transrater_new(model, NULL));
    struct telu_decoder *d = made(telu_decoder_new(model, NULL));
    int damaged = 0, cut = 0;

    encode(&came, x, 16000, TELU_VBR, TELU_PERCEPTUAL, 1);
    for (int i = 0; i < 4000; i++) {
        uint8_t in[TELU_MAX_PACKET], out[TELU_MAX_PACKET];
        int n = 1 + (int)(random_number() * (i % 3 ? 60 : TELU_MAX_PACKET)), got, bad;

        if (i % 2) {
            n = n < came.size[i % PACKETS] ? n : came.size[i % PACKETS];
            memcpy(in, came.bytes[i % PACKETS], (size_t)n);
            cut += n < came.size[i % PACKETS];
        } else {
            for (int k = 0; k < n; k++)
                in[k] = (uint8_t)(256 * random_number());
        }
        telu_transrater_set(t, 500 + (int)(20000 * random_number()));
        got = telu_transrate(t, in, (size_t)n, out, sizeof(out));
        check(got >= 1 && got <= TELU_MAX_PACKET, "bytes", got);
        bad = telu_decode(d, in, (size_t)n, y);
        damaged += bad;
        if (bad)
            check(got == n && !memcmp(in, out, (size_t)n), "a damaged packet was changed", i);
        else
            check(!telu_decode(d, out, (size_t)got, y), "cannot be decoded: packet", i);
    }
    check(damaged > 20, "damaged packets", damaged);
    check(cut > 100, "cut packets", cut);
    telu_transrater_free(t);
    telu_decoder_free(d);
}

static void check_errors(void)
{
    struct telu_transrater *t = made(telu_transrater_new(model, NULL));
    uint8_t in[TELU_MAX_PACKET + 1] = { 0 }, out[TELU_MAX_PACKET];

    check(!telu_transrater_new(NULL, NULL), "takes no model", 0);
    telu_transrater_free(NULL);
    check(telu_transrater_set(t, TELU_MIN_BITRATE - 1) == -1, "takes a rate below the least", 0);
    check(telu_transrater_set(t, TELU_MAX_BITRATE + 1) == -1, "takes a rate above the most", 0);
    check(telu_transrate(t, in, 0, out, sizeof(out)) == -1, "takes a packet of no bytes", 0);
    check(telu_transrate(t, in, sizeof(in), out, sizeof(out)) == -1, "takes a packet too long", 0);
    check(telu_transrate(t, in, 5, out, sizeof(out) - 1) == -1, "takes too little room", 0);
    telu_transrater_free(t);
}

int main(int argc, char **argv)
{
    model = argc == 2 ? made(telu_model_open(argv[1])) : NULL;
    if (!model) {
        printf("usage: test_transrate WEIGHTS\n");
        return 1;
    }
    fixed_voice(x, PACKETS * TELU_PACKET, 1);
    check_rates();
    check_plain();
    check_kept();
    check_histories(0);
    check_histories(1);
    check_any_bytes();
    check_errors();
    telu_model_close(model);
    return failed;
}
