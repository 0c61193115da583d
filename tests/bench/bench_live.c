/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_live.c - counts missed deadlines of many live streams on all cores. Prints a row of a
 * Markdown table.
 *
 *   bench_live [--pairs N] [--seconds N] FILE.safetensors        200 pairs, 60 s
 *
 * Each pair is an encoder and a decoder in a thread of its own, as in a pipeline. Its packets
 * arrive every 20 ms, those of the pairs evenly spread over that time. A packet that is not
 * decoded when the next one arrives has missed its deadline.
 */
#include "bench_time.h"
#include "telu.h"
#include "tiny_model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK  0.020
#define SOUND (20 * TELU_RATE)

struct pair {
    pthread_t thread;
    struct telu_encoder *e;
    struct telu_decoder *d;
    double begin;                      /* when its first packet arrives */
    double *took;                      /* [packets] from its arrival until it is decoded */
    int packets, number, failed;
};

static float sound[SOUND];

static void *live(void *arg)
{
    struct pair *p = arg;

    for (int i = 0; i < p->packets && !p->failed; i++) {
        const float *x = sound + (37 * p->number + i) % (SOUND / TELU_PACKET) * TELU_PACKET;
        double due = p->begin + i * TICK;
        uint8_t packet[TELU_MAX_PACKET];
        float y[TELU_PACKET];
        int n;

        bench_wait_until(due);
        n = telu_encode(p->e, x, packet, sizeof(packet));
        p->failed = n < 0 || telu_decode(p->d, packet, (size_t)n, y);
        p->took[i] = bench_now() - due;
    }
    if (p->failed)
        fprintf(stderr, "bench_live: pair %d: %s\n", p->number, telu_error());
    return NULL;
}

static double processor_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int measure(const struct telu_model *m, struct pair *p, double *took, int pairs, int packets)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int all = pairs * packets, late = 0, started = 0, failed = 0;
    double begin, spent;

    for (int i = 0; i < pairs; i++) {
        p[i].number = i;
        p[i].packets = packets;
        p[i].took = took + (size_t)i * (size_t)packets;
        p[i].e = telu_encoder_new(m, NULL);
        p[i].d = p[i].e ? telu_decoder_new(m, NULL) : NULL;
        if (!p[i].d) {
            fprintf(stderr, "bench_live: pair %d: %s\n", i, telu_error());
            return 1;
        }
    }
    spent = processor_time();
    begin = bench_now() + 0.1;         /* all threads are there by then */
    for (; started < pairs; started++) {
        p[started].begin = begin + TICK * started / pairs;
        if (pthread_create(&p[started].thread, NULL, live, &p[started]))
            break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(p[i].thread, NULL);
        failed |= p[i].failed;
    }
    if (started < pairs) {
        fprintf(stderr, "bench_live: no thread for pair %d\n", started);
        return 1;
    }
    spent = processor_time() - spent;
    for (int i = 0; i < all; i++)
        late += took[i] > TICK;
    if (!failed)
        printf("| live pairs | %d at 16 kbit/s, %ld cores, %.4g s | **%d** of %d deadlines missed; "
               "p99 %.2f ms, worst %.2f ms; %.0f %% of the cores used |\n", pairs, cores,
               packets * TICK, late, all, 1e3 * bench_rank(took, all, 0.99),
               1e3 * bench_rank(took, all, 1.0), 100.0 * spent / (packets * TICK) / (double)cores);
    return failed;
}

int main(int argc, char **argv)
{
    int pairs = 200, seconds = 60, i = 1, packets, failed;
    struct telu_model *m;
    struct pair *p;
    double *took;

    for (; i < argc - 2; i += 2) {
        if (!strcmp(argv[i], "--pairs"))
            pairs = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--seconds"))
            seconds = atoi(argv[i + 1]);
        else
            break;
    }
    if (i != argc - 1 || pairs < 1 || pairs > 10000 || seconds < 1 || seconds > 3600) {
        fprintf(stderr, "usage: bench_live [--pairs N] [--seconds N] FILE.safetensors; N of pairs "
                "1 to 10000, of seconds 1 to 3600\n");
        return 2;
    }
    m = telu_model_open(argv[i]);
    if (!m) {
        fprintf(stderr, "bench_live: %s\n", telu_error());
        return 1;
    }
    tiny_speech(sound, SOUND, 1);
    packets = (int)(seconds / TICK);
    p = calloc((size_t)pairs, sizeof(*p));
    took = calloc((size_t)pairs * (size_t)packets, sizeof(*took));
    if (!p || !took) {
        fprintf(stderr, "bench_live: no memory for %d pairs\n", pairs);
        return 1;
    }
    failed = measure(m, p, took, pairs, packets);
    for (i = 0; i < pairs; i++) {
        telu_encoder_free(p[i].e);
        telu_decoder_free(p[i].d);
    }
    telu_model_close(m);
    free(took);
    free(p);
    return failed;
}
