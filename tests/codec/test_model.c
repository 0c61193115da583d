/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_model.c - checks the promised quality and rates of the shipped weights, on a clip of a
 * speaker outside the training set:
 *
 *   test_model WEIGHTS SPEECH
 */
#include "pcm.h"
#include "telu.h"

#include <gst/gst.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 30

static int failed;

static void check(int ok, const char *what, double got, double least, double most)
{
    printf("%s %-52s %10.3f   (%g to %g)\n", ok ? "ok  " : "FAIL", what, got, least,
           most);
    failed += !ok;
}

static void between(const char *what, double got, double least, double most)
{
    check(got >= least && got <= most, what, got, least, most);     /* a NaN fails */
}

struct result {
    double snr, ratio, mean;   /* dB; deviation out / in; of full scale */
    double bitrate, levels;    /* levels: share of packets of base layer and levels */
    int smallest, largest;     /* packets, bytes */
};

/* Codes x and compares the sound with want, both of n samples. */
static struct result run_for(const struct telu_model *m, const float *x, const float *want, long n,
                             const struct telu_rate *rate)
{
    struct telu_encoder *e = telu_encoder_new(m, NULL);
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    long packets = (n + TELU_DELAY + TELU_PACKET - 1) / TELU_PACKET, bytes = 0;
    float *in = calloc((size_t)packets * TELU_PACKET, sizeof(*in));
    float *out = calloc((size_t)packets * TELU_PACKET, sizeof(*out));
    double sx = 0, sy = 0, xx = 0, yy = 0, dd = 0;
    struct result r = { .smallest = TELU_MAX_PACKET };

    if (!e || !d || !in || !out || telu_encoder_set(e, rate)) {
        printf("FAIL %s\n", telu_error());
        exit(1);
    }
    for (long i = 0; i < packets * TELU_PACKET; i++)
        in[i] = x[i < n ? i : n - 1];
    for (long k = 0; k < packets; k++) {
        uint8_t packet[TELU_MAX_PACKET];
        int size = telu_encode(e, in + k * TELU_PACKET, packet, sizeof(packet));

        if (size < 0 || telu_decode(d, packet, (size_t)size, out + k * TELU_PACKET)) {
            printf("FAIL packet %ld: %s\n", k, telu_error());
            exit(1);
        }
        bytes += size;
        r.levels += (packet[0] & 0x83) == 0x83;        /* FORMAT.md: shape 3 */
        r.smallest = size < r.smallest ? size : r.smallest;
        r.largest = size > r.largest ? size : r.largest;
    }
    for (long i = 0; i < n; i++) {
        double a = want[i], b = out[i + TELU_DELAY];

        sx += a;
        sy += b;
        xx += a * a;
        yy += b * b;
        dd += (a - b) * (a - b);
    }
    r.snr = 10.0 * log10(xx / dd);
    r.mean = sy / (double)n;
    r.ratio = sqrt((yy / n - r.mean * r.mean) / (xx / n - sx / n * sx / n));
    r.levels /= (double)packets;
    r.bitrate = 8.0 * (double)bytes * TELU_RATE / ((double)packets * TELU_PACKET);
    telu_encoder_free(e);
    telu_decoder_free(d);
    free(in);
    free(out);
    return r;
}

static struct result run(const struct telu_model *m, const float *x, long n,
                         const struct telu_rate *rate)
{
    return run_for(m, x, x, n, rate);
}

static void check_snr(const struct telu_model *m, const float *x, long n)
{
    static const struct {
        int bitrate;
        double least;
    } promised[] = { { 16000, 26 }, { 24000, 32 }, { 32000, 37 }, { 48000, 43 } };
    struct telu_rate rate = telu_rate_init();

    rate.tune = TELU_SNR;
    for (int i = 0; i < 4; i++) {
        char what[64];
        struct result r;

        rate.bitrate = promised[i].bitrate;
        r = run(m, x, n, &rate);
        snprintf(what, sizeof(what), "SNR at %d bit/s, tune=snr, dB", rate.bitrate);
        between(what, r.snr, promised[i].least, 100);
        between("  deviation out / in", r.ratio, 0.95, 1.05);
        between("  mean of the output", r.mean, -1e-3, 1e-3);
    }
}

/* Checks that an offset of the input, tuned for the ear, costs nothing; and that without the
 * high-pass, and tuned for SNR, it stays. */
static void check_offset(const struct telu_model *m, const float *x, long n)
{
    static const double offsets[] = { 0.01, 0.1, 0.5 };
    float *moved = malloc((size_t)n * sizeof(*moved));
    struct telu_rate rate = telu_rate_init();
    double removed = 0;

    if (!moved)
        exit(1);
    for (int i = 0; i < 6; i++) {
        const double offset = offsets[i % 3];
        struct result without, with;
        char what[64];

        rate.bitrate = i < 3 ? 6000 : 16000;
        without = run(m, x, n, &rate);
        for (long k = 0; k < n; k++)
            moved[k] = (float)(x[k] + offset);
        with = run_for(m, moved, x, n, &rate);
        snprintf(what, sizeof(what), "mean at %d bit/s, offset %g", rate.bitrate, offset);
        between(what, with.mean, -1e-3, 1e-3);
        between("  dB of SNR beside those without", with.snr - without.snr, -0.1, 0.1);
        between("  bytes beside those without", with.bitrate / without.bitrate, 0.998, 1.002);
        removed = offset;
    }
    rate.highpass = 0;
    between("mean without the high-pass, offset 0.5", run(m, moved, n, &rate).mean,
            0.99 * removed, 1.01 * removed);
    rate.highpass = 1;
    rate.tune = TELU_SNR;
    between("mean with tune=snr, offset 0.5", run(m, moved, n, &rate).mean, 0.99 * removed,
            1.01 * removed);
    free(moved);
}

/* Checks that the bit rate is met: by the mean over half a minute of the repeated clip, and
 * by every packet of the clip in CBR. */
static void check_rates(const struct telu_model *m, const float *x, long n)
{
    static const int bitrates[] = { 500, 1000, 3000, 6000, 8000, 12000, 16000, 24000,
                                    32000, 48000, 64000 };
    static const int low[] = { 3000, 4000, 5000, 6000 };
    const long total = (long)SECONDS * TELU_RATE;
    float *loop = malloc((size_t)total * sizeof(*loop));
    struct telu_rate rate = telu_rate_init();
    struct result r;
    char what[64];

    for (long i = 0; i < total; i++)
        loop[i] = x[i % n];
    rate.bitrate = 16000;
    r = run(m, loop, total, &rate);
    between("constrained VBR over 30 s at the default, bit/s", r.bitrate, 15680, 16320);
    for (int i = 0; i < (int)(sizeof(low) / sizeof(*low)); i++) {
        const int refines = low[i] >= 5500;

        rate.bitrate = low[i];
        r = run(m, loop, total, &rate);
        snprintf(what, sizeof(what), "constrained VBR over 30 s at %d bit/s", rate.bitrate);
        between(what, r.bitrate, 0.98 * rate.bitrate, 1.02 * rate.bitrate);
        between("  packets of base layer and levels, share", r.levels, !refines, !refines);
    }
    rate.mode = TELU_CBR;
    for (int i = 0; i < (int)(sizeof(bitrates) / sizeof(*bitrates)); i++) {
        rate.bitrate = bitrates[i];
        r = run(m, x, n, &rate);
        snprintf(what, sizeof(what), "CBR at %d bit/s: bytes from largest to smallest",
                 rate.bitrate);
        between(what, r.largest - r.smallest, 0, 0);
        between("  its bit rate", r.bitrate, bitrates[i] - 400, bitrates[i]);
    }
    free(loop);
}

int main(int argc, char **argv)
{
    struct telu_model *m;
    GError *error = NULL;
    gsize n = 0;
    float *x;

    gst_init(&argc, &argv);
    if (argc != 3) {
        printf("usage: test_model WEIGHTS SPEECH\n");
        return 1;
    }
    m = telu_model_open(argv[1]);
    x = pcm_read(argv[2], TELU_RATE, &n, &error);
    if (!m || !x) {
        printf("FAIL %s\n", m ? error->message : telu_error());
        return 1;
    }
    check_snr(m, x, (long)n);
    check_offset(m, x, (long)n);
    check_rates(m, x, (long)n);
    g_free(x);
    telu_model_close(m);
    return failed ? 1 : 0;
}
