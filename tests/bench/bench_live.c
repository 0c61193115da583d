/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_live.c - counts missed deadlines of many live streams on all cores. Prints a row of a
 * Markdown table.
 *
 *   bench_live [--pairs N] [--seconds N] [--together N] [--threads N] [--tick MS] [--window US]
 *              FILE.safetensors
 *
 * Each pair is an encoder and a decoder. Its packets arrive every 20 ms, those of the pairs evenly
 * spread over that time. A packet that is not decoded when the next one arrives has missed its
 * deadline. As in a server, a thread on each core serves its share of the pairs: every 2 ms it
 * takes the packets that have arrived, at most 8 together. --tick 0 takes them at once,
 * --together 1 one by one; with as many threads as pairs, each pair has its own, as in a pipeline.
 * --window: so it is, and their packets share passes as those of elements do, with this
 * batch-window. 200 pairs and 60 s if not given.
 */
#include "bench_time.h"
#include "pass.h"
#include "tiny_model.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK     0.020
#define SOUND    (20 * TELU_RATE)
#define TOGETHER 16                    /* packets of a call, at most */

struct pair {
    struct telu_encoder *e;
    struct telu_decoder *d;
    struct telu_pass_stream *pass_e, *pass_d;  /* NULL: it takes no part in passes */
    int number;
};

/* A thread and its pairs, in the order in which their packets arrive. */
struct server {
    pthread_t thread;
    struct pair *pair;
    int pairs, packets;                /* packets of each pair */
    int all;                           /* pairs of all servers */
    int together;
    double tick;                       /* seconds between looks at what has arrived; 0: none */
    double begin;                      /* when the first packet of pair 0 arrives */
    double *took;                      /* [packets * pairs] from arrival until it is decoded */
    int calls, failed;
};

static float sound[SOUND];

/* When the packet arrives that is the n-th of the server. */
static double due(const struct server *s, int n)
{
    return s->begin + TICK * (n / s->pairs + (double)s->pair[n % s->pairs].number / s->all);
}

/* Packets from the n-th on that have arrived, one of each pair at most; waits for the first, until
 * the tick behind it. */
static int arrived(const struct server *s, int n)
{
    int most = s->together < s->pairs ? s->together : s->pairs, count = 1;
    double now;

    now = due(s, n);
    if (s->tick > 0.0)
        now = s->begin + s->tick * ceil((now - s->begin) / s->tick);
    bench_wait_until(now);
    now = bench_now();
    while (count < most && n + count < s->pairs * s->packets && due(s, n + count) <= now)
        count++;
    return count;
}

/* Encodes and decodes a packet of a pair among those of other threads. */
static int share(struct pair *p, struct telu_encode_request *e, struct telu_decode_request *d)
{
    if (telu_pass_encode(p->pass_e, e) < 0)
        return -1;
    d->size = (size_t)e->bytes;
    return telu_pass_decode(p->pass_d, d);
}

/* Encodes and decodes `count` packets from the n-th on. */
static int code(struct server *s, int n, int count)
{
    uint8_t packet[TOGETHER][TELU_MAX_PACKET];
    float y[TOGETHER][TELU_PACKET];
    struct telu_encode_request e[TOGETHER];
    struct telu_decode_request d[TOGETHER];

    memset(e, 0, sizeof(e));
    memset(d, 0, sizeof(d));
    for (int k = 0; k < count; k++) {
        struct pair *p = &s->pair[(n + k) % s->pairs];
        int at = (37 * p->number + (n + k) / s->pairs) % (SOUND / TELU_PACKET);

        e[k].encoder = p->e;
        e[k].pcm = sound + at * TELU_PACKET;
        e[k].packet = packet[k];
        d[k].decoder = p->d;
        d[k].packet = packet[k];
        d[k].pcm = y[k];
    }
    if (s->pair->pass_e)
        return share(s->pair, e, d);
    if (telu_encode_many(e, count))
        return -1;
    for (int k = 0; k < count; k++)
        d[k].size = (size_t)e[k].bytes;
    return telu_decode_many(d, count);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int all = s->pairs * s->packets;

    for (int n = 0, count; n < all && !s->failed; n += count) {
        double now;

        count = arrived(s, n);
        s->failed = code(s, n, count) != 0;
        s->calls++;
        now = bench_now();
        for (int k = 0; k < count; k++)
            s->took[n + k] = now - due(s, n + k);
    }
    if (s->failed)
        fprintf(stderr, "bench_live: %s\n", telu_error());
    return NULL;
}

static double processor_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct options {
    int pairs, seconds, together, threads, tick;
    int window;                        /* microseconds; -1: no passes */
};

/* Gives each server every threads-th pair. */
static int prepare(const struct telu_model *m, const struct options *o, struct server *s,
                   struct pair *p, int packets, double *took)
{
    for (int t = 0; t < o->threads; t++, s++) {
        *s = (struct server){ .pair = p, .packets = packets, .all = o->pairs,
                              .together = o->together, .tick = 1e-3 * o->tick, .took = took };
        for (int i = t; i < o->pairs; i += o->threads, p++) {
            p->number = i;
            p->e = telu_encoder_new(m, NULL);
            p->d = p->e ? telu_decoder_new(m, NULL) : NULL;
            if (o->window >= 0) {
                p->pass_e = telu_pass_add(m, TELU_ENCODE, (unsigned)o->window);
                p->pass_d = telu_pass_add(m, TELU_DECODE, (unsigned)o->window);
            }
            if (!p->d || (o->window >= 0 && (!p->pass_e || !p->pass_d))) {
                fprintf(stderr, "bench_live: pair %d: %s\n", i, telu_error());
                return 1;
            }
            s->pairs++;
        }
        took += (size_t)s->pairs * (size_t)packets;
    }
    return 0;
}

/* Runs all servers. Returns the packets of a call on average, or 0. */
static double run(struct server *s, int threads)
{
    double begin = bench_now() + 0.1, packets = 0.0, calls = 0.0;  /* all are there by then */
    int started = 0, failed = 0;

    for (; started < threads; started++) {
        s[started].begin = begin;
        if (pthread_create(&s[started].thread, NULL, serve, &s[started])) {
            fprintf(stderr, "bench_live: no thread %d\n", started);
            failed = 1;
            break;
        }
    }
    for (int i = 0; i < started; i++) {
        pthread_join(s[i].thread, NULL);
        failed |= s[i].failed;
        packets += (double)s[i].pairs * s[i].packets;
        calls += s[i].calls;
    }
    return failed ? 0.0 : packets / calls;
}

static int measure(const struct telu_model *m, const struct options *o, struct server *s,
                   struct pair *p, double *took, int packets)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int all = o->pairs * packets, late = 0;
    double spent, mean;

    if (prepare(m, o, s, p, packets, took))
        return 1;
    spent = processor_time();
    mean = run(s, o->threads);
    spent = processor_time() - spent;
    if (o->window >= 0) {
        struct telu_batch_stats stats;

        telu_pass_stats(p->pass_e, &stats);
        mean = (double)stats.packets / (double)stats.runs;
    }
    if (mean == 0.0)
        return 1;
    for (int i = 0; i < all; i++)
        late += took[i] > TICK;
    printf("| live pairs | %d at 16 kbit/s, %ld cores, %d threads, up to %d packets together, "
           "%s %d %s, %.4g s | **%d** of %d deadlines missed; p99 %.2f ms, worst %.2f ms; "
           "%.1f packets together; %.0f %% of the cores used |\n", o->pairs, cores, o->threads,
           o->together, o->window < 0 ? "every" : "window", o->window < 0 ? o->tick : o->window,
           o->window < 0 ? "ms" : "us", packets * TICK, late, all,
           1e3 * bench_rank(took, all, 0.99), 1e3 * bench_rank(took, all, 1.0), mean,
           100.0 * spent / (packets * TICK) / (double)cores);
    return 0;
}

/* Index of the weights among the arguments, or 0. */
static int read_options(struct options *o, int argc, char **argv)
{
    int i = 1;

    for (; i < argc - 2; i += 2) {
        int n = atoi(argv[i + 1]);

        if (!strcmp(argv[i], "--pairs"))
            o->pairs = n;
        else if (!strcmp(argv[i], "--seconds"))
            o->seconds = n;
        else if (!strcmp(argv[i], "--together"))
            o->together = n;
        else if (!strcmp(argv[i], "--threads"))
            o->threads = n;
        else if (!strcmp(argv[i], "--tick"))
            o->tick = n;
        else if (!strcmp(argv[i], "--window"))
            o->window = n;
        else
            return 0;
    }
    if (o->threads > o->pairs || o->window >= 0)
        o->threads = o->pairs;
    if (o->window >= 0)
        o->tick = 0;
    return i == argc - 1 && o->pairs >= 1 && o->pairs <= 10000 && o->seconds >= 1 &&
           o->seconds <= 3600 && o->together >= 1 && o->together <= TOGETHER && o->threads >= 1 &&
           o->tick >= 0 && o->tick <= 20 && o->window >= -1 && o->window <= 10000
        ? i : 0;
}

int main(int argc, char **argv)
{
    struct options o = { 200, 60, 8, (int)sysconf(_SC_NPROCESSORS_ONLN), 2, -1 };
    int i = read_options(&o, argc, argv), packets = (int)(o.seconds / TICK), failed;
    struct telu_model *m;
    struct server *s;
    struct pair *p;
    double *took;

    if (!i) {
        fprintf(stderr, "usage: bench_live [--pairs N] [--seconds N] [--together N] [--threads N] "
                "[--tick MS] [--window US] FILE.safetensors; N of pairs 1 to 10000, of seconds 1 "
                "to 3600, together 1 to %d, MS 0 to 20, US 0 to 10000\n", TOGETHER);
        return 2;
    }
    m = telu_model_open(argv[i]);
    if (!m) {
        fprintf(stderr, "bench_live: %s\n", telu_error());
        return 1;
    }
    tiny_speech(sound, SOUND, 1);
    s = calloc((size_t)o.threads, sizeof(*s));
    p = calloc((size_t)o.pairs, sizeof(*p));
    took = calloc((size_t)o.pairs * (size_t)packets, sizeof(*took));
    if (!s || !p || !took) {
        fprintf(stderr, "bench_live: no memory for %d pairs\n", o.pairs);
        return 1;
    }
    failed = measure(m, &o, s, p, took, packets);
    for (i = 0; i < o.pairs; i++) {
        telu_pass_remove(p[i].pass_e);
        telu_pass_remove(p[i].pass_d);
        telu_encoder_free(p[i].e);
        telu_decoder_free(p[i].d);
    }
    telu_model_close(m);
    free(took);
    free(p);
    free(s);
    return failed;
}
