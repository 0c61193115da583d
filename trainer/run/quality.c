/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quality.c - see quality.h. */
#include "quality.h"

#include "memory.h"
#include "pool.h"
#include "stft.h"
#include "unquantised.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SILENT 1e-5            /* deviation: -100 dBFS */
#define LSD_FFT 512
#define LSD_FLOOR 1e-4         /* of a bin's power: 82 dB under a full-scale sine */

const struct quality_point quality_points[QUALITY_POINTS] = {
    { "base3k", 3000, 0 }, { "base8k", 8000, 0 }, { "16k", 16000, 1 },
    { "32k", 32000, 1 }, { "48k", 48000, 1 },
};

double quality_snr(const float *x, const float *y, long n)
{
    double signal = 1e-12, noise = 1e-12;

    for (long i = 0; i < n; i++) {
        signal += (double)x[i] * x[i];
        noise += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
    }
    return 10.0 * log10(signal / noise);
}

/* Returns the SNR against a x, with the best a. */
double quality_si_sdr(const float *x, const float *y, long n)
{
    double xx = 1e-12, xy = 0.0, noise = 1e-12, a;

    for (long i = 0; i < n; i++) {
        xx += (double)x[i] * x[i];
        xy += (double)x[i] * y[i];
    }
    a = xy / xx;
    for (long i = 0; i < n; i++)
        noise += (a * x[i] - y[i]) * (a * x[i] - y[i]);
    return 10.0 * log10(a * a * xx / noise + 1e-12);
}

/* Scratch memory of one thread. */
struct scratch {
    struct stft stft;
    float *part[4];            /* (bins, lanes): real and imaginary, of x and of y */
};

static void scratch_init(struct scratch *r)
{
    stft_init(&r->stft, LSD_FFT);
    for (int i = 0; i < 4; i++)
        r->part[i] = floats((size_t)r->stft.bins * STFT_LANES);
}

static void scratch_release(struct scratch *r)
{
    for (int i = 0; i < 4; i++)
        free(r->part[i]);
    stft_release(&r->stft);
}

/* Returns the mean over frames of the root mean square distance of the spectra in dB. */
static double lsd(struct scratch *r, const float *x, const float *y, long n)
{
    struct stft *s = &r->stft;
    int frames = stft_frames(s, (int)n);
    double sum = 0.0;

    for (int f = 0; f < frames; f += STFT_LANES) {
        double square[STFT_LANES] = { 0 };

        stft_forward(s, r->part[0], r->part[1], r->part[2], r->part[3], x, y, f,
                     frames);
        for (int i = 0; i < s->bins * STFT_LANES; i++) {
            double a = (double)r->part[0][i] * r->part[0][i] +
                       (double)r->part[1][i] * r->part[1][i] + LSD_FLOOR;
            double b = (double)r->part[2][i] * r->part[2][i] +
                       (double)r->part[3][i] * r->part[3][i] + LSD_FLOOR;
            double d = 10.0 * log10(a / b);

            square[i % STFT_LANES] += d * d / s->bins;
        }
        for (int j = 0; j < STFT_LANES && f + j < frames; j++)
            sum += sqrt(square[j]) / frames;
    }
    return sum;
}

long quality_code(const struct telu_model *m, const struct telu_backend *be,
                  const struct telu_rate *rate, float *y, const float *pcm, long n)
{
    struct telu_encoder *enc = telu_encoder_new(m, be);
    struct telu_decoder *dec = telu_decoder_new(m, be);
    long packets = (n + TELU_DELAY + TELU_PACKET - 1) / TELU_PACKET, bytes = 0;
    int ok = enc && dec && !telu_encoder_set(enc, rate);

    for (long k = 0; ok && k < packets; k++) {
        float in[TELU_PACKET] = { 0 }, out[TELU_PACKET];
        uint8_t packet[TELU_MAX_PACKET];
        int size;

        for (long i = 0; i < TELU_PACKET && k * TELU_PACKET + i < n; i++)
            in[i] = pcm[k * TELU_PACKET + i];
        size = telu_encode(enc, in, packet, sizeof(packet));
        ok = size > 0 && !telu_decode(dec, packet, size, out);
        bytes += size;
        for (long i = 0; i < TELU_PACKET; i++) {
            long at = k * TELU_PACKET + i - TELU_DELAY;

            if (at >= 0 && at < n)
                y[at] = out[i];
        }
    }
    telu_encoder_free(enc);
    telu_decoder_free(dec);
    return ok ? bytes : -1;
}

static double deviation(double sum, double square, double n)
{
    return sqrt(fmax(square / n - sum / n * (sum / n), 0.0));
}

static int audible(const struct clip *c)
{
    double square = 0.0;

    for (long i = 0; i < c->n; i++)
        square += (double)c->pcm[i] * c->pcm[i];
    return c->n >= LSD_FFT && sqrt(square / c->n) > SILENT;
}

/* Sums of one file at one point. */
struct sums {
    double snr, si_sdr, lsd;
    double samples, x, xx, y, yy, bits;
};

struct job {
    const struct telu_model *m;
    const struct telu_backend *be;
    const struct clip **clip;
    int clips;
    struct sums *sums;         /* (points, clips) */
    struct scratch *scratch;   /* of each thread */
};

static void one_file(void *arg, int item, int thread)
{
    const struct job *j = arg;
    const struct quality_point *p = &quality_points[item / j->clips];
    const struct clip *c = j->clip[item % j->clips];
    const struct telu_rate rate = { p->bitrate, TELU_CONSTRAINED_VBR, TELU_SNR,
                                    p->refinement };
    struct sums *s = &j->sums[item];
    float *y = floats(c->n);
    long bytes = quality_code(j->m, j->be, &rate, y, c->pcm, c->n);

    if (bytes < 0)
        die("%s at %d bit/s: %s", c->path, p->bitrate, telu_error());
    s->bits = 8.0 * bytes;
    s->snr = quality_snr(c->pcm, y, c->n);
    s->si_sdr = quality_si_sdr(c->pcm, y, c->n);
    s->lsd = lsd(&j->scratch[thread], c->pcm, y, c->n);
    s->samples = c->n;
    for (long i = 0; i < c->n; i++) {
        s->x += c->pcm[i];
        s->xx += (double)c->pcm[i] * c->pcm[i];
        s->y += y[i];
        s->yy += (double)y[i] * y[i];
    }
    free(y);
}

/* Averages in the order of the files, so that the threads' order does not matter. */
static struct quality mean(const struct sums *s, int n)
{
    struct quality q = { 0 };
    struct sums all = { 0 };

    if (!n)
        return (struct quality){ NAN, NAN, NAN, NAN, NAN, NAN };
    for (int i = 0; i < n; i++) {
        q.snr += s[i].snr / n;
        q.si_sdr += s[i].si_sdr / n;
        q.lsd += s[i].lsd / n;
        all.samples += s[i].samples;
        all.x += s[i].x;
        all.xx += s[i].xx;
        all.y += s[i].y;
        all.yy += s[i].yy;
        all.bits += s[i].bits;
    }
    q.mean = all.y / all.samples;
    q.ratio = deviation(all.y, all.yy, all.samples) /
              deviation(all.x, all.xx, all.samples);
    q.bitrate = all.bits * TELU_RATE / all.samples;
    return q;
}

static void measure(struct quality q[QUALITY_POINTS], const struct telu_model *m,
                    const struct telu_backend *be, const struct dataset *d, int files)
{
    const int step = d->n > files ? d->n / files : 1, threads = pool_threads();
    struct job j = { .m = m, .be = be };

    j.clip = zeroed(sizeof(*j.clip) * (d->n + 1));
    for (int i = 0; i < d->n; i += step)
        if (audible(&d->clip[i]))
            j.clip[j.clips++] = &d->clip[i];
    j.sums = zeroed(sizeof(*j.sums) * (QUALITY_POINTS * j.clips + 1));
    j.scratch = zeroed(sizeof(*j.scratch) * threads);
    for (int t = 0; t < threads; t++)
        scratch_init(&j.scratch[t]);
    pool_run(one_file, &j, QUALITY_POINTS * j.clips);
    for (int i = 0; i < QUALITY_POINTS; i++)
        q[i] = mean(j.sums + (size_t)i * j.clips, j.clips);
    for (int t = 0; t < threads; t++)
        scratch_release(&j.scratch[t]);
    free(j.scratch);
    free(j.sums);
    free(j.clip);
}

void quality_measure(struct quality q[QUALITY_POINTS], const struct telu_model *m,
                     const struct dataset *d, int files)
{
    measure(q, m, NULL, d, files);
}

void quality_layers(struct quality_layers *q, const struct telu_model *m,
                    const struct telu_blob *blobs, int count, const struct dataset *d)
{
    struct unquantised *u = unquantised_new(m, blobs, count);
    struct clip clip[QUALITY_LAYERS_FILES];
    struct dataset few = { .clip = clip };

    for (int i = 0; i < QUALITY_LAYERS_FILES && i < d->n; i++) {
        const int at = d->n > QUALITY_LAYERS_FILES ? i * (d->n / QUALITY_LAYERS_FILES) : i;
        const long most = QUALITY_LAYERS_SECONDS * TELU_RATE;
        struct clip *c = &clip[few.n];

        *c = d->clip[at];
        c->n = c->n < most ? c->n : most;
        few.n += audible(c);
    }
    q->files = few.n;
    measure(q->integers, m, NULL, &few, few.n);
    measure(q->floats, m, unquantised_ops(u), &few, few.n);
    unquantised_free(u);
}

void quality_print(const struct quality q[QUALITY_POINTS])
{
    if (isnan(q[0].snr)) {
        printf("    nothing measured: no file to check on is louder than -100 dB of full scale\n");
        fflush(stdout);
        return;
    }
    printf("    %-10s %8s %8s %8s %8s %9s %8s\n", "codec", "bit/s", "SNR dB", "SI-SDR",
           "LSD dB", "mean", "std");
    for (int i = 0; i < QUALITY_POINTS; i++)
        printf("    %-10s %8.0f %8.2f %8.2f %8.2f %9.6f %8.4f\n",
               quality_points[i].name, q[i].bitrate, q[i].snr, q[i].si_sdr, q[i].lsd,
               q[i].mean, q[i].ratio);
    fflush(stdout);
}

void quality_print_layers(const struct quality_layers *q)
{
    if (!q->files)
        return;
    printf("    layers of integers, and of floats, on the first %d s of %d files:\n"
           "    %-10s %8s %8s %8s %8s %8s %8s %8s %8s\n", QUALITY_LAYERS_SECONDS, q->files, "codec",
           "SNR dB", "float", "SI-SDR", "float", "LSD dB", "float", "std", "float");
    for (int i = 0; i < QUALITY_POINTS; i++) {
        const struct quality *a = &q->integers[i], *b = &q->floats[i];

        printf("    %-10s %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %8.4f %8.4f\n",
               quality_points[i].name, a->snr, b->snr, a->si_sdr, b->si_sdr, a->lsd, b->lsd,
               a->ratio, b->ratio);
    }
    fflush(stdout);
}

void quality_metrics(const struct quality q[QUALITY_POINTS], struct metrics *m)
{
    for (int i = 0; i < QUALITY_POINTS; i++) {
        const char *at = quality_points[i].name;

        metrics_add(m, q[i].snr, "snr_%s", at);
        metrics_add(m, q[i].si_sdr, "sisdr_%s", at);
        metrics_add(m, q[i].lsd, "lsd_%s", at);
        metrics_add(m, q[i].mean, "mean_%s", at);
        metrics_add(m, q[i].ratio, "std_%s", at);
    }
}
