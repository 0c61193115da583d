/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_streams.c - times live streams through the engine: PCM to bytes and back, at
 * 16 kbit/s, one packet of every stream at a time. */
#include "bench_gpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK 0.020             /* seconds of a packet, the deadline of a live stream */
#define MOST 4096              /* times kept */
#define GOAL 20000             /* streams on one device, see README.md */
#define SETTLE 80              /* packets until the rate control settles */

/* n streams of one engine; each starts at its own position in the sound. */
struct streams {
    const struct bench *b;
    const struct telu_engine_ops *ops;
    struct telu_engine *engine;
    int n;
    long at;                   /* packets so far */
    struct telu_request *enc, *dec;
    float *pcm;                /* (n, 320): decoded samples */
    uint8_t *packet;           /* (n, TELU_MAX_PACKET) */
    long since;                /* packets before the measurement */
    double bytes;              /* of the measured packets */
    double energy;             /* of the first stream's output */
};

static void close_streams(struct streams *s)
{
    if (s->engine)
        s->ops->close(s->engine);
    free(s->enc);
    free(s->dec);
    free(s->pcm);
    free(s->packet);
}

static int open_streams(struct streams *s, const struct bench *b, int n)
{
    const size_t N = (size_t)n;

    *s = (struct streams){ .b = b, .ops = b->mod->engine, .n = n };
    s->enc = calloc(N, sizeof(*s->enc));
    s->dec = calloc(N, sizeof(*s->dec));
    s->pcm = calloc(N, TELU_PACKET * sizeof(float));
    s->packet = calloc(N, TELU_MAX_PACKET);
    if (!s->enc || !s->dec || !s->pcm || !s->packet) {
        fprintf(stderr, "bench_gpu: no memory for %d streams\n", n);
        return -1;
    }
    s->engine = s->ops->open(b->m, b->device, n);
    if (!s->engine)
        return -1;
    for (int i = 0; i < n; i++) {
        s->enc[i] = (struct telu_request){ .reset = 1, .rate = telu_rate_init(),
            .packet = s->packet + (size_t)i * TELU_MAX_PACKET };
        s->enc[i].slot = s->ops->slot_new(s->engine, TELU_ENCODE);
        s->dec[i] = (struct telu_request){ .reset = 1, .packet = s->enc[i].packet,
            .pcm = s->pcm + (size_t)i * TELU_PACKET };
        s->dec[i].slot = s->ops->slot_new(s->engine, TELU_DECODE);
        if (s->enc[i].slot < 0 || s->dec[i].slot < 0)
            return -1;
    }
    return 0;
}

/* Encodes and decodes one packet of every stream. Returns the seconds that the engine took,
 * without filling in the requests. */
static int run(struct streams *s, double *encode, double *decode)
{
    const long room = BENCH_SOUND / TELU_PACKET;
    double t0, t1;
    int bad = 0;

    for (int i = 0; i < s->n; i++)
        s->enc[i].pcm = s->b->sound + (s->at + 37L * i) % room * TELU_PACKET;
    t0 = bench_now();
    if (s->ops->run(s->engine, TELU_ENCODE, s->enc, s->n))
        return -1;
    t1 = bench_now();
    for (int i = 0; i < s->n; i++) {
        s->dec[i].bytes = s->enc[i].bytes;
        s->bytes += s->enc[i].bytes;
    }
    *encode = t1 - t0;
    t0 = bench_now();
    if (s->ops->run(s->engine, TELU_DECODE, s->dec, s->n))
        return -1;
    *decode = bench_now() - t0;
    for (int i = 0; i < s->n; i++) {
        bad += s->dec[i].result != 0;
        s->enc[i].reset = s->dec[i].reset = 0;
    }
    for (int i = 0; i < TELU_PACKET; i++)
        s->energy += (double)s->pcm[i] * s->pcm[i];
    s->at++;
    if (bad || !isfinite(s->energy)) {
        fprintf(stderr, "bench_gpu: %d of %d packets damaged, energy %g: these times "
                "are not of a codec\n", bad, s->n, s->energy);
        return -1;
    }
    return 0;
}

static double kbits(const struct streams *s)
{
    return 8e-3 * s->bytes / s->n / (double)(s->at - s->since) / TICK;
}

/* Runs packets before the measurement. */
static int settle(struct streams *s)
{
    double encode, decode;

    for (int i = 0; i < (s->b->smoke ? 2 : SETTLE); i++)
        if (run(s, &encode, &decode))
            return -1;
    s->since = s->at;
    s->bytes = 0.0;
    return 0;
}

/* --- One stream ----------------------------------------------------------- */

static void row_of(const struct bench *b, const char *what, const char *setting,
                   double *v, int n)
{
    double median = bench_rank(v, n, 0.5), p99 = bench_rank(v, n, 0.99);

    bench_row(b, what, setting, "median %.0f, p99 %.0f, worst %.0f", 1e6 * median,
              1e6 * p99, 1e6 * bench_rank(v, n, 1.0));
}

/* Times packets back to back, or `paced`: one every 20 ms, as in a live stream, so that the
 * device sleeps in between. */
static int time_one(const struct bench *b, int packets, int paced)
{
    static double enc[MOST], dec[MOST], both[MOST];
    struct streams s;
    char setting[96];
    double next;
    int bad = open_streams(&s, b, 1) || settle(&s);

    next = bench_now() + TICK;
    for (int i = 0; !bad && i < packets; i++, next += TICK) {
        if (paced)
            bench_wait_until(next);
        bad = run(&s, &enc[i], &dec[i]);
        both[i] = enc[i] + dec[i];
    }
    if (bad)
        bench_failed(b, "one stream");
    else {
        snprintf(setting, sizeof(setting), "%d packets, %s, %.1f kbit/s", packets,
                 paced ? "one every 20 ms" : "back to back", kbits(&s));
        row_of(b, "one stream, encode + decode, µs per packet", setting, both, packets);
        if (!paced) {
            row_of(b, "one stream, encode, µs per packet", setting, enc, packets);
            row_of(b, "one stream, decode, µs per packet", setting, dec, packets);
        }
    }
    close_streams(&s);
    return bad != 0;
}

int bench_one(struct bench *b)
{
    return time_one(b, b->smoke ? 5 : 3000, 0) | time_one(b, b->smoke ? 3 : 500, 1);
}

/* --- Many ----------------------------------------------------------------- */

/* Times batches of n for at most `seconds`, but at least 16. Returns their number, or -1. */
static int time_batches(struct streams *s, double *t, double seconds)
{
    double start, encode, decode;
    int n = 0, most = s->b->smoke ? 2 : 2000, least = s->b->smoke ? 2 : 16;

    if (settle(s))
        return -1;
    start = bench_now();
    while (n < most && (n < least || bench_now() - start < seconds)) {
        if (run(s, &encode, &decode))
            return -1;
        t[n++] = encode + decode;
    }
    return n;
}

/* Returns how many batches of that duration fit into a tick. */
static long streams_in_time(int n, double t)
{
    return (long)(TICK / t) * n;
}

/* Runs a packet of each of n streams every 20 ms, for some seconds, and counts late ones. */
static int live(const struct bench *b, int n)
{
    struct streams s;
    char setting[96];
    int ticks = b->smoke ? 3 : 250, late = 0;
    double next, encode, decode, worst = 0.0;
    int bad = open_streams(&s, b, n) || settle(&s);

    next = bench_now() + TICK;
    for (int i = 0; !bad && i < ticks; i++) {
        double t;

        bench_wait_until(next);
        bad = run(&s, &encode, &decode);
        t = bench_now() - next;
        late += t > TICK;
        worst = t > worst ? t : worst;
        next += TICK;
        while (next < bench_now())     /* a late batch does not delay the next */
            next += TICK;
    }
    if (bad)
        bench_failed(b, "live streams");
    else {
        snprintf(setting, sizeof(setting), "%d streams, one batch every 20 ms, %.0f s, "
                 "%.1f kbit/s", n, ticks * TICK, kbits(&s));
        bench_row(b, "live", setting, "%d of %d batches late, worst %.2f ms", late, ticks,
                  1e3 * worst);
    }
    close_streams(&s);
    return bad != 0;
}

int bench_streams(struct bench *b)
{
    static double t[MOST];
    int most = b->smoke ? 4 : 65536, least = 1, failed = 0, best = 0;

    if (b->batch > 1)
        least = most = b->batch;
    for (int n = least; n <= most; n *= 2) {
        struct streams s;
        char setting[64];
        double median, p99, worst;
        int count = open_streams(&s, b, n) ? -1 : time_batches(&s, t, 1.0);

        if (count < 0) {
            snprintf(setting, sizeof(setting), "batches of %d", n);
            bench_failed(b, setting);
            bench_row(b, "batch of streams, encode + decode", setting, "failed");
            failed = 1;
        } else {
            median = bench_rank(t, count, 0.5);
            p99 = bench_rank(t, count, 0.99);
            worst = bench_rank(t, count, 1.0);
            snprintf(setting, sizeof(setting), "batches of %d, %d of them, %.1f kbit/s", n,
                     count, kbits(&s));
            bench_row(b, "batch of streams, encode + decode", setting,
                      "%.3f ms, p99 %.3f, worst %.3f: **%ld** streams in time (%ld by the "
                      "worst)", 1e3 * median, 1e3 * p99, 1e3 * worst,
                      streams_in_time(n, p99), streams_in_time(n, worst));
            if (b->smoke || worst < TICK)
                best = n;
        }
        close_streams(&s);
        if (count < 0)
            break;
    }
    if (best)
        failed |= live(b, best);
    if (best < GOAL && 2 * best > GOAL)
        failed |= live(b, GOAL);
    return failed;
}

int bench_count(struct bench *b)
{
    struct streams s;
    double encode, decode;
    int bad = open_streams(&s, b, b->batch);

    for (int i = 0; !bad && i < b->warm + b->packets; i++)
        bad = run(&s, &encode, &decode);
    if (bad)
        bench_failed(b, "packets to count by");
    close_streams(&s);
    return bad != 0;
}
