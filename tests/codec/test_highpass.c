/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_highpass.c - the encoder's high-pass: its formula, offsets, switching, and how soon one
 * that begins later agrees. */
#include "expect.h"
#include "highpass.h"
#include "tiny_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 200
#define SAMPLES (PACKETS * TELU_PACKET)
#define LATER   100            /* packet with which another filter begins */
#define AGREED  40             /* packets after which it agrees */
#define PI      3.14159265358979323846

static float x[SAMPLES], y[SAMPLES], z[SAMPLES];

/* Filters `from` into `to`, from packet `first` on, but for those before `on`. */
static void filter(float *to, const float *from, int first, int on)
{
    struct telu_highpass f = { 0 };

    memcpy(to, from, SAMPLES * sizeof(*to));
    for (int k = first; k < PACKETS; k++)
        telu_highpass_run(&f, to + k * TELU_PACKET, k >= on);
}

static double largest(const float *a, const float *b, int first)
{
    double most = 0;

    for (int i = first * TELU_PACKET; i < SAMPLES; i++) {
        double d = fabs((double)a[i] - b[i]);

        most = d > most ? d : most;
    }
    return most;
}

static void check_formula(void)
{
    const double R = exp(-2 * PI * 3 / TELU_RATE);
    double last = 0, out = 0, worst = 0;

    tiny_speech(x, SAMPLES, 3);
    filter(y, x, 0, 0);
    for (int i = 0; i < TELU_PACKET; i++)
        last += x[i] / (double)TELU_PACKET;
    for (int i = 0; i < SAMPLES; i++) {
        out = R * out + x[i] - last;
        last = x[i];
        worst = fmax(worst, fabs(out - y[i]));
    }
    check(worst < 1e-5, "distance to the formula", worst);
}

/* Returns the gain in dB at a frequency, once the filter has settled. */
static double gain(double hz)
{
    double in = 0, out = 0;

    for (int i = 0; i < SAMPLES; i++)
        x[i] = (float)(0.5 * sin(2 * PI * hz * i / TELU_RATE));
    filter(y, x, 0, 0);
    for (int i = LATER * TELU_PACKET; i < SAMPLES; i++) {
        in += (double)x[i] * x[i];
        out += (double)y[i] * y[i];
    }
    return 10 * log10(out / in);
}

static void check_offsets(void)
{
    static const float offsets[] = { 0.01f, -0.1f, 0.5f, 1.0f, 256.0f };

    for (int k = 0; k < 5; k++) {
        float most = 0;            /* in double gcc 12 for arm64 ends with an internal error */

        for (int i = 0; i < SAMPLES; i++)
            x[i] = offsets[k];
        filter(y, x, 0, 0);
        for (int i = 0; i < SAMPLES; i++)
            most = fmaxf(most, fabsf(y[i]));
        check(most <= 1e-5 * fabs(offsets[k]), "what is left of an offset", most / offsets[k]);

        tiny_speech(x, SAMPLES, 3);
        filter(y, x, 0, 0);
        for (int i = 0; i < SAMPLES; i++)
            x[i] += offsets[k];
        filter(z, x, 0, 0);
        check(largest(y, z, 0) < 1e-5 * fmax(1, fabs(offsets[k])),
              "speech with an offset, beside that without", largest(y, z, 0));
    }
    check(fabs(gain(3) + 3.01) < 0.05, "dB at 3 Hz", gain(3));
    check(gain(0.3) < -19.5, "dB at 0.3 Hz", gain(0.3));
    check(fabs(gain(80)) < 0.02, "dB at 80 Hz", gain(80));
    check(fabs(gain(7000)) < 0.02, "dB at 7 kHz", gain(7000));
}

/* Silence after sound ends in zeros: no denormals. */
static void check_silence(void)
{
    int i = SAMPLES - 1;

    tiny_speech(x, SAMPLES, 5);
    memset(x + SAMPLES / 4, 0, (SAMPLES - SAMPLES / 4) * sizeof(*x));
    filter(y, x, 0, 0);
    while (i > 0 && y[i] == 0)
        i--;
    check(i < SAMPLES - TELU_PACKET, "last sample that is not 0", i);
    for (; i > 0; i--)
        if (y[i] != 0)
            check(fabsf(y[i]) > 1e-30f, "a denormal", y[i]);
}

/* One that is off leaves the samples; one that begins later comes to the same samples. */
static void check_later(double offset)
{
    tiny_speech(x, SAMPLES, 7);
    for (int i = 0; i < SAMPLES; i++)
        x[i] += (float)offset;
    filter(y, x, 0, 0);
    filter(z, x, 0, LATER);
    check(!memcmp(x, z, LATER * TELU_PACKET * sizeof(*x)), "samples while it is off differ", 0);
    check(largest(y, z, LATER) > 0, "one that begins later is the same at once", 0);
    check(largest(y, z, LATER + AGREED) < 1e-6, "one that began later, a while after",
          largest(y, z, LATER + AGREED));
}

static void check_wanted(void)
{
    struct telu_rate rate = telu_rate_init();

    check(telu_highpass_wanted(&rate), "the standard rate has none", 0);
    rate.tune = TELU_SNR;
    check(!telu_highpass_wanted(&rate), "tuned for SNR it has one", 0);
    rate.tune = TELU_PERCEPTUAL;
    rate.highpass = 0;
    check(!telu_highpass_wanted(&rate), "switched off it has one", 0);
}

int main(void)
{
    check_formula();
    check_offsets();
    check_silence();
    check_later(0);
    check_later(0.1);
    check_wanted();
    printf("highpass: %s\n", failed ? "failed" : "ok");
    return failed;
}
