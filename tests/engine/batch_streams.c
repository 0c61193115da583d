/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* batch_streams.c - see batch_streams.h. */
#include "batch_streams.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

struct telu_model *model;

double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void pause_ms(int ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

    nanosleep(&t, NULL);
}

struct telu_batch_stream *join(enum telu_side side, unsigned window)
{
    return telu_batch_add(&fake_module, model, 0, side, window);
}

static void *failed_with(struct stream *s, int result)
{
    s->result = result;
    snprintf(s->why, sizeof(s->why), "%s", telu_error());
    return NULL;
}

void *encoder(void *user)
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

void *decoder(void *user)
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

void start(struct stream *s, int number, int packets, struct telu_batch_stream *member,
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

void line_up(struct stream *s, struct telu_batch_stream **member, const char *sides)
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
