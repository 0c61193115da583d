/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_batch.c - many streams share one engine: each gets the results of a stream alone, and none
 * waits for stalled streams. */
#include "batch_streams.h"

#include <stdlib.h>

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
    telu_model_close(model);
    return failed;
}
