/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_tones.c - steady and hard sounds through the shipped weights: the SNR rises with the bit
 * rate, and no magnitude of a packet is clamped.
 *
 *   test_tones WEIGHTS
 *
 * It prints the SNR in dB at each rate.
 */
#include "expect.h"
#include "packet.h"
#include "telu.h"
#include "weights.h"

#include <math.h>
#include <stdlib.h>

#define PACKETS   200          /* 4 s: a rate loop that winds up does so within 2 */
#define SAMPLES   (PACKETS * TELU_PACKET)
#define FIRST     1600         /* first sample that counts */
#define MAX_FALL  0.5          /* dB by which a greater rate may lose */
#define PI        3.14159265358979323846

enum sound { SINE, TWO_TONES, SWEEP, OFFSET, SQUARE, CHORD, NOISE, SILENCE, LATE_SINE, CLICKS };

static const struct {
    const char *name;
    enum sound sound;
    double hz, size;
} sounds[] = {
    { "440 Hz, 0.9", SINE, 440, 0.9 },
    { "1 kHz, 0.5", SINE, 1000, 0.5 },
    { "1 kHz, 0.1", SINE, 1000, 0.1 },
    { "100 Hz, 0.9", SINE, 100, 0.9 },
    { "7.9 kHz, 0.5", SINE, 7900, 0.5 },
    { "440 Hz, 0.01", SINE, 440, 0.01 },
    { "two tones", TWO_TONES, 0, 0.15 },
    { "sweep", SWEEP, 0, 0.5 },
    { "offset of 0.5", OFFSET, 0, 0.5 },
    { "offset of full scale", OFFSET, 0, 1.0 },
    { "square wave, 200 Hz", SQUARE, 200, 0.5 },
    { "chords", CHORD, 220, 0.12 },
    { "noise", NOISE, 0, 0.1 },
    { "silence", SILENCE, 0, 0 },
    { "440 Hz after silence", LATE_SINE, 440, 0.5 },
    { "clicks", CLICKS, 0, 0.9 },
};

static const struct {
    const char *name;
    enum telu_mode mode;
    enum telu_tune tune;
} kinds[] = {
    { "constrained VBR, perceptual", TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL },
    { "constrained VBR, SNR", TELU_CONSTRAINED_VBR, TELU_SNR },
    { "VBR, SNR", TELU_VBR, TELU_SNR },
    { "CBR, SNR", TELU_CBR, TELU_SNR },
};

static const int bitrates[] = { 8000, 12000, 16000, 24000, 32000, 40000, 48000, 64000 };

static float x[SAMPLES], y[SAMPLES];

static double sample(int s, int i, uint32_t *seed)
{
    double t = (double)i / TELU_RATE, size = sounds[s].size, sum = 0;
    double sine = sin(2 * PI * sounds[s].hz * t);

    switch (sounds[s].sound) {
    case SINE:
        return size * sine;
    case TWO_TONES:
        return size * (sin(2 * PI * 770 * t) + sin(2 * PI * 1336 * t));
    case SWEEP:
        return size * sin(2 * PI * (100 * t + 900 * t * t));
    case OFFSET:
        return size;
    case SQUARE:
        return sine < 0 ? -size : size;
    case CHORD:                /* four decaying notes, each with an overtone, twice a second */
        for (int k = 0; k < 4; k++) {
            double f = sounds[s].hz * pow(2, k * 4 / 12.0), at = fmod(t + 0.07 * k, 0.5);

            sum += exp(-4 * at) * (sin(2 * PI * f * t) + 0.4 * sin(4 * PI * f * t));
        }
        return size * sum;
    case NOISE:
        *seed = 1664525u * *seed + 1013904223u;
        return size * (*seed / 2147483648.0 - 1);
    case LATE_SINE:
        return t < 1 ? 0 : size * sine;
    case CLICKS:
        return i % 1600 ? 0 : size;
    default:
        return 0;
    }
}

/* Encodes and decodes x. Returns the SNR in dB; adds the packets with a clamped magnitude. */
static double snr(const struct telu_model *m, const struct telu_rate *rate, int *clamped)
{
    struct telu_encoder *e = telu_encoder_new(m, NULL);
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    double power = 1e-30, error = 1e-30;

    if (!e || !d || telu_encoder_set(e, rate)) {
        printf("test_tones: %s\n", telu_error());
        exit(1);
    }
    for (int k = 0; k < PACKETS; k++) {
        uint8_t packet[TELU_MAX_PACKET];
        struct telu_layers l;
        struct telu_bands bands;
        int n = telu_encode(e, x + k * TELU_PACKET, packet, sizeof(packet)), most = 0;

        if (n < 0 || telu_decode(d, packet, (size_t)n, y + k * TELU_PACKET) ||
            telu_packet_get(&l, &bands, packet, (size_t)n, &m->tab, m->cfg.stages, m->n)) {
            printf("test_tones: packet %d: %s\n", k, telu_error());
            exit(1);
        }
        for (int i = 0; l.refined && i < TELU_COEFS; i++)
            most = abs(l.q[i]) > most ? abs(l.q[i]) : most;
        *clamped += most >= TELU_MAX_Q;
    }
    for (int i = FIRST; i < SAMPLES - TELU_DELAY; i++) {
        double r = (double)x[i] - y[i + TELU_DELAY];

        power += (double)x[i] * x[i];
        error += r * r;
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
    return 10 * log10(power / error);
}

int main(int argc, char **argv)
{
    struct telu_model *m = argc > 1 ? telu_model_open(argv[1]) : NULL;

    if (!m) {
        printf("test_tones: %s\n", argc > 1 ? telu_error() : "expected a weight file");
        return 1;
    }
    for (int s = 0; s < (int)(sizeof(sounds) / sizeof(*sounds)); s++) {
        uint32_t seed = 1;

        for (int i = 0; i < SAMPLES; i++)
            x[i] = (float)sample(s, i, &seed);
        for (int k = 0; k < (int)(sizeof(kinds) / sizeof(*kinds)); k++) {
            struct telu_rate rate = telu_rate_init();
            double best = -1000;
            int clamped = 0, falls = 0;

            rate.mode = kinds[k].mode;
            rate.tune = kinds[k].tune;
            rate.highpass = 0;             /* the offsets are to be coded */
            printf("%-22s %-28s", sounds[s].name, kinds[k].name);
            for (int i = 0; i < (int)(sizeof(bitrates) / sizeof(*bitrates)); i++) {
                double got;

                rate.bitrate = bitrates[i];
                got = snr(m, &rate, &clamped);
                printf(" %5.1f%s", got, got < best - MAX_FALL ? "!" : "");
                falls += !(got >= best - MAX_FALL);
                best = got > best ? got : best;
            }
            printf("\n");
            check(falls == 0, "rates with less SNR than a smaller one has", falls);
            check(clamped == 0, "packets with a clamped magnitude", clamped);
        }
    }
    telu_model_close(m);
    printf("tones: %s\n", failed ? "failed" : "ok");
    return failed;
}
