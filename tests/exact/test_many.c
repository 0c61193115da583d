/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_many.c - packets of many streams coded together are those of single calls, bit for bit: 1 to
 * 17 streams at all kinds of rates, which join, leave, restart and lose packets; also streams of
 * several models and tables in one call, packets of one stream, and requests that are no good.
 *
 *   test_many [STEP]          so many streams more from one trial to the next, 1 if not given
 */
#include "backend.h"
#include "network.h"
#include "telu.h"
#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS 17
#define TICKS   40
#define SOUND   (64 * TELU_PACKET)

static int failures;
static float sound[SOUND];

static void need(int good, const char *what)
{
    if (good)
        return;
    printf("test_many: %s: %s\n", what, telu_error());
    exit(1);
}

static void expect(int good, const char *what, int stream, int tick)
{
    if (!good && failures++ < 20)
        printf("stream %d, packet %d: %s\n", stream, tick, what);
}

/* Base alone, without a base, levels, refinement; all modes and tunes. */
static const struct telu_rate rates[] = {
    { .bitrate = 500, .mode = TELU_CONSTRAINED_VBR, .tune = TELU_SNR, .refinement = 1 },
    { .bitrate = 16000, .mode = TELU_CONSTRAINED_VBR, .refinement = 1, .highpass = 1 },
    { .bitrate = 6000, .mode = TELU_CONSTRAINED_VBR, .tune = TELU_SNR, .refinement = 1 },
    { .bitrate = 3200, .mode = TELU_CONSTRAINED_VBR, .refinement = 1, .highpass = 1 },
    { .bitrate = 4000, .mode = TELU_CBR, .refinement = 1 },
    { .bitrate = 16000, .mode = TELU_VBR, .tune = TELU_SNR, .refinement = 1 },
    { .bitrate = 8000, .mode = TELU_CONSTRAINED_VBR, .refinement = 0, .highpass = 1 },
    { .bitrate = 64000, .mode = TELU_CBR, .tune = TELU_PERCEPTUAL, .refinement = 1 },
    { .bitrate = 12000, .mode = TELU_VBR, .refinement = 1 },
};
#define RATES ((int)(sizeof(rates) / sizeof(*rates)))

/* One stream twice: by single calls, and together with others. */
struct stream {
    struct telu_encoder *single_e, *e;
    struct telu_decoder *single_d, *d;
    uint8_t want[TELU_MAX_PACKET], packet[TELU_MAX_PACKET];
    int bytes, result;
    float want_pcm[TELU_PACKET], pcm[TELU_PACKET];
};

static void stream_new(struct stream *s, const struct telu_model *m,
                       const struct telu_backend *be, int number)
{
    memset(s, 0, sizeof(*s));
    s->single_e = telu_encoder_new(m, be);
    s->e = telu_encoder_new(m, be);
    s->single_d = telu_decoder_new(m, be);
    s->d = telu_decoder_new(m, be);
    need(s->single_e && s->e && s->single_d && s->d, "a stream");
    need(!telu_encoder_set(s->single_e, &rates[number % RATES]) &&
         !telu_encoder_set(s->e, &rates[number % RATES]), "telu_encoder_set()");
}

static void stream_free(struct stream *s)
{
    telu_encoder_free(s->single_e);
    telu_encoder_free(s->e);
    telu_decoder_free(s->single_d);
    telu_decoder_free(s->d);
}

/* --- One tick --------------------------------------------------------------- */

/* A stream joins after some packets and is away for a while. */
static int present(int stream, int tick)
{
    return tick >= stream % 5 && (tick + 3 * stream) % 11 != 4;
}

/* Some packets are lost, some damaged; each stream once loses enough to fall silent. */
static int fate(int stream, int tick)
{
    int at = (tick + 7 * stream) % 31;

    return at >= 17 ? 'l' : at % 5 == 3 ? 'l' : at % 7 == 5 ? 'd' : ' ';
}

/* Some streams restart, some change their rate. */
static void change(struct stream *s, int stream, int tick)
{
    const struct telu_rate *rate = &rates[(stream + tick) % RATES];

    if ((tick + stream) % 13 == 12) {
        telu_encoder_reset(s->single_e);
        telu_encoder_reset(s->e);
        telu_decoder_reset(s->single_d);
        telu_decoder_reset(s->d);
    }
    if ((tick + 2 * stream) % 17 == 9)
        need(!telu_encoder_set(s->single_e, rate) && !telu_encoder_set(s->e, rate), "a new rate");
}

static int same_info(const struct telu_info *a, const struct telu_info *b)
{
    return !memcmp(a, b, sizeof(*a));
}

static void check_encoded(const struct stream *s, const struct telu_encode_request *r, int stream,
                          int tick)
{
    struct telu_info want, got;

    telu_encoder_info(s->single_e, &want);
    telu_encoder_info(s->e, &got);
    expect(r->bytes == s->bytes, "another number of bytes", stream, tick);
    expect(!memcmp(s->packet, s->want, (size_t)s->bytes), "other bytes", stream, tick);
    expect(same_info(&want, &got), "another info of the encoder", stream, tick);
}

static void check_decoded(const struct stream *s, const struct telu_decode_request *r, int stream,
                          int tick)
{
    struct telu_info want, got;

    telu_decoder_info(s->single_d, &want);
    telu_decoder_info(s->d, &got);
    expect(r->result == s->result, "another result", stream, tick);
    expect(!memcmp(s->pcm, s->want_pcm, sizeof(s->pcm)), "other samples", stream, tick);
    expect(same_info(&want, &got), "another info of the decoder", stream, tick);
}

/* Streams stand in another order in each call. */
static int nth(int i, int n, int tick)
{
    return (i + tick) % n;
}

static void encode(struct stream *s, int n, int tick)
{
    struct telu_encode_request all[STREAMS];
    int at[STREAMS], count = 0;

    memset(all, 0, sizeof(all));
    for (int i = 0; i < n; i++) {
        int k = nth(i, n, tick);
        const float *x = sound + (tick + 5 * k) % (SOUND / TELU_PACKET) * TELU_PACKET;

        if (!present(k, tick))
            continue;
        change(&s[k], k, tick);
        s[k].bytes = telu_encode(s[k].single_e, x, s[k].want, TELU_MAX_PACKET);
        need(s[k].bytes > 0, "telu_encode()");
        all[count].encoder = s[k].e;
        all[count].pcm = x;
        all[count].packet = s[k].packet;
        at[count++] = k;
    }
    expect(!telu_encode_many(all, count), "telu_encode_many() failed", count, tick);
    for (int i = 0; i < count; i++)
        check_encoded(&s[at[i]], &all[i], at[i], tick);
}

static void decode(struct stream *s, int n, int tick)
{
    struct telu_decode_request all[STREAMS];
    int at[STREAMS], count = 0;

    memset(all, 0, sizeof(all));
    for (int i = 0; i < n; i++) {
        int k = nth(i, n, tick), kind = fate(k, tick);
        struct stream *t = &s[k];

        if (!present(k, tick))
            continue;
        if (kind == 'd')
            t->packet[0] ^= 0xff;
        t->result = kind == 'l' ? telu_conceal(t->single_d, t->want_pcm) :
            telu_decode(t->single_d, t->packet, (size_t)t->bytes, t->want_pcm);
        need(t->result >= 0, "telu_decode()");
        all[count].decoder = t->d;
        all[count].packet = kind == 'l' ? NULL : t->packet;
        all[count].size = (size_t)t->bytes;
        all[count].pcm = t->pcm;
        at[count++] = k;
    }
    expect(!telu_decode_many(all, count), "telu_decode_many() failed", count, tick);
    for (int i = 0; i < count; i++)
        check_decoded(&s[at[i]], &all[i], at[i], tick);
}

/* --- Kinds of calls --------------------------------------------------------- */

/* n streams; of several models and tables when their arrays have several. */
static void together(struct telu_model *const *m, int models, const struct telu_backend *const *be,
                     int tables, int n, int ticks)
{
    static struct stream s[STREAMS];

    for (int i = 0; i < n; i++)
        stream_new(&s[i], m[i % models], be[i / 2 % tables], n + i);
    for (int tick = 0; tick < ticks; tick++) {
        encode(s, n, tick);
        decode(s, n, tick);
    }
    for (int i = 0; i < n; i++)
        stream_free(&s[i]);
}

/* A stream that comes twice in a call codes both packets, in order. */
static void twice(const struct telu_model *m)
{
    struct stream s;

    stream_new(&s, m, NULL, 1);
    for (int tick = 0; tick < 20; tick += 2) {
        uint8_t packet[2][TELU_MAX_PACKET];
        float pcm[2][TELU_PACKET];
        struct telu_encode_request e[2];
        struct telu_decode_request d[2];

        memset(e, 0, sizeof(e));
        memset(d, 0, sizeof(d));
        for (int i = 0; i < 2; i++) {
            e[i].encoder = s.e;
            e[i].pcm = sound + (tick + i) * TELU_PACKET;
            e[i].packet = packet[i];
        }
        expect(!telu_encode_many(e, 2), "encoding both failed", 0, tick);
        for (int i = 0; i < 2; i++) {
            s.bytes = telu_encode(s.single_e, e[i].pcm, s.want, TELU_MAX_PACKET);
            expect(e[i].bytes == s.bytes && !memcmp(packet[i], s.want, (size_t)s.bytes),
                   "other bytes of a stream that comes twice", i, tick);
            d[i].decoder = s.d;
            d[i].packet = packet[i];
            d[i].size = (size_t)e[i].bytes;
            d[i].pcm = pcm[i];
        }
        expect(!telu_decode_many(d, 2), "decoding both failed", 0, tick);
        for (int i = 0; i < 2; i++) {
            s.result = telu_decode(s.single_d, packet[i], d[i].size, s.want_pcm);
            expect(d[i].result == s.result && !memcmp(pcm[i], s.want_pcm, sizeof(s.want_pcm)),
                   "other samples of a stream that comes twice", i, tick);
        }
    }
    stream_free(&s);
}

/* Packets of one stream, or of three in turns, that are decoded by one call, runs of them together:
 * all kinds of rates, some lost or damaged, and a stream that falls silent. */
static void in_runs(const struct telu_model *m, const struct telu_backend *be, int streams, int at)
{
    static uint8_t packet[TICKS][TELU_MAX_PACKET];
    static float pcm[TICKS][TELU_PACKET], want[TICKS][TELU_PACKET];
    struct telu_decode_request d[TICKS];
    struct telu_info info, single;
    struct stream s[3];
    int result[TICKS];

    for (int k = 0; k < streams; k++)
        stream_new(&s[k], m, be, k);
    for (int call = 0; call < 5; call++) {
        memset(d, 0, sizeof(d));
        for (int i = 0; i < TICKS; i++) {
            const int k = i / 2 % streams, tick = call * TICKS + i;
            const int kind = call == 0 ? ' ' : fate(k, tick);
            struct stream *t = &s[k];

            if (tick % 14 == 13)
                need(!telu_encoder_set(t->e, &rates[(at + tick / 14) % RATES]), "a new rate");
            d[i].size = (size_t)telu_encode(t->e, sound + tick * 7 % 60 * TELU_PACKET, packet[i],
                                            TELU_MAX_PACKET);
            if (kind == 'd')
                packet[i][0] ^= 0xff;
            d[i].decoder = t->d;
            d[i].packet = kind == 'l' ? NULL : packet[i];
            d[i].pcm = pcm[i];
            result[i] = kind == 'l' ? telu_conceal(t->single_d, want[i]) :
                telu_decode(t->single_d, packet[i], d[i].size, want[i]);
        }
        expect(!telu_decode_many(d, TICKS), "decoding a run failed", streams, call);
        for (int i = 0; i < TICKS; i++)
            expect(d[i].result == result[i] && !memcmp(pcm[i], want[i], sizeof(want[i])),
                   "other samples of a run", i, call);
        for (int k = 0; k < streams; k++) {
            telu_decoder_info(s[k].d, &info);
            telu_decoder_info(s[k].single_d, &single);
            expect(same_info(&info, &single), "another info behind a run", k, call);
        }
    }
    for (int k = 0; k < streams; k++)
        stream_free(&s[k]);
}

/* Requests that lack something, or use what is reserved, fail; those around them do not notice. */
static void refused(const struct telu_model *m)
{
    struct telu_encode_request e[5];
    struct telu_decode_request d[4];
    struct stream s;

    stream_new(&s, m, NULL, 1);
    memset(e, 0, sizeof(e));
    memset(d, 0, sizeof(d));
    for (int i = 0; i < 5; i++) {
        e[i].encoder = i == 1 ? NULL : s.e;
        e[i].pcm = i == 2 ? NULL : sound + i * TELU_PACKET;
        e[i].packet = i == 3 ? NULL : s.packet;
        e[i].reserved[2] = i == 4;
    }
    expect(telu_encode_many(e, 5) == -1 && telu_error_status() == TELU_ERR_ARGUMENT &&
           !strcmp(telu_error(), "reserved[2] of request 4 is 1, expected 0: begin with zeros"),
           telu_error(), 0, 0);
    s.bytes = telu_encode(s.single_e, sound, s.want, TELU_MAX_PACKET);
    expect(e[0].bytes == s.bytes && !memcmp(s.packet, s.want, (size_t)s.bytes),
           "a good request suffers", 0, 0);
    for (int i = 1; i < 5; i++)
        expect(e[i].bytes == -1, "a bad request is not -1", i, 0);

    for (int i = 0; i < 4; i++) {
        d[i].decoder = i == 0 ? NULL : s.d;
        d[i].pcm = i == 1 ? NULL : s.pcm;
        d[i].packet = s.packet;
        d[i].size = (size_t)s.bytes;
        d[i].reserved[0] = i == 2 ? -1 : 0;
    }
    expect(telu_decode_many(d, 4) == -1 && d[0].result == -1 && d[1].result == -1 &&
           d[2].result == -1, "a bad request is decoded", 0, 1);
    expect(telu_decode(s.single_d, s.packet, (size_t)s.bytes, s.want_pcm) == d[3].result &&
           !memcmp(s.pcm, s.want_pcm, sizeof(s.pcm)), "a good request suffers", 0, 1);
    expect(!telu_encode_many(NULL, 0) && !telu_decode_many(NULL, 0), "no requests fail", 0, 2);
    expect(telu_encode_many(e, -1) == -1 && telu_decode_many(NULL, 1) == -1,
           "less than no requests, or none of one, do not fail", 0, 3);
    stream_free(&s);
}

/* The largest layers: fewer rows fit into the scratch of a pass. */
static void wide(void)
{
    const struct telu_backend *be[] = { &telu_backend_simd };
    struct telu_config cfg = tiny_config();
    struct telu_model *m;

    cfg.enc_width = cfg.dec_width = cfg.latent = TELU_MAX_WIDTH;
    cfg.enc_blocks = cfg.dec_blocks = 1;
    cfg.expand = TELU_MAX_EXPAND;
    m = tiny_model(&cfg, 3);
    need(m != NULL, "a wide model");
    expect(telu_net_rows(m) == 2, "the rows of a wide model are not 2", telu_net_rows(m), 0);
    together(&m, 1, be, 1, 5, 3);
    telu_model_close(m);
}

int main(int argc, char **argv)
{
    const int step = argc > 1 ? atoi(argv[1]) : 1;
    const struct telu_postnet_config post[] = { { 0, 0 }, { 24, 4 } };
    const struct telu_backend *be[] = { &telu_backend_simd, &telu_backend_c };
    struct telu_config cfg = tiny_config();
    struct telu_model *m[2];

    if (step < 1 || step > STREAMS) {
        fprintf(stderr, "usage: test_many [STEP], 1 to %d\n", STREAMS);
        return 2;
    }
    tiny_speech(sound, SOUND, 4);
    for (int i = 0; i < 2; i++) {
        m[i] = tiny_model_postnet(&cfg, &post[i], 5);
        need(m[i] != NULL, "a model");
    }
    for (int n = 1; n <= STREAMS; n += step) {
        together(&m[n % 2], 1, be, 1, n, TICKS);
        together(&m[(n + 1) % 2], 1, be + 1, 1, n, TICKS);
        together(m, 2, be, 2, n, TICKS);
    }
    twice(m[1]);
    for (int i = 0; i < 4 * RATES; i++)
        in_runs(m[i % 2], be[i / 2 % 2], 1 + i % 3, i / 4);
    refused(m[0]);
    wide();
    telu_model_close(m[0]);
    telu_model_close(m[1]);
    if (failures)
        printf("test_many: %d failures\n", failures);
    return failures != 0;
}
