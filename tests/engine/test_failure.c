/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_failure.c - a failure of a shared engine reaches all its streams without changing their
 * packets; so does a lack of room, and streams that come and go disturb none. */
#include "batch_streams.h"

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
        printf("test_failure: %s\n", telu_error());
        return 1;
    }
    test_failure();
    test_queue_fails();
    test_full_device();
    test_remove_waiting();
    test_add_and_remove();
    telu_model_close(model);
    return failed;
}
