/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_level.c - codes a Telugu clip with the shipped weights at many levels: the output
 * keeps the level and has no bias, and the SNR does not depend on the level, beyond full
 * scale too. */
#include "pcm.h"
#include "quality.h"

#include <gst/gst.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int failed;

static void check(int ok, const char *what, int level, double got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s at %d dBFS: %g\n", what, level, got);
}

struct out {
    double snr, level, mean, ratio;    /* dB; dB against the original; of full scale; 1 */
};

static struct out code(const struct telu_model *m, const struct telu_rate *rate,
                       const float *pcm, long n, double gain)
{
    float *x = calloc(n, sizeof(float)), *y = calloc(n, sizeof(float));
    double xx = 0.0, yy = 0.0, mean = 0.0;
    struct out o;

    for (long i = 0; i < n; i++)
        x[i] = (float)(gain * pcm[i]);
    if (quality_code(m, NULL, rate, y, x, n) < 0) {
        printf("cannot be coded: %s\n", telu_error());
        exit(1);
    }
    for (long i = 0; i < n; i++) {
        xx += (double)x[i] * x[i];
        yy += (double)y[i] * y[i];
        mean += y[i] / (double)n;
    }
    o = (struct out){quality_snr(x, y, n), 10.0 * log10(yy / xx), mean, sqrt(yy / xx)};
    free(x);
    free(y);
    return o;
}

/* `level`: the peak in dBFS. */
static void test_levels(const struct telu_model *m, const float *pcm, long n,
                        double peak)
{
    static const int level[] = { -50, -40, -30, -20, -10, 0, 12 };
    struct telu_rate rate = telu_rate_init();
    double low = INFINITY, high = -INFINITY;

    rate.tune = TELU_SNR;
    for (size_t i = 0; i < sizeof(level) / sizeof(*level); i++) {
        struct out o = code(m, &rate, pcm, n, pow(10.0, level[i] / 20.0) / peak);

        printf("%4d dBFS: SNR %.2f dB, level %+.3f dB, mean %+.7f\n", level[i], o.snr,
               o.level, o.mean);
        check(fabs(o.level) < 0.5, "change of level, dB", level[i], o.level);
        check(fabs(o.mean) < 1e-3, "mean of the output", level[i], o.mean);
        check(o.ratio > 0.95 && o.ratio < 1.05, "deviation out / in", level[i],
              o.ratio);
        if (level[i] >= -40) {
            low = fmin(low, o.snr);
            high = fmax(high, o.snr);
        }
    }
    check(high - low < 3.0, "range of the SNR from -40 dBFS up, dB", 0, high - low);
    check(low > 15.0, "lowest SNR, dB", 0, low);
}

/* The perceptual default keeps the level as well, and so does a base layer with the levels of its
 * bands (level.h). */
static void test_perceptual(const struct telu_model *m, const float *pcm, long n,
                            double peak)
{
    static const int bitrate[] = { 6000, 16000 };
    static const int level[] = { -40, -6 };

    for (size_t i = 0; i < 2 * sizeof(bitrate) / sizeof(*bitrate); i++) {
        struct telu_rate rate = telu_rate_init();
        struct out o;

        rate.bitrate = bitrate[i / 2];
        o = code(m, &rate, pcm, n, pow(10.0, level[i % 2] / 20.0) / peak);
        printf("%4d dBFS, perceptual, %d bit/s: level %+.3f dB, mean %+.7f\n", level[i % 2],
               bitrate[i / 2], o.level, o.mean);
        check(fabs(o.level) < 1.0, "change of level, dB, perceptual", level[i % 2], o.level);
        check(fabs(o.mean) < 1e-3, "mean of the output, perceptual", level[i % 2], o.mean);
    }
}

int main(int argc, char **argv)
{
    const char *path = getenv("TELUCODEC_TEST_MODEL"), *clip = getenv("TELUCODEC_TEST_CLIP");
    struct telu_model *m;
    double peak = 0.0;
    float *pcm;
    gsize n;

    gst_init(&argc, &argv);
    if (!path || !clip || !g_file_test(path, G_FILE_TEST_EXISTS)) {
        printf("no shipped weights here\n");
        return 77;
    }
    m = telu_model_open(path);
    pcm = pcm_read(clip, TELU_RATE, &n, NULL);
    if (!m || !pcm) {
        printf("%s or %s cannot be read: %s\n", path, clip, telu_error());
        return 1;
    }
    for (gsize i = 0; i < n; i++)
        peak = fabs(pcm[i]) > peak ? fabs(pcm[i]) : peak;
    test_levels(m, pcm, (long)n, peak);
    test_perceptual(m, pcm, (long)n, peak);
    g_free(pcm);
    telu_model_close(m);
    return failed;
}
