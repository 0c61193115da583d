/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.c - see engine.h here. */
#include "fake/engine.h"

#include "error.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOTS 4096

struct fake_control fake_control = { .devices = 1, .slots_left = -1, .runs_left = -1,
                                     .gate = -1 };

struct telu_engine {
    const struct telu_model *m;
    atomic_int threads;        /* inside the engine now */
    int most, failed;
    struct telu_encoder *encoder[SLOTS];
    struct telu_decoder *decoder[SLOTS];
    int seen[SLOTS], run;      /* last run with a request of that slot */
};

static void breach(const char *what)
{
    fake_control.breach = what;
    fake_control.breaches++;
}

/* Checks that one thread at a time uses the engine. */
static void enter(struct telu_engine *e)
{
    if (e->threads++)
        breach("two threads at once");
}

static int leave(struct telu_engine *e, int result)
{
    e->threads--;
    return result;
}

static int fail(void)
{
    return fake_control.memory
        ? telu_fail_status(TELU_ERR_NO_MEMORY, "fake: out of memory")
        : telu_fail_status(TELU_ERR_DEVICE, "fake: an illegal memory access was encountered");
}

static struct telu_engine *engine_open(const struct telu_model *m, int device, int most)
{
    struct telu_engine *e = NULL;

    if (fake_control.refuse_open == 1)
        telu_fail_status(TELU_ERR_NO_MEMORY, "fake: out of memory for the weights");
    else if (fake_control.refuse_open)
        telu_fail_status(TELU_ERR_DEVICE, "fake: the device has no double unit");
    else if (device < 0 || device >= fake_control.devices)
        telu_fail("fake: no device %d", device);
    else if (!(e = calloc(1, sizeof(*e))))
        telu_fail_status(TELU_ERR_NO_MEMORY, "fake: no memory for an engine");
    if (!e)
        return NULL;
    e->m = m;
    e->most = most;
    fake_control.engines++;
    fake_control.opened++;
    return e;
}

static void release_slot(struct telu_engine *e, enum telu_side side, int slot)
{
    if (slot < 0 || slot >= SLOTS ||
        !(side == TELU_ENCODE ? (void *)e->encoder[slot] : (void *)e->decoder[slot])) {
        breach("a slot freed that is not open");
        return;
    }
    if (side == TELU_ENCODE) {
        telu_encoder_free(e->encoder[slot]);
        e->encoder[slot] = NULL;
    } else {
        telu_decoder_free(e->decoder[slot]);
        e->decoder[slot] = NULL;
    }
    fake_control.slots--;
}

static void slot_free(struct telu_engine *e, enum telu_side side, int slot)
{
    enter(e);
    release_slot(e, side, slot);
    leave(e, 0);
}

static void engine_close(struct telu_engine *e)
{
    enter(e);
    for (int i = 0; i < SLOTS; i++) {
        if (!e->failed && (e->encoder[i] || e->decoder[i]))
            breach("closed before its slots");
        if (e->encoder[i])
            release_slot(e, TELU_ENCODE, i);
        if (e->decoder[i])
            release_slot(e, TELU_DECODE, i);
    }
    free(e);
    fake_control.engines--;
}

static int take_slot(struct telu_engine *e, enum telu_side side)
{
    int i = 0;

    if (!fake_control.slots_left)
        return telu_fail_status(TELU_ERR_NO_MEMORY, "fake: out of memory for a stream");
    if (fake_control.slots_left > 0)
        fake_control.slots_left--;
    while (i < SLOTS && (side == TELU_ENCODE ? (void *)e->encoder[i]
                                             : (void *)e->decoder[i]))
        i++;
    if (i == SLOTS)
        return telu_fail("fake: no slot left");
    if (side == TELU_ENCODE)
        e->encoder[i] = telu_encoder_new(e->m, NULL);
    else
        e->decoder[i] = telu_decoder_new(e->m, NULL);
    if (side == TELU_ENCODE ? !e->encoder[i] : !e->decoder[i])
        return -1;
    fake_control.slots++;
    return i;
}

static int slot_new(struct telu_engine *e, enum telu_side side)
{
    enter(e);
    return leave(e, take_slot(e, side));
}

static void encode(struct telu_encoder *e, struct telu_request *j)
{
    if (j->reset)
        telu_encoder_reset(e);
    if (telu_encoder_set(e, &j->rate))
        breach("a rate out of range");
    j->bytes = telu_encode(e, j->pcm, j->packet, TELU_MAX_PACKET);
    telu_encoder_info(e, &j->info);
}

static void decode(struct telu_decoder *d, struct telu_request *j)
{
    if (j->reset)
        telu_decoder_reset(d);
    if (j->packet && (j->bytes < 0 || j->bytes > TELU_MAX_PACKET))
        breach("a packet of a strange size");
    j->result = j->packet ? telu_decode(d, j->packet, (size_t)j->bytes, j->pcm)
                          : telu_conceal(d, j->pcm);
    telu_decoder_info(d, &j->info);
}

static void pass_gate(void)
{
    const struct timespec moment = { .tv_nsec = 100000 };

    if (!fake_control.gate)
        fake_control.held++;
    while (!fake_control.gate)
        nanosleep(&moment, NULL);
    if (fake_control.gate > 0)
        fake_control.gate--;
}

static int run_requests(struct telu_engine *e, enum telu_side side,
                        struct telu_request *requests, int n)
{
    struct timespec pause = { .tv_nsec = fake_control.delay % 1000000 * 1000,
                              .tv_sec = fake_control.delay / 1000000 };

    if (e->failed)
        breach("run again after a failure");
    if (n < 1 || n > e->most)
        breach("a batch of no or too many packets");
    e->run++;
    for (int i = 0; i < n; i++) {
        int s = requests[i].slot;

        if (s < 0 || s >= SLOTS || !(side == TELU_ENCODE ? (void *)e->encoder[s]
                                                         : (void *)e->decoder[s])) {
            breach("a request for a slot that is not open");
            return telu_fail("fake: slot %d is none", s);
        }
        if (e->seen[s] == e->run)
            breach("two requests of one slot");
        e->seen[s] = e->run;
    }
    pass_gate();
    nanosleep(&pause, NULL);
    if (!fake_control.runs_left) {
        e->failed = 1;
        return fail();
    }
    if (fake_control.runs_left > 0)
        fake_control.runs_left--;
    for (int i = 0; i < n; i++) {
        if (side == TELU_ENCODE)
            encode(e->encoder[requests[i].slot], &requests[i]);
        else
            decode(e->decoder[requests[i].slot], &requests[i]);
    }
    if (fake_control.runs[0] + fake_control.runs[1] < 99)
        fake_control.sides[fake_control.runs[0] + fake_control.runs[1]] = "ED"[side];
    fake_control.runner = pthread_self();
    fake_control.runs[side]++;
    fake_control.packets[side] += n;
    if (n > fake_control.most)
        fake_control.most = n;
    return 0;
}

static int engine_run(struct telu_engine *e, enum telu_side side, struct telu_request *requests,
                      int n)
{
    enter(e);
    return leave(e, run_requests(e, side, requests, n));
}

const struct telu_engine_ops fake_engine = {
    .open = engine_open, .close = engine_close, .slot_new = slot_new,
    .slot_free = slot_free, .run = engine_run,
};

/* --- The module ------------------------------------------------------------ */

static int devices(void)
{
    int n = fake_control.devices;

    if (n < 0)
        telu_fail("The CUDA devices cannot be listed: fake: unspecified launch failure");
    else if (n < 1)
        telu_fail("There is no CUDA driver: fake: CUDA driver version is insufficient for "
                  "CUDA runtime version");
    return n;
}

static int describe(int device, char *text, size_t size)
{
    snprintf(text, size, "fake device %d", device);
    return 0;
}

const struct telu_module fake_module = {
    .abi = TELU_MODULE_ABI, .model_size = sizeof(struct telu_model), .name = "cuda",
    .error = telu_error, .status = telu_error_status, .devices = devices,
    .describe = describe, .engine = &fake_engine,
};
