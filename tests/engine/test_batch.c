/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_batch.c - many streams share one engine: each gets the results of a stream alone, none
 * waits for stalled streams, and a failure reaches all without changing their packets. */
#include "expect.h"
#include "fake/engine.h"
#include "scheduler.h"
#include "tiny_model.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACKETS 40
#define STREAMS 32

static struct telu_model *model;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pause_ms(int ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

    nanosleep(&t, NULL);
}

static void check_fake(const char *what)
{
    check(fake_control.breaches == 0, fake_control.breaches ? fake_control.breach : what,
          fake_control.breaches);
    check(fake_control.engines == 0, "engines left open", fake_control.engines);
    check(fake_control.slots == 0, "slots left", fake_control.slots);
}

static struct telu_batch_stream *join(enum telu_side side, unsigned window)
{
    return telu_batch_add(&fake_module, model, 0, side, window);
}

/* --- One stream, in a thread ----------------------------------------------- */

struct stream {
    pthread_t thread;
    int number, packets, window;
    struct telu_batch_stream *member;    /* given, or NULL: its own */
    int result;                /* 0: good; 1: refused; 2: failed; 3: differs */
    atomic_int done;           /* packets; -1: not started */
    atomic_int ended;
    char why[200];
};

static void *failed_with(struct stream *s, int result)
{
    s->result = result;
    snprintf(s->why, sizeof(s->why), "%s", telu_error());
    return NULL;
}

/* Encodes the stream's signal through the batch and alone, and compares. */
static void *encoder(void *user)
{
    struct stream *s = user;
    struct telu_batch_stream *member =
        s->member ? s->member : join(TELU_ENCODE, (unsigned)s->window);
    struct telu_encoder *alone = telu_encoder_new(model, NULL);
    struct telu_rate rate = telu_rate_init();
    uint8_t packet[TELU_MAX_PACKET], expected[TELU_MAX_PACKET];
    float x[TELU_PACKET];

    rate.bitrate = 4000 + 500 * (s->number % 64);
    telu_encoder_set(alone, &rate);
    if (!member) {
        telu_encoder_free(alone);
        return failed_with(s, 1);
    }
    for (int i = 0; i < s->packets && !s->result; i++) {
        struct telu_request request = { .reset = i == 0, .rate = rate, .pcm = x,
                                .packet = packet };
        int n;

        tiny_speech(x, TELU_PACKET, (uint32_t)(1000 * s->number + i));
        memset(packet, 0xa5, sizeof(packet));
        n = telu_encode(alone, x, expected, sizeof(expected));
        s->done = i;
        if (telu_batch_run(member, &request)) {
            failed_with(s, packet[0] == 0xa5 && packet[99] == 0xa5 ? 2 : 3);
        } else if (request.bytes != n || memcmp(packet, expected, (size_t)n)) {
            s->result = 3;
        }
    }
    if (!s->member)
        telu_batch_remove(member);
    telu_encoder_free(alone);
    s->ended = 1;
    return NULL;
}

/* Decodes packets of another encoder, some of them lost, and compares. */
static void *decoder(void *user)
{
    struct stream *s = user;
    struct telu_batch_stream *member =
        s->member ? s->member : join(TELU_DECODE, (unsigned)s->window);
    struct telu_encoder *source = telu_encoder_new(model, NULL);
    struct telu_decoder *alone = telu_decoder_new(model, NULL);
    uint8_t packet[TELU_MAX_PACKET];
    float x[TELU_PACKET], y[TELU_PACKET], expected[TELU_PACKET];

    for (int i = 0; member && i < s->packets && !s->result; i++) {
        struct telu_request request = { .reset = i == 0, .pcm = y, .packet = packet };

        tiny_speech(x, TELU_PACKET, (uint32_t)(7000 * s->number + i));
        request.bytes = telu_encode(source, x, packet, sizeof(packet));
        if (i % 7 == 5) {
            request.packet = NULL;
            telu_conceal(alone, expected);
        } else {
            telu_decode(alone, packet, (size_t)request.bytes, expected);
        }
        s->done = i;
        if (telu_batch_run(member, &request))
            failed_with(s, 2);
        else if (memcmp(y, expected, sizeof(y)))
            s->result = 3;
    }
    if (!member)
        failed_with(s, 1);
    if (!s->member)
        telu_batch_remove(member);
    telu_decoder_free(alone);
    telu_encoder_free(source);
    return NULL;
}

static void start(struct stream *s, int number, int packets, struct telu_batch_stream *member,
                  int window, void *(*run)(void *))
{
    pthread_attr_t small;

    memset(s, 0, sizeof(*s));
    s->number = number;
    s->packets = packets;
    s->member = member;
    s->window = window;
    s->done = -1;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    if (pthread_create(&s->thread, &small, run, s))
        abort();
    pthread_attr_destroy(&small);
}

static void finish(struct stream *s, int result, const char *what)
{
    pthread_join(s->thread, NULL);
    check(s->result == result, what, s->result);
}

/* Sends one packet of each stream; sides: e.g. "EED". The first one waits at the engine's
 * gate, the others queue behind it in their order. */
static void line_up(struct stream *s, struct telu_batch_stream **member, const char *sides)
{
    int waiting;

    for (int i = 0; sides[i]; i++)
        member[i] = join(sides[i] == 'E' ? TELU_ENCODE : TELU_DECODE, 0);
    fake_control.gate = 0;
    for (int i = 0; sides[i]; i++) {
        start(&s[i], i, 1, member[i], 0, sides[i] == 'E' ? encoder : decoder);
        do {
            sched_yield();
            pthread_mutex_lock(&member[0]->batch->lock);
            waiting = member[0]->batch->side[0].queued + member[0]->batch->side[1].queued;
            pthread_mutex_unlock(&member[0]->batch->lock);
        } while (waiting < i || !fake_control.held);
    }
}

/* --- The promises ----------------------------------------------------------- */

static void test_equal_to_alone(int window)
{
    struct stream s[2 * STREAMS];
    struct telu_batch_stream *member = join(TELU_ENCODE, 0);
    struct telu_batch_stats stats;

    fake_control.delay = 500;
    for (int i = 0; i < 2 * STREAMS; i++)
        start(&s[i], i, PACKETS, NULL, window, i % 2 ? decoder : encoder);
    for (int i = 0; i < 2 * STREAMS; i++)
        finish(&s[i], 0, "a stream among others is another than alone");

    telu_batch_stats(member, &stats);
    check(stats.packets == STREAMS * PACKETS, "packets encoded", (double)stats.packets);
    check(stats.runs == (uint64_t)fake_control.runs[0], "runs", (double)stats.runs);
    check(stats.runs < stats.packets / 2, "runs, for so few batches would be none",
          (double)stats.runs);
    check(stats.most > 2 && stats.most <= STREAMS, "largest batch", stats.most);
    check(stats.streams == 1, "streams that are left", stats.streams);
    check(fake_control.opened == 1, "engines for one model and device",
          fake_control.opened);
    telu_batch_remove(member);
    check_fake("alike");
    fake_reset(&fake_control);
}

/* Checks that another model or device gets another engine, and another side does not. */
static void test_shared(void)
{
    struct telu_config cfg = tiny_config();
    struct telu_model *other = tiny_model(&cfg, 2);
    struct telu_batch_stream *a = join(TELU_ENCODE, 0), *b = join(TELU_DECODE, 0), *c, *d;

    check(fake_control.engines == 1, "engines of one model", fake_control.engines);
    c = telu_batch_add(&fake_module, other, 0, TELU_ENCODE, 0);
    check(fake_control.engines == 2, "engines of two models", fake_control.engines);
    fake_control.devices = 2;
    d = telu_batch_add(&fake_module, model, 1, TELU_ENCODE, 0);
    check(fake_control.engines == 3, "engines, one on a second device",
          fake_control.engines);
    telu_batch_remove(d);
    telu_batch_remove(a);
    telu_batch_remove(c);
    telu_model_close(other);
    check(fake_control.engines == 1, "engines while one is used", fake_control.engines);
    telu_batch_remove(b);
    telu_batch_remove(NULL);
    check_fake("shared");
    fake_reset(&fake_control);
}

/* Checks a window of 300 ms: a packet waits once for a stream that stalls, and the next
 * ones do not. A packet does not wait when all streams have sent theirs. */
static void test_stalled(void)
{
    const unsigned some = 300000, ages = 20000000;
    struct telu_batch_stream *a = join(TELU_ENCODE, ages), *b = join(TELU_ENCODE, some);
    struct stream one, two;
    float x[TELU_PACKET] = { 0 };
    uint8_t packet[TELU_MAX_PACKET];
    struct telu_request request = { .rate = telu_rate_init(), .pcm = x, .packet = packet };
    double t = now();

    telu_batch_run(a, &request);
    check(now() - t < 10.0, "a packet waits for one that never came", now() - t);
    t = now();
    telu_batch_run(b, &request);           /* waits for a, which is expected */
    check(now() - t > 0.25, "a packet does not wait for the others", now() - t);

    t = now();
    b->window_us = ages;
    for (int i = 0; i < 5; i++)
        telu_batch_run(b, &request);
    check(now() - t < 10.0, "5 packets, beside one that has stalled", now() - t);

    /* The stream comes back, waits, and is waited for again. */
    t = now();
    a->window_us = some;
    telu_batch_run(a, &request);
    check(now() - t > 0.25, "a packet does not wait for who comes now and then", now() - t);
    telu_batch_remove(a);
    telu_batch_remove(b);
    check_fake("stalled");

    /* Two packets run as soon as both have arrived. */
    fake_reset(&fake_control);
    t = now();
    start(&one, 1, 50, NULL, (int)ages, encoder);
    start(&two, 2, 50, NULL, (int)ages, encoder);
    finish(&one, 0, "first of two");
    finish(&two, 0, "second of two");
    check(now() - t < 10.0, "100 packets that need not wait took", now() - t);
    check_fake("two");
    fake_reset(&fake_control);
}

/* Checks that a stream runs an idle engine on its own thread, and that the engine's thread
 * runs the packets of a busy one, however soon the next ones come. */
static void test_idle_engine(void)
{
    struct telu_batch_stream *member = join(TELU_ENCODE, 0), *two[2];
    float x[TELU_PACKET] = { 0 };
    uint8_t packet[TELU_MAX_PACKET];
    struct telu_request request = { .rate = telu_rate_init(), .pcm = x, .packet = packet };
    struct stream s[2];

    for (int i = 0; i < 5; i++) {
        telu_batch_run(member, &request);
        check(pthread_equal(fake_control.runner, pthread_self()), "run by another thread", i);
    }
    line_up(s, two, "ED");
    fake_control.gate = 1;             /* lets only the first pass */
    finish(&s[0], 0, "who ran it");
    check(pthread_equal(fake_control.runner, s[0].thread), "run by another thread", 5);
    fake_control.gate = -1;
    finish(&s[1], 0, "who came meanwhile");
    check(pthread_equal(fake_control.runner, member->batch->thread),
          "the engine's thread did not run what came meanwhile", 0);
    telu_batch_remove(member);
    telu_batch_remove(two[0]);
    telu_batch_remove(two[1]);
    check_fake("alone");
    fake_reset(&fake_control);
}

/* Checks that the two sides take turns when both have packets. */
static void test_sides_alternate(void)
{
    struct telu_batch_stream *member[4];
    struct stream s[4];

    line_up(s, member, "EEED");
    fake_control.gate = -1;
    for (int i = 0; i < 4; i++) {
        finish(&s[i], 0, "one of both sides");
        telu_batch_remove(member[i]);
    }
    check(!strcmp(fake_control.sides, "EDE"), "order of the batches", 0);
    check_fake("fair");
    fake_reset(&fake_control);
}

/* Checks that streams beyond a full batch run in the next one. */
static void test_full_batch(void)
{
    const int many = 1 + TELU_BATCH_MAX + 75;
    struct stream *s = calloc((size_t)many, sizeof(*s));
    struct telu_batch_stream **seats = calloc((size_t)many, sizeof(struct telu_batch_stream *));
    char *sides = calloc((size_t)many + 1, 1);
    int late = TELU_BATCH_MAX + 1, ended;

    memset(sides, 'E', (size_t)many);
    line_up(s, seats, sides);
    fake_control.gate = 2;     /* lets the first and a full batch pass */
    do {
        pause_ms(1);
        ended = 0;
        for (int i = 0; i < many; i++)
            ended += s[i].ended;
    } while (ended < late);
    for (int i = late; i < many; i++)
        check(!s[i].ended, "a late comer was first, stream", i);
    fake_control.gate = -1;
    for (int i = 0; i < many; i++)
        finish(&s[i], 0, "a stream among very many");
    for (int i = 0; i < many; i++)
        telu_batch_remove(seats[i]);
    check(fake_control.most == TELU_BATCH_MAX && fake_control.runs[0] == 3,
          "largest batch of very many", fake_control.most);
    free(sides);
    free(seats);
    free(s);
    check_fake("many");
    fake_reset(&fake_control);
}

/* --- Failures ---------------------------------------------------------------- */

static void test_failure(void)
{
    struct stream s[STREAMS], again;
    struct telu_batch_stream *member = join(TELU_ENCODE, 0);
    float x[TELU_PACKET] = { 0 };
    uint8_t packet[TELU_MAX_PACKET];
    struct telu_request request = { .rate = telu_rate_init(), .pcm = x, .packet = packet };

    fake_control.delay = 500;
    fake_control.runs_left = 20;
    for (int i = 0; i < STREAMS; i++)
        start(&s[i], i, PACKETS, NULL, 0, i % 2 ? decoder : encoder);
    for (int i = 0; i < STREAMS; i++) {
        pthread_join(s[i].thread, NULL);
        check(s[i].result == 1 || s[i].result == 2, "a stream when the device fails",
              s[i].result);
        check(strstr(s[i].why, "illegal memory access") != NULL,
              "the device's own words, got others", i);
    }
    check(fake_control.engines == 0, "a dead engine is kept", fake_control.engines);

    /* The engine is dead for its streams; a new stream gets a new engine. */
    check(telu_batch_run(member, &request) == -1, "a dead batch runs", 0);
    check(strstr(telu_error(), "illegal memory access") != NULL, "its reason is lost", 0);
    fake_control.runs_left = -1;
    start(&again, 1, PACKETS, NULL, 0, encoder);
    finish(&again, 0, "a stream after the failure");
    check(telu_batch_run(member, &request) == -1, "a dead batch lives again", 0);
    telu_batch_remove(member);
    check_fake("failure");
    fake_reset(&fake_control);
}

/* The engine fails with packets of both sides, some running and some queued. */
static void test_queue_fails(void)
{
    static const char *const sides[] = { "EED", "DDE", "EDD", "DEE" };
    struct telu_batch_stream *member[3];
    struct stream s[3];

    for (int k = 0; k < 4; k++) {
        line_up(s, member, sides[k]);
        fake_control.runs_left = 0;
        fake_control.gate = -1;
        for (int i = 0; i < 3; i++) {
            finish(&s[i], 2, "a stream in line when the device fails");
            telu_batch_remove(member[i]);
        }
        check_fake("a line that fails");
        fake_reset(&fake_control);
    }
}

static void test_full_device(void)
{
    struct stream s[6], first;

    fake_control.refuse_open = 1;
    check(!join(TELU_ENCODE, 0), "joined without an engine", 0);
    check(telu_error_status() == TELU_ERR_NO_MEMORY, "why there is no engine", 0);
    for (int i = 0; i < 6; i++)
        start(&s[i], i, 3, NULL, 0, encoder);
    for (int i = 0; i < 6; i++)
        finish(&s[i], 1, "a stream without an engine");
    check_fake("no engine");

    /* A refused stream does not disturb running ones. */
    fake_reset(&fake_control);
    fake_control.slots_left = 1;
    fake_control.delay = 1000;
    start(&first, 1, PACKETS, NULL, 0, encoder);
    while (!fake_control.runs[0])
        pause_ms(1);
    check(!join(TELU_DECODE, 0), "joined without a place", 0);
    check(telu_error_status() == TELU_ERR_NO_MEMORY, "why there is no place", 0);
    finish(&first, 0, "the stream that was there first");
    check_fake("no place");

    fake_reset(&fake_control);
    check(!telu_batch_add(&fake_module, model, 7, TELU_ENCODE, 0), "no device 7", 0);
    check(strstr(telu_error(), "7") != NULL, "which device there is not", 0);
    check_fake("no device");
    fake_reset(&fake_control);
}

/* Closes a stream whose thread waits for the others. */
static void test_remove_waiting(void)
{
    struct telu_batch_stream *other = join(TELU_ENCODE, 0);
    float x[TELU_PACKET] = { 0 };
    uint8_t packet[TELU_MAX_PACKET];
    struct telu_request request = { .rate = telu_rate_init(), .pcm = x, .packet = packet };

    for (int i = 0; i < 20; i++) {
        struct telu_batch_stream *member = join(TELU_ENCODE, 20000000);
        struct stream s;
        double t = now();

        telu_batch_run(other, &request);   /* makes the batch expect it; it then stalls */
        start(&s, 1, PACKETS, member, 0, encoder);
        while (s.done < 0)
            pause_ms(1);
        pause_ms(5 + i);
        telu_batch_remove(member);
        finish(&s, 2, "a stream that was closed while it waited");
        check(strstr(s.why, "closed") != NULL, "why it came back", i);
        check(now() - t < 5.0, "closing took", now() - t);
    }
    telu_batch_remove(other);
    check_fake("left");
    fake_reset(&fake_control);
}

/* Adds and removes streams while others run. */
static void test_add_and_remove(void)
{
    struct stream s[4], guest;

    for (int i = 0; i < 4; i++)
        start(&s[i], i, 200, NULL, 100, i % 2 ? decoder : encoder);
    for (int i = 0; i < 200; i++) {
        start(&guest, i, i % 3, NULL, i % 2 ? 0 : 500, i % 5 ? encoder : decoder);
        finish(&guest, 0, "a guest");
    }
    for (int i = 0; i < 4; i++)
        finish(&s[i], 0, "a stream that guests come to");
    check_fake("coming");
    fake_reset(&fake_control);
}

int main(void)
{
    struct telu_config cfg = tiny_config();

    model = tiny_model(&cfg, 1);
    if (!model) {
        printf("test_batch: %s\n", telu_error());
        return 1;
    }
    test_equal_to_alone(0);
    test_equal_to_alone(2000);
    test_shared();
    test_stalled();
    test_idle_engine();
    test_sides_alternate();
    test_full_batch();
    test_failure();
    test_queue_fails();
    test_full_device();
    test_remove_waiting();
    test_add_and_remove();
    telu_model_close(model);
    printf("batch: %s\n", failed ? "failed" : "ok");
    return failed;
}
