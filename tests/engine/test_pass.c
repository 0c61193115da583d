/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_pass.c - streams in threads share passes on the CPU: each has the packets and samples of a
 * stream alone, packets of up to eight run together, on all cores that there are, and none waits
 * for longer than it granted. */
#include "expect.h"
#include "pass.h"
#include "tiny_model.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACKETS 40
#define STREAMS 24
#define AGES    20000000       /* microseconds */

static struct telu_model *model, *wide;        /* wide: with passes of fewer rows */

struct stream {
    pthread_t thread;
    const struct telu_model *m;
    struct telu_pass_stream *member;   /* given, or NULL: its own */
    int number, packets;
    unsigned window;
    int broken;                /* 1: its requests are no good */
    int result;                /* 0: good; 1: refused; 2: failed; 3: differs */
    char why[200];
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fail(struct stream *s, int result)
{
    s->result = result;
    snprintf(s->why, sizeof(s->why), "%s", telu_error());
}

/* --- Threads of a stream ---------------------------------------------------- */

static void *encoder(void *user)
{
    struct stream *s = user;
    struct telu_encoder *e = telu_encoder_new(s->m, NULL), *alone = telu_encoder_new(s->m, NULL);
    struct telu_pass_stream *member =
        s->member ? s->member : telu_pass_add(s->m, TELU_ENCODE, s->window);
    struct telu_rate rate = telu_rate_init();
    uint8_t packet[TELU_MAX_PACKET], expected[TELU_MAX_PACKET];
    float x[TELU_PACKET];

    rate.bitrate = 4000 + 500 * s->number;
    telu_encoder_set(e, &rate);
    telu_encoder_set(alone, &rate);
    if (!member)
        fail(s, 1);
    for (int i = 0; i < s->packets && !s->result; i++) {
        struct telu_encode_request request = { .encoder = e, .pcm = x, .packet = packet,
                                               .reserved = { s->broken } };
        int n, bytes;

        if (i == PACKETS / 2) {
            telu_encoder_reset(e);
            telu_encoder_reset(alone);
        }
        tiny_speech(x, TELU_PACKET, (uint32_t)(1000 * s->number + i));
        n = telu_encode(alone, x, expected, sizeof(expected));
        bytes = telu_pass_encode(member, &request);
        if (bytes < 0)
            fail(s, 2);
        else if (bytes != n || request.bytes != n || memcmp(packet, expected, (size_t)n))
            fail(s, 3);
    }
    if (!s->member)
        telu_pass_remove(member);
    telu_encoder_free(e);
    telu_encoder_free(alone);
    return NULL;
}

static void *decoder(void *user)
{
    struct stream *s = user;
    struct telu_encoder *source = telu_encoder_new(s->m, NULL);
    struct telu_decoder *d = telu_decoder_new(s->m, NULL), *alone = telu_decoder_new(s->m, NULL);
    struct telu_pass_stream *member =
        s->member ? s->member : telu_pass_add(s->m, TELU_DECODE, s->window);
    uint8_t packet[TELU_MAX_PACKET];
    float x[TELU_PACKET], y[TELU_PACKET], expected[TELU_PACKET];

    if (!member)
        fail(s, 1);
    for (int i = 0; i < s->packets && !s->result; i++) {
        struct telu_decode_request request = { .decoder = d, .packet = packet, .pcm = y,
                                               .reserved = { s->broken } };
        const int lost = i % 7 == 5, cut = i % 7 == 2;
        int want, got;

        tiny_speech(x, TELU_PACKET, (uint32_t)(7000 * s->number + i));
        request.size = (size_t)telu_encode(source, x, packet, sizeof(packet)) - (size_t)cut;
        request.packet = lost ? NULL : packet;
        want = lost ? telu_conceal(alone, expected)
                    : telu_decode(alone, packet, request.size, expected);
        got = telu_pass_decode(member, &request);
        if (got < 0)
            fail(s, 2);
        else if (got != want || memcmp(y, expected, sizeof(y)))
            fail(s, 3);
    }
    if (!s->member)
        telu_pass_remove(member);
    telu_decoder_free(d);
    telu_decoder_free(alone);
    telu_encoder_free(source);
    return NULL;
}

static void start(struct stream *s, void *(*run)(void *))
{
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1024 * 1024);
    if (pthread_create(&s->thread, &small, run, s))
        abort();
    pthread_attr_destroy(&small);
}

static void finish(struct stream *s, const char *what)
{
    pthread_join(s->thread, NULL);
    check(s->result == 0, what, s->result);
}

/* Starts streams of one packet, "EED" say, while no pass may begin; each queues before the next. */
static void line_up(struct stream *s, const char *sides)
{
    telu_pass_cores(0);
    for (int i = 0; sides[i]; i++) {
        s[i].number = i;
        s[i].packets = 1;
        s[i].m = s[i].m ? s[i].m : model;
        start(&s[i], sides[i] == 'E' ? encoder : decoder);
        while (telu_pass_waiting() <= i)
            sched_yield();
    }
}

static struct telu_batch_stats stats_of(struct telu_pass_stream *member)
{
    struct telu_batch_stats stats;

    telu_pass_stats(member, &stats);
    return stats;
}

/* --- Tests ------------------------------------------------------------------ */

static void test_equal_to_alone(unsigned window, int cores)
{
    struct telu_pass_stream *member = telu_pass_add(model, TELU_ENCODE, 0);
    struct stream s[2 * STREAMS] = { 0 };
    struct telu_batch_stats stats;
    uint64_t packets = 0;

    telu_pass_cores(cores);
    for (int i = 0; i < 2 * STREAMS; i++) {
        s[i] = (struct stream){ .m = i % 16 < 14 ? model : wide, .number = i, .window = window,
                                .packets = PACKETS + i };
        packets += i % 2 == 0 && s[i].m == model ? PACKETS + (uint64_t)i : 0;
        start(&s[i], i % 2 ? decoder : encoder);
    }
    for (int i = 0; i < 2 * STREAMS; i++)
        finish(&s[i], "a stream among others is another than alone");
    stats = stats_of(member);
    check(stats.packets == packets, "packets encoded", (double)stats.packets);
    check(stats.runs <= stats.packets && stats.most <= 8, "packets of a pass", stats.most);
    check(!window || stats.runs < stats.packets / 3, "passes of streams that wait",
          (double)stats.runs);
    check(stats.streams == 1, "streams that are left", stats.streams);
    telu_pass_remove(member);
    telu_pass_cores(-1);
}

/* Packets that wait run in full passes, sides apart. */
static void test_full_passes(void)
{
    struct telu_pass_stream *e = telu_pass_add(model, TELU_ENCODE, 0);
    struct telu_pass_stream *d = telu_pass_add(model, TELU_DECODE, 0);
    struct telu_pass_stream *w = telu_pass_add(wide, TELU_ENCODE, 0);
    struct stream s[20] = { 0 };
    struct telu_batch_stats stats;

    for (int i = 11; i < 16; i++)
        s[i].m = wide;
    line_up(s, "EEEEEEEEEEEEEEEEDDDD");
    telu_pass_cores(1);
    for (int i = 0; i < 20; i++)
        finish(&s[i], "a stream that waited for a core");
    stats = stats_of(e);
    check(stats.packets == 11 && stats.runs == 2 && stats.most == 8, "passes of 11 encoders",
          (double)stats.runs);
    stats = stats_of(d);
    check(stats.packets == 4 && stats.runs == 1, "passes of 4 decoders", (double)stats.runs);
    stats = stats_of(w);
    check(stats.packets == 5 && stats.runs == 2 && stats.most == 4, "passes of 5 wide encoders",
          (double)stats.runs);
    telu_pass_remove(e);
    telu_pass_remove(d);
    telu_pass_remove(w);
    telu_pass_cores(-1);
}

/* Two passes begin at once where there are two cores. */
static void test_cores(void)
{
    struct telu_pass_stream *e = telu_pass_add(model, TELU_ENCODE, 0);
    struct stream s[16] = { 0 };

    line_up(s, "EEEEEEEEEEEEEEEE");
    telu_pass_cores(2);
    check(telu_pass_waiting() == 0, "packets that wait though a core is free",
          telu_pass_waiting());
    for (int i = 0; i < 16; i++)
        finish(&s[i], "a stream on one of two cores");
    check(stats_of(e).runs == 2, "passes of 16 encoders", (double)stats_of(e).runs);
    telu_pass_remove(e);
    telu_pass_cores(-1);
}

/* A packet waits once for a stream that stalls, and the next ones do not; when all have sent
 * theirs, none waits. */
static void test_stalled(void)
{
    struct telu_pass_stream *a = telu_pass_add(model, TELU_ENCODE, AGES);
    struct telu_pass_stream *b = telu_pass_add(model, TELU_ENCODE, 300000);
    struct telu_encoder *e = telu_encoder_new(model, NULL);
    struct stream s[2] = { 0 };
    float x[TELU_PACKET] = { 0 };
    uint8_t packet[TELU_MAX_PACKET];
    struct telu_encode_request request = { .encoder = e, .pcm = x, .packet = packet };
    double t = now();

    telu_pass_encode(a, &request);
    check(now() - t < 10.0, "a packet waits for one that never came", now() - t);
    t = now();
    telu_pass_encode(b, &request);         /* waits for a, which is expected */
    check(now() - t > 0.25, "a packet does not wait for the others", now() - t);
    t = now();
    for (int i = 0; i < 5; i++)
        telu_pass_encode(b, &request);
    check(now() - t < 0.3, "5 packets, beside one that has stalled", now() - t);
    telu_pass_remove(a);
    telu_pass_remove(b);

    t = now();
    for (int i = 0; i < 2; i++) {
        s[i] = (struct stream){ .m = model, .number = i, .packets = 50, .window = AGES };
        start(&s[i], encoder);
    }
    finish(&s[0], "first of two");
    finish(&s[1], "second of two");
    check(now() - t < 10.0, "100 packets that need not wait took", now() - t);
    telu_encoder_free(e);
}

/* A packet that waits for one stream alone runs when that leaves. */
static void test_leaving(void)
{
    struct telu_pass_stream *a = telu_pass_add(model, TELU_ENCODE, 0);
    struct telu_encoder *e = telu_encoder_new(model, NULL);
    float x[TELU_PACKET] = { 0 };
    uint8_t packet[TELU_MAX_PACKET];
    struct telu_encode_request request = { .encoder = e, .pcm = x, .packet = packet };
    struct stream s = { .m = model, .packets = 3, .window = AGES };
    double t = now();

    telu_pass_encode(a, &request);
    start(&s, encoder);
    while (!telu_pass_waiting())
        sched_yield();
    telu_pass_remove(a);
    finish(&s, "a stream that waited for one that left");
    check(now() - t < 10.0, "a packet waits for a stream that has left", now() - t);
    telu_pass_remove(NULL);
    telu_encoder_free(e);
}

/* A request that is no good fails alone, and its own thread is told why. */
static void test_failure(void)
{
    for (int side = 0; side < 2; side++) {
        struct stream s[4] = { 0 };

        s[1].broken = s[2].broken = 7;
        line_up(s, side ? "DDDD" : "EEEE");
        telu_pass_cores(1);
        for (int i = 0; i < 4; i++) {
            pthread_join(s[i].thread, NULL);
            check(s[i].result == 2 * (i == 1 || i == 2), "result of a stream", s[i].result);
            check(s[i].result != 2 || strstr(s[i].why, "is 7, expected 0"), s[i].why, i);
        }
        telu_pass_cores(-1);
    }
}

int main(void)
{
    struct telu_config cfg = tiny_config();

    model = tiny_model(&cfg, 1);
    cfg.dec_width = 600;
    cfg.dec_blocks = 1;
    cfg.expand = 4;
    wide = model ? tiny_model(&cfg, 2) : NULL;
    if (!wide) {
        printf("test_pass: %s\n", telu_error());
        return 1;
    }
    test_equal_to_alone(0, -1);
    test_equal_to_alone(0, 1);
    test_equal_to_alone(2000, 2);
    test_full_passes();
    test_cores();
    test_stalled();
    test_leaving();
    test_failure();
    telu_model_close(model);
    telu_model_close(wide);
    return failed;
}
