/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_window.c - measures cost and gain of `batch-window`: threads that send a packet every
 * 20 ms through one engine, like elements. Prints rows of a Markdown table.
 *
 *   bench_window [--smoke] MODEL       TELUCODEC_BACKEND_PATH: folder of the module
 *
 * Each thread begins at its own moment within the 20 ms, and encodes and decodes a packet.
 * --smoke: a short run without measurements, to test that it runs. Exit status 77: no
 * device.
 */
#include "batch.h"
#include "bench_time.h"
#include "error.h"
#include "tiny_model.h"
#include "weights.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK   0.020
#define SOUND  (4 * TELU_RATE)
#define COUNT  50              /* packets of each stream, after; */
#define ALONE  200             /* of one */
#define SETTLE 25              /* packets of each before the measurement */

struct stream {
    pthread_t thread;
    struct telu_batch_stream *enc, *dec;
    double begin;              /* when its first packet arrives */
    double *took;              /* [packets]: from arrival until decoded */
    int packets, number, failed;
};

static float sound[SOUND];

static void *live(void *arg)
{
    struct stream *s = arg;
    uint8_t packet[TELU_MAX_PACKET];
    float pcm[TELU_PACKET];
    struct telu_request enc = { .reset = 1, .rate = telu_rate_init(), .packet = packet };
    struct telu_request dec = { .reset = 1, .packet = packet, .pcm = pcm };

    for (int i = -SETTLE; i < s->packets && !s->failed; i++) {
        double due = s->begin + (i + SETTLE) * TICK;

        bench_wait_until(due);
        enc.pcm = sound + (37 * s->number + i + SETTLE) % (SOUND / TELU_PACKET) * TELU_PACKET;
        s->failed = telu_batch_run(s->enc, &enc);
        dec.bytes = enc.bytes;
        s->failed = s->failed || telu_batch_run(s->dec, &dec) || dec.result;
        enc.reset = dec.reset = 0;
        if (i >= 0)
            s->took[i] = bench_now() - due;
    }
    return NULL;
}

static int measure(const struct telu_module *mod, const struct telu_model *m, int n,
                   unsigned window, int packets, int smoke)
{
    struct stream *s = calloc((size_t)n, sizeof(*s));
    size_t all = (size_t)n * (size_t)packets, late = 0;
    double *took = calloc(all, sizeof(*took)), begin;
    struct telu_batch_stats runs = { 0 };
    uint32_t seed = 1;
    int failed = 0, i;

    for (i = 0; i < n; i++) {
        s[i] = (struct stream){ .number = i, .packets = packets,
                                .took = took + (size_t)i * (size_t)packets };
        s[i].enc = telu_batch_add(mod, m, 0, TELU_ENCODE, window);
        s[i].dec = s[i].enc ? telu_batch_add(mod, m, 0, TELU_DECODE, window) : NULL;
        if (!s[i].dec) {
            fprintf(stderr, "bench_window: %s\n", telu_error());
            exit(1);
        }
    }
    begin = bench_now() + 0.1;
    for (i = 0; i < n; i++) {
        s[i].begin = begin + TICK * tiny_random(&seed);
        if (pthread_create(&s[i].thread, NULL, live, &s[i])) {
            fprintf(stderr, "bench_window: thread %d cannot be started\n", i);
            exit(1);
        }
    }
    for (i = 0; i < n; i++) {
        pthread_join(s[i].thread, NULL);
        failed |= s[i].failed;
    }
    telu_batch_stats(s[0].enc, &runs);
    for (i = 0; i < n; i++) {
        telu_batch_remove(s[i].enc);
        telu_batch_remove(s[i].dec);
    }
    for (size_t k = 0; k < all; k++)
        late += took[k] > TICK;
    printf("| %d streams in threads, a packet each 20 ms, there and back | batch-window "
           "%u µs | ", n, window);
    if (failed)
        printf("failed: %s |\n", telu_error());
    else if (smoke)
        printf("smoke, not a measurement |\n");
    else
        printf("%.1f packets a run, median %.2f ms, p99 %.2f, %zu of %zu late |\n",
               (double)runs.packets / (double)runs.runs, 1e3 * bench_rank(took, (int)all, 0.5),
               1e3 * bench_rank(took, (int)all, 0.99), late, all);
    fflush(stdout);
    free(took);
    free(s);
    return failed;
}

int main(int argc, char **argv)
{
    static const unsigned windows[] = { 0, 1000, 5000 };
    static const int streams[] = { 1, 64, 1024 };
    int smoke = argc > 1 && !strcmp(argv[1], "--smoke"), failed = 0;
    const struct telu_module *mod = telu_module_open(NULL);
    struct telu_model *m = argc > 1 + smoke ? telu_model_open(argv[1 + smoke]) : NULL;

    if (!m) {
        fprintf(stderr, "usage: bench_window [--smoke] MODEL; %s\n", telu_error());
        return 2;
    }
    if (!mod || !mod->engine || mod->devices() < 1) {
        printf("bench_window: %s\n", mod ? mod->error() : telu_error());
        return 77;
    }
    tiny_speech(sound, SOUND, 1);
    for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++)
        for (size_t k = 0; k < sizeof(windows) / sizeof(*windows); k++)
            failed |= measure(mod, m, smoke ? 1 + (int)i : streams[i], windows[k],
                              smoke ? 2 : streams[i] == 1 ? ALONE : COUNT, smoke);
    telu_model_close(m);
    return failed;
}
