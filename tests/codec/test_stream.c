/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_stream.c - whole streams: checks the promises of telu.h for encoder and decoder, at
 * every kind of rate, with random weights. */
#include "backend.h"
#include "linear.h"
#include "packet.h"
#include "ratecontrol.h"
#include "telu.h"
#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 150
#define SAMPLES (PACKETS * TELU_PACKET)

static int failures;

static void expect(const char *where, const char *what, double got, double want,
                   double tol)
{
    if (!(fabs(got - want) <= tol) && failures++ < 30)
        printf("%s: %s is %.9g, expected %.9g +- %.3g\n", where, what, got, want, tol);
}

static void fail(const char *where)
{
    printf("test_stream: %s: %s\n", where, telu_error());
    exit(1);
}

struct stream {
    uint8_t packet[PACKETS][TELU_MAX_PACKET];
    int size[PACKETS];
    float pcm[SAMPLES];
};

/* One rate of each kind: base alone (whole codes, prefixes alone), no base, base and levels, base
 * and refinement. */
static const struct {
    const char *name;
    struct telu_rate rate;
} kinds[] = {
    { "500 base", { 500, TELU_CONSTRAINED_VBR, TELU_SNR, 1 } },
    { "3000 base", { 3000, TELU_CBR, TELU_SNR, 1 } },
    { "6000 S=0", { 6000, TELU_CONSTRAINED_VBR, TELU_SNR, 1 } },
    { "16000 cvbr", { 16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 } },
    { "16000 cbr", { 16000, TELU_CBR, TELU_PERCEPTUAL, 1 } },
    { "16000 vbr", { 16000, TELU_VBR, TELU_SNR, 1 } },
    { "16000 base", { 16000, TELU_CONSTRAINED_VBR, TELU_SNR, 0 } },
    { "4000 levels", { 4000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 } },
    { "4000 levels, cbr", { 4000, TELU_CBR, TELU_PERCEPTUAL, 1 } },
    { "4000 levels, vbr", { 4000, TELU_VBR, TELU_PERCEPTUAL, 1 } },
    { "8000 levels", { 8000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 0 } },
    { "64000 cvbr", { 64000, TELU_CONSTRAINED_VBR, TELU_SNR, 1 } },
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static struct telu_encoder *encoder(const struct telu_model *m, int kind,
                                    const struct telu_backend *be)
{
    struct telu_encoder *e = telu_encoder_new(m, be);

    if (!e || telu_encoder_set(e, &kinds[kind].rate))
        fail("telu_encoder_new");
    return e;
}

static struct telu_decoder *decoder(const struct telu_model *m,
                                    const struct telu_backend *be)
{
    struct telu_decoder *d = telu_decoder_new(m, be);

    if (!d)
        fail("telu_decoder_new");
    return d;
}

static void encode_from(struct telu_encoder *e, struct stream *s, const float *x)
{
    for (int i = 0; i < PACKETS; i++) {
        s->size[i] = telu_encode(e, x + i * TELU_PACKET, s->packet[i], TELU_MAX_PACKET);
        if (s->size[i] < 1 || s->size[i] > TELU_MAX_PACKET)
            fail("telu_encode");
    }
}

static void decode_from(struct telu_decoder *d, struct stream *s, int first)
{
    for (int i = first; i < PACKETS; i++)
        if (telu_decode(d, s->packet[i], (size_t)s->size[i], s->pcm + i * TELU_PACKET))
            fail("telu_decode");
}

static int same_packets(const struct stream *a, const struct stream *b)
{
    for (int i = 0; i < PACKETS; i++)
        if (a->size[i] != b->size[i] || memcmp(a->packet[i], b->packet[i], a->size[i]))
            return 0;
    return 1;
}

/* --- The promises ---------------------------------------------------------- */

static double power(const float *x, int n)
{
    double sum = 0.0;

    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum / n;
}

/* Plain and vector code give equal bytes and equal sound (tests/exact has more). Both are equal
 * after a reset, also one in the middle of a stream of another signal. */
static void repeat(const struct telu_model *m, int kind, const float *x,
                   struct stream *first, struct stream *again)
{
    struct telu_encoder *e = encoder(m, kind, &telu_backend_simd);
    struct telu_encoder *plain = encoder(m, kind, &telu_backend_c);
    struct telu_decoder *d = decoder(m, &telu_backend_simd);
    struct telu_decoder *plain_d = decoder(m, &telu_backend_c);
    const char *name = kinds[kind].name;
    uint8_t packet[TELU_MAX_PACKET];

    encode_from(e, first, x);
    decode_from(d, first, 0);
    encode_from(plain, again, x);
    decode_from(plain_d, again, 0);
    expect(name, "plain bytes = simd bytes", same_packets(first, again), 1, 0);
    expect(name, "plain sound = simd sound",
           memcmp(first->pcm, again->pcm, sizeof(first->pcm)), 0, 0);

    for (int i = 0; i < 9; i++)
        if (telu_encode(e, x + 37 * i, packet, sizeof(packet)) < 0)
            fail("telu_encode");
    telu_encoder_reset(e);
    telu_decoder_reset(d);
    encode_from(e, again, x);
    decode_from(d, again, 0);
    expect(name, "bytes after a reset", same_packets(first, again), 1, 0);
    expect(name, "sound after a reset",
           memcmp(first->pcm, again->pcm, sizeof(first->pcm)), 0, 0);
    telu_encoder_free(e);
    telu_encoder_free(plain);
    telu_decoder_free(d);
    telu_decoder_free(plain_d);
}

/* Checks a decoder that joined TELU_WARMUP packets ago, and one after losses. */
static void join(const struct telu_model *m, int kind, const struct stream *s,
                 struct stream *late)
{
    const char *name = kinds[kind].name;
    const int from = 40, settled = from + TELU_WARMUP;
    struct telu_decoder *d = decoder(m, NULL);
    const size_t rest = (size_t)(PACKETS - settled) * TELU_PACKET * sizeof(float);

    memcpy(late, s, sizeof(*late));
    decode_from(d, late, from);
    expect(name, "sound of a decoder that joined",
           memcmp(late->pcm + settled * TELU_PACKET, s->pcm + settled * TELU_PACKET,
                  rest), 0, 0);

    telu_decoder_reset(d);
    for (int i = 0; i < from; i++) {
        float *pcm = late->pcm + i * TELU_PACKET;

        if (i > 5 && i % 3 == 0)
            telu_conceal(d, pcm);
        else
            telu_decode(d, s->packet[i], (size_t)s->size[i], pcm);
    }
    decode_from(d, late, from);
    expect(name, "sound after losses",
           memcmp(late->pcm + settled * TELU_PACKET, s->pcm + settled * TELU_PACKET,
                  rest), 0, 0);
    telu_decoder_free(d);
}

/* Losses give sound, then silence, never a NaN; the stream continues afterwards. */
static void lose(const struct telu_model *m, int kind, const struct stream *s)
{
    const char *name = kinds[kind].name;
    struct telu_decoder *d = decoder(m, NULL);
    float pcm[TELU_PACKET];
    double before = 0.0;
    struct telu_info info;

    expect(name, "loss before the first packet", telu_conceal(d, pcm), 0, 0);
    expect(name, "its power", power(pcm, TELU_PACKET), 0, 0);
    for (int i = 0; i < 20; i++) {
        telu_decode(d, s->packet[i], (size_t)s->size[i], pcm);
        before = power(pcm, TELU_PACKET);
    }
    for (int i = 0; i < 500; i++) {
        /* Half of the losses are damage: an empty packet, one of too many stages. */
        static const uint8_t bad[] = { 0xff, 0xff, 0xff };
        int r = i % 4 == 1 ? telu_decode(d, bad, i % 8 == 1 ? sizeof(bad) : 0, pcm) - 1
                           : telu_conceal(d, pcm);
        double now = power(pcm, TELU_PACKET);

        expect(name, "return of a loss", r, 0, 0);
        expect(name, "power is a number", isfinite(now), 1, 0);
        if (i < 3)
            expect(name, "power just after a loss", now > 0.005 * before, before > 0, 0);
        if (i >= 12)
            expect(name, "power long after a loss", now, 0, 0);
    }
    telu_decoder_info(d, &info);
    expect(name, "bytes of a lost packet", info.bytes, 0, 0);
    expect(name, "return after losses",
           telu_decode(d, s->packet[30], (size_t)s->size[30], pcm), 0, 0);
    telu_decoder_info(d, &info);
    expect(name, "bytes after losses", info.bytes, s->size[30], 0);
    telu_decoder_free(d);
}

/* 1 when all packets have levels and no refinement: for tiny_model()'s tables. */
static int leveled(const struct telu_rate *r)
{
    return r->tune == TELU_PERCEPTUAL && (r->bitrate == 4000 || !r->refinement);
}

static void check_sizes(const struct telu_model *m, int kind, const struct stream *s)
{
    const struct telu_rate *r = &kinds[kind].rate;
    const char *name = kinds[kind].name;
    const int most = (1 + m->cfg.stages * m->n + 7) / 8;
    double mean = 0.0, average = r->bitrate / 400.0;
    int exact = (int)average;

    for (int i = 0; i < PACKETS; i++)
        mean += s->size[i] / (double)PACKETS;
    for (int i = 0; i < PACKETS; i++)
        expect(name, "base and levels", s->packet[i][0] >> 7 && (s->packet[i][0] & 3) == 3,
               leveled(r), 0);
    if (!leveled(r) && (!r->refinement || r->bitrate < 4000)) {
        average = fmin(average, most);
        exact = exact < most ? exact : most;
        for (int i = 0; i < PACKETS; i++) {
            expect(name, "base only", s->packet[i][0] >> 7, 0, 0);
            if (r->mode == TELU_CBR)
                expect(name, "bytes of a base packet", s->size[i], average, 0.999);
        }
        if (r->mode == TELU_CONSTRAINED_VBR)
            expect(name, "mean bytes, base only", mean, average, 0.06 * average);
    } else if (r->mode != TELU_VBR) {
        expect(name, "mean bytes", mean, average, 0.06 * average);
    }
    for (int i = 0; r->mode == TELU_CBR && i < PACKETS; i++)
        expect(name, "bytes, CBR", s->size[i], exact, 0);
    for (int i = 0; i < PACKETS; i++)
        expect(name, "at most four times the average",
               s->size[i] <= 4 * (average > 1 ? average : 1), 1, 0);
}

/* Without refinement bytes follow the level: the packets within 10 dB of the loudest get more than
 * the mean, those 30 dB below less, and both modes of VBR meet the rate. With levels, which depend
 * on more, their number of codes tells. */
static void check_shares(const struct telu_model *m, const float *x)
{
    static const struct telu_rate rates[] = {
        { 1200, TELU_CONSTRAINED_VBR, TELU_SNR, 0 },
        { 1200, TELU_VBR, TELU_SNR, 0 },
        { 8000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 0 },
    };
    double most = 0.0;

    for (int i = 0; i < PACKETS; i++)
        most = fmax(most, power(x + i * TELU_PACKET, TELU_PACKET));
    for (size_t k = 0; k < sizeof(rates) / sizeof(*rates); k++) {
        struct telu_encoder *e = telu_encoder_new(m, NULL);
        double loud = 0.0, soft = 0.0, mean = 0.0, bytes = 0.0;
        int louds = 0, softs = 0;
        uint8_t packet[TELU_MAX_PACKET];

        if (!e || telu_encoder_set(e, &rates[k]))
            fail("telu_encoder_set");
        for (int i = 0; i < PACKETS; i++) {
            int n = telu_encode(e, x + i * TELU_PACKET, packet, sizeof(packet));
            double level = power(x + i * TELU_PACKET, TELU_PACKET) / most;
            int share = packet[0] >> 7 ? packet[0] >> 2 & 31 : n;

            bytes += n / (double)PACKETS;
            mean += share / (double)PACKETS;
            loud += level > 0.1 ? share : 0.0;
            louds += level > 0.1;
            soft += level < 0.001 ? share : 0.0;
            softs += level < 0.001;
        }
        telu_encoder_free(e);
        expect("shares", "some packets are loud, some are soft", louds > 20 && softs > 5, 1, 0);
        expect("shares", "loud packets get more, soft ones less",
               loud / louds > mean && soft / softs < 0.8 * mean, 1, 0);
        expect("shares", "mean bytes", bytes, rates[k].bitrate / 400.0,
               (rates[k].mode == TELU_VBR ? 0.25 : 0.1) * rates[k].bitrate / 400.0);
    }
}

/* At a rate above all stages all packets are full. Words between pauses, near that rate and at the
 * least one, do not add up more bytes than those of a full packet. */
static void check_carry(const struct telu_model *m, const float *x)
{
    const int most = (1 + m->cfg.stages * m->n + 7) / 8;
    static const float pause[TELU_PACKET];
    const int bitrates[] = { 500, 400 * (most - 1), 64000 };

    for (int k = 0; k < 3; k++) {
        struct telu_rc rc = { .rate = { bitrates[k], TELU_CONSTRAINED_VBR, TELU_SNR, 0 } };

        for (int i = 0; i < 50000; i++) {
            const float *in = i % 50 < 10 ? x + (i % PACKETS) * TELU_PACKET : pause;
            struct telu_budget b = telu_rc_budget(&rc, m, in);

            telu_rc_update(&rc, &b, b.bytes);
            if (k == 2)
                expect("carry", "bytes above all stages", b.bytes, most, 0);
            expect("carry", "400ths of a byte carried over", rc.carry, 0, 400 * most);
        }
    }
}

/* Random tables make the quality meaningless. But without a base layer the codec is a plain
 * transform coder, and more bits give a smaller error. */
static void check_waveform(const struct telu_model *m, const float *x)
{
    static struct stream s;
    static const int rate[] = { 5000, 64000 };
    struct telu_model flat = *m;
    static uint8_t split[2 * TELU_SPLIT_RATES];
    double snr[2];

    flat.tab.split = split;
    for (int k = 0; k < 2; k++) {
        struct telu_rate r = { rate[k], TELU_CONSTRAINED_VBR, TELU_SNR, 1 };
        struct telu_encoder *e = telu_encoder_new(&flat, NULL);
        struct telu_decoder *d = decoder(&flat, NULL);
        double error = 0.0, sum = 0.0;

        if (!e || telu_encoder_set(e, &r))
            fail("telu_encoder_new");
        encode_from(e, &s, x);
        decode_from(d, &s, 0);
        for (int i = 0; i + TELU_DELAY < SAMPLES; i++) {
            error += pow(x[i] - s.pcm[i + TELU_DELAY], 2);
            sum += pow(x[i], 2);
        }
        snr[k] = 10 * log10(sum / error);
        telu_encoder_free(e);
        telu_decoder_free(d);
    }
    expect("waveform", "SNR at 5 kbit/s > 4 dB", snr[0] > 4, 1, 0);
    expect("waveform", "SNR at 64 kbit/s > 25 dB", snr[1] > 25, 1, 0);
}

/* Any input floats, NaN included, give packets that decode to numbers. */
static void any_sound(const struct telu_model *m, int kind)
{
    static const float odd[] = { NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 1e-42f,
                                 -1e-38f, 3.4e38f, 1.0f, -1.0f, 0.0f, 40.0f };
    struct telu_encoder *e = encoder(m, kind, NULL);
    struct telu_decoder *d = decoder(m, NULL);
    uint32_t seed = 9;

    for (int i = 0; i < 200; i++) {
        uint8_t packet[TELU_MAX_PACKET];
        float pcm[TELU_PACKET];
        int n;

        for (int k = 0; k < TELU_PACKET; k++) {
            float v = odd[(int)(12 * tiny_random(&seed))];

            pcm[k] = i % 5 == 0 ? v : i % 5 == 1 ? odd[i % 12]
                   : i % 5 == 2 ? 1e30f * (float)(tiny_random(&seed) - 0.5)
                   : i % 5 == 3 ? 1e-40f : (float)tiny_random(&seed) - 0.5f;
        }
        n = telu_encode(e, pcm, packet, sizeof(packet));
        expect(kinds[kind].name, "bytes for odd sound", n >= 1 && n <= TELU_MAX_PACKET,
               1, 0);
        if (n < 1)
            break;
        expect(kinds[kind].name, "return for odd sound",
               telu_decode(d, packet, (size_t)n, pcm), 0, 0);
        for (int k = 0; k < TELU_PACKET; k++)
            if (!isfinite(pcm[k])) {
                expect(kinds[kind].name, "sample for odd sound", pcm[k], 0, 1e9);
                break;
            }
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
}

/* The rate may change between any two packets. */
static void change(const struct telu_model *m, const float *x)
{
    struct telu_encoder *e = encoder(m, 0, NULL);
    struct telu_decoder *d = decoder(m, NULL);
    struct telu_rate bad = telu_rate_init();

    for (int i = 0; i < PACKETS; i++) {
        int kind = i * 7 % KINDS, n;
        uint8_t packet[TELU_MAX_PACKET];
        float pcm[TELU_PACKET];
        struct telu_info a, b;

        if (telu_encoder_set(e, &kinds[kind].rate))
            fail("telu_encoder_set");
        n = telu_encode(e, x + i * TELU_PACKET, packet, sizeof(packet));
        expect("change", "return", n < 1 ? -1 : telu_decode(d, packet, (size_t)n, pcm),
               0, 0);
        telu_encoder_info(e, &a);
        telu_decoder_info(d, &b);
        expect("change", "info of both sides differs", memcmp(&a, &b, sizeof(a)), 0, 0);
        if (kinds[kind].rate.mode == TELU_CBR)
            expect("change", "bytes, CBR", n, kinds[kind].rate.bitrate / 400, 0);
    }
    bad.bitrate = TELU_MIN_BITRATE - 1;
    expect("change", "return for a bit rate too low", telu_encoder_set(e, &bad), -1, 0);
    bad.bitrate = TELU_MAX_BITRATE + 1;
    expect("change", "return for a bit rate too high", telu_encoder_set(e, &bad), -1,
           0);
    telu_encoder_free(e);
    telu_decoder_free(d);
}

/* Packets cut to any length of the base layer still decode. */
static void cut(const struct telu_model *m, const struct stream *s)
{
    struct telu_decoder *d = decoder(m, NULL);

    for (int i = 0; i < 40; i++)
        for (int n = 1; n <= s->size[i]; n++) {
            float pcm[TELU_PACKET];

            expect("cut", "power is a number",
                   telu_decode(d, s->packet[i], (size_t)n, pcm) < 0 ||
                   !isfinite(power(pcm, TELU_PACKET)), 0, 0);
        }
    telu_decoder_free(d);
}

static void check_model(const struct telu_model *m, const float *x)
{
    static struct stream a, b;

    for (int kind = 0; kind < KINDS; kind++) {
        repeat(m, kind, x, &a, &b);
        check_sizes(m, kind, &a);
        join(m, kind, &a, &b);
        lose(m, kind, &a);
        cut(m, &a);
        any_sound(m, kind);
    }
    check_shares(m, x);
    check_carry(m, x);
    check_waveform(m, x);
    change(m, x);
}

int main(void)
{
    const struct telu_postnet_config post[] = { { 0, 0 }, { 24, 4 } };
    struct telu_config cfg = tiny_config();
    static float x[SAMPLES + TELU_PACKET];

    tiny_speech(x, SAMPLES + TELU_PACKET, 2);
    for (int i = 0; i < 2; i++) {
        struct telu_model *m = tiny_model_postnet(&cfg, &post[i], 11);

        if (!m)
            fail("tiny_model_postnet");
        check_model(m, x);
        telu_model_close(m);
    }
    if (failures)
        printf("test_stream: %d failures\n", failures);
    return failures != 0;
}
