/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_codec.c - times encoding and decoding on one core: packet by packet as live streams come,
 * and streams side by side as files may. Prints rows of a Markdown table.
 *
 *   bench_codec [--smoke] [--long SECONDS] FILE.safetensors
 *   bench_codec --count PACKETS FILE.safetensors
 *   bench_codec --side PACKETS FILE.safetensors
 *
 * --long: length of the long stream, an hour if not given. --smoke: a short run, to see that it
 * works. --count: encodes, decodes and makes smaller so many packets of 16 kbit/s and prints
 * nothing, for test_instructions.sh. --side: prints only the row of streams side by side, after so
 * many packets of each.
 */
#include "bench_time.h"
#include "telu.h"
#include "tiny_model.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 20                     /* of sound, repeated */
#define SOUND   (SECONDS * TELU_RATE)
#define SHORT   10                     /* seconds of a short stream */
#define TIMES   5                      /* a median of so many */
#define STREAMS 16                     /* over which memory is averaged */
#define SIDE    8                      /* streams side by side */
#define LOWER   9000                   /* bit/s that packets are made smaller for */

static float sound[SOUND];

/* Encoder and decoder of one stream, with what they took so far. */
struct pair {
    struct telu_encoder *e;
    struct telu_decoder *d;
    struct telu_transrater *t;         /* NULL: packets stay as they are */
    double enc, dec, trans;            /* seconds */
    double *took;                      /* [packets] both, or NULL */
    long bytes;
    int packets;
};

static int fail(const char *what)
{
    fprintf(stderr, "bench_codec: %s: %s\n", what, telu_error());
    return 1;
}

static void pair_free(struct pair *p)
{
    telu_encoder_free(p->e);
    telu_decoder_free(p->d);
    telu_transrater_free(p->t);
}

static int pair_new(struct pair *p, const struct telu_model *m, int bitrate, enum telu_mode mode)
{
    struct telu_rate rate = telu_rate_init();

    memset(p, 0, sizeof(*p));
    rate.bitrate = bitrate;
    rate.mode = mode;
    p->e = telu_encoder_new(m, NULL);
    p->d = p->e ? telu_decoder_new(m, NULL) : NULL;
    if (p->d && telu_encoder_set(p->e, &rate) == 0)
        return 0;
    pair_free(p);
    return fail("a stream");
}

/* Lets pair_run() make each packet smaller, too, after it was decoded. */
static int pair_lower(struct pair *p, const struct telu_model *m)
{
    p->t = telu_transrater_new(m, NULL);
    return p->t && !telu_transrater_set(p->t, LOWER) ? 0 : fail("a transrater");
}

/* Encodes and decodes the next `packets` packets. */
static int pair_run(struct pair *p, int packets)
{
    for (int end = p->packets + packets; p->packets < end; p->packets++) {
        const float *x = sound + p->packets % (SOUND / TELU_PACKET) * TELU_PACKET;
        uint8_t packet[TELU_MAX_PACKET], smaller[TELU_MAX_PACKET];
        float y[TELU_PACKET];
        double t0 = bench_now(), t1, t2;
        int n = telu_encode(p->e, x, packet, sizeof(packet));

        t1 = bench_now();
        if (n < 0 || telu_decode(p->d, packet, (size_t)n, y))
            return fail("a packet");
        t2 = bench_now();
        p->enc += t1 - t0;
        p->dec += t2 - t1;
        if (p->t && telu_transrate(p->t, packet, (size_t)n, smaller, sizeof(smaller)) < 1)
            return fail("a smaller packet");
        p->trans += bench_now() - t2;
        if (p->took)
            p->took[p->packets] = t2 - t0;
        p->bytes += n;
    }
    return 0;
}

/* --- Rows ------------------------------------------------------------------- */

/* Speed and the slowest packets at a rate. */
static int row_speed(const struct telu_model *m, int bitrate, enum telu_mode mode, int packets)
{
    double *took = malloc((size_t)packets * sizeof(*took)), p99;
    struct pair p;
    int failed = 1;

    if (took && !pair_new(&p, m, bitrate, mode)) {
        p.took = took;
        failed = pair_run(&p, packets);
        p99 = bench_rank(took, packets, 0.99);
        if (!failed)
            printf("| libtelu, packet by packet | %.4g kbit/s%s | **%.0f** x real time: %.1f + "
                   "%.1f us a packet; p99 %.2f ms, worst %.2f ms; %.1f kbit/s used |\n",
                   bitrate / 1000.0,
                   mode == TELU_CBR ? ", cbr" : mode == TELU_VBR ? ", vbr" : "",
                   0.02 * packets / (p.enc + p.dec), 1e6 * p.enc / packets,
                   1e6 * p.dec / packets, 1e3 * p99, 1e3 * bench_rank(took, packets, 1.0),
                   0.4 * (double)p.bytes / packets);
        pair_free(&p);
    }
    free(took);
    return failed;
}

/* Time to make packets smaller, beside that of decoding and encoding them. */
static int row_transrate(const struct telu_model *m, int packets)
{
    struct pair p;
    int failed = pair_new(&p, m, 16000, TELU_CONSTRAINED_VBR);

    if (failed)
        return 1;
    failed = pair_lower(&p, m) || pair_run(&p, packets);
    if (!failed)
        printf("| libtelu, packets made smaller | %d to %d bit/s | **%.1f us** a packet, to decode "
               "and encode it %.1f |\n", 16000, LOWER, 1e6 * p.trans / packets,
               1e6 * (p.enc + p.dec) / packets);
    pair_free(&p);
    return failed;
}

/* Encodes and decodes a packet of each pair by one call each, on another part of the sound. */
static int side_run(struct pair *p, int packet)
{
    static uint8_t packets[SIDE][TELU_MAX_PACKET];
    static float y[SIDE][TELU_PACKET];
    struct telu_encode_request e[SIDE];
    struct telu_decode_request d[SIDE];
    double t0, t1;

    memset(e, 0, sizeof(e));
    memset(d, 0, sizeof(d));
    for (int i = 0; i < SIDE; i++) {
        e[i].encoder = p[i].e;
        e[i].pcm = sound + (packet + 111 * i) % (SOUND / TELU_PACKET) * TELU_PACKET;
        e[i].packet = packets[i];
        d[i].decoder = p[i].d;
        d[i].packet = packets[i];
        d[i].pcm = y[i];
    }
    t0 = bench_now();
    if (telu_encode_many(e, SIDE))
        return fail("packets side by side");
    t1 = bench_now();
    for (int i = 0; i < SIDE; i++)
        d[i].size = (size_t)e[i].bytes;
    if (telu_decode_many(d, SIDE))
        return fail("packets side by side");
    p->enc += t1 - t0;
    p->dec += bench_now() - t1;
    return 0;
}

/* Speed of streams side by side, against one packet by packet in turns with them. */
static int row_side(const struct telu_model *m, int packets)
{
    struct pair p[SIDE + 1];
    double side, alone;
    int n = 0, failed = 0;

    while (n < SIDE + 1 && !failed)
        failed = pair_new(&p[n++], m, 16000, TELU_CONSTRAINED_VBR);
    n -= failed;
    for (int i = 0; i < packets && !failed; i++)
        failed = pair_run(&p[SIDE], 1) || side_run(p, i);
    if (!failed) {
        side = (p->enc + p->dec) / SIDE;
        alone = p[SIDE].enc + p[SIDE].dec;
        printf("| libtelu, file mode: %d streams side by side | 16 kbit/s | **%.0f** x real time: "
               "%.1f + %.1f us a packet; %.2f times packet by packet |\n", SIDE,
               0.02 * packets / side, 1e6 * p->enc / SIDE / packets, 1e6 * p->dec / SIDE / packets,
               alone / side);
    }
    while (n > 0)
        pair_free(&p[--n]);
    return failed;
}

/* Seconds that the codec takes for a second of sound, of a stream of `seconds`. */
static int cost(const struct telu_model *m, int seconds, double *per_second)
{
    struct pair p;
    int failed = pair_new(&p, m, 16000, TELU_CONSTRAINED_VBR);

    if (failed)
        return 1;
    failed = pair_run(&p, seconds * TELU_RATE / TELU_PACKET);
    *per_second = (p.enc + p.dec) / seconds;
    pair_free(&p);
    return failed;
}

static int row_length(const struct telu_model *m, int seconds)
{
    double few[TIMES], many;

    for (int i = 0; i < TIMES; i++)
        if (cost(m, SHORT, &few[i]))
            return 1;
    if (cost(m, seconds, &many))
        return 1;
    printf("| cost of a second of sound | 16 kbit/s, streams of %d s and %d s | **%.2f and %.2f "
           "ms** |\n", SHORT, seconds, 1e3 * bench_rank(few, TIMES, 0.5), 1e3 * many);
    return 0;
}

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
static size_t allocated(void)
{
    struct mallinfo2 all = mallinfo2();

    return all.uordblks + all.hblkhd;
}

static int row_memory(const struct telu_model *m)
{
    struct telu_encoder *e[STREAMS];
    struct telu_decoder *d[STREAMS];
    size_t none = allocated(), encoders, all;
    int n = 0;

    while (n < STREAMS && (e[n] = telu_encoder_new(m, NULL)))
        n++;
    encoders = allocated();
    for (int i = 0; i < n; i++)
        d[i] = telu_decoder_new(m, NULL);
    all = allocated();
    for (int i = 0; i < n; i++) {
        telu_encoder_free(e[i]);
        telu_decoder_free(d[i]);
    }
    if (n < STREAMS)
        return fail("a stream");
    printf("| memory of a stream | encoder; decoder | **%.1f; %.1f KB** |\n",
           (double)(encoders - none) / STREAMS / 1024.0,
           (double)(all - encoders) / STREAMS / 1024.0);
    return 0;
}
#else
static int row_memory(const struct telu_model *m)
{
    (void)m;
    printf("| memory of a stream | encoder; decoder | not measured: this C library has no "
           "mallinfo2() |\n");
    return 0;
}
#endif

/* Opens the weights and codes a packet before anything else has run. */
static struct telu_model *row_first(const char *path)
{
    double begin = bench_now(), opened, loads[TIMES];
    struct telu_model *m = telu_model_open(path), *again;
    struct pair p;

    opened = bench_now();
    if (!m || pair_new(&p, m, 16000, TELU_CONSTRAINED_VBR) || pair_run(&p, 1)) {
        fprintf(stderr, "bench_codec: %s\n", telu_error());
        exit(1);
    }
    printf("| first packet | from opening the weights until it is encoded; decoded | **%.1f; %.1f "
           "ms** |\n", 1e3 * (bench_now() - begin - p.dec), 1e3 * (bench_now() - begin));
    pair_free(&p);
    loads[0] = opened - begin;
    for (int i = 1; i < TIMES; i++) {
        double t = bench_now();

        again = telu_model_open(path);
        loads[i] = bench_now() - t;
        telu_model_close(again);
    }
    printf("| model load | first; median of %d | **%.1f; %.1f ms** |\n", TIMES, 1e3 * loads[0],
           1e3 * bench_rank(loads, TIMES, 0.5));
    return m;
}

/* --- Command line ------------------------------------------------------------- */

static int count(const char *path, int packets)
{
    struct telu_model *m = telu_model_open(path);
    struct pair p;
    int failed;

    if (!m)
        return fail(path);
    failed = pair_new(&p, m, 16000, TELU_CONSTRAINED_VBR);
    if (!failed) {
        failed = pair_lower(&p, m) || pair_run(&p, packets);
        pair_free(&p);
    }
    telu_model_close(m);
    return failed;
}

static int side_alone(const char *path, int packets)
{
    struct telu_model *m = telu_model_open(path);
    int failed = m ? row_side(m, packets) : fail(path);

    telu_model_close(m);
    return failed;
}

int main(int argc, char **argv)
{
    static const int bitrates[] = { 1000, 3000, 6000, 16000, 32000, 64000 };
    int smoke = 0, seconds = 3600, packets = 0, side = 0, i = 1, failed = 0;
    struct telu_model *m;

    for (; i < argc - 1 && !strncmp(argv[i], "--", 2); i++) {
        if (!strcmp(argv[i], "--smoke"))
            smoke = 1;
        else if (!strcmp(argv[i], "--long"))
            seconds = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--count"))
            packets = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--side"))
            side = atoi(argv[++i]);
        else
            break;
    }
    if (i != argc - 1 || seconds < 1 || packets < 0 || side < 0) {
        fprintf(stderr, "usage: bench_codec [--smoke] [--long SECONDS] [--count PACKETS] "
                "[--side PACKETS] FILE.safetensors\n");
        return 2;
    }
    tiny_speech(sound, SOUND, 1);
    if (packets)
        return count(argv[i], packets);
    if (side)
        return side_alone(argv[i], side);
    m = row_first(argv[i]);
    packets = smoke ? 50 : SOUND / TELU_PACKET;
    failed = row_memory(m);
    for (int n = 0; !failed && n < 6; n++)
        failed = row_speed(m, bitrates[n], TELU_CONSTRAINED_VBR, packets);
    failed = failed || row_speed(m, 16000, TELU_CBR, packets) ||
             row_speed(m, 16000, TELU_VBR, packets) || row_transrate(m, packets) ||
             row_side(m, packets) || row_length(m, smoke ? 20 : seconds);
    telu_model_close(m);
    return failed;
}
