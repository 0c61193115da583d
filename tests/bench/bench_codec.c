/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_codec.c - times the live path on one core: encode and decode packet by packet, with
 * a network of the default size.
 *
 *   bench_codec [FILE.safetensors]     without a file: random weights, same work
 */
#include "telu.h"
#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECONDS 20
#define PACKETS (SECONDS * TELU_RATE / TELU_PACKET)

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int run(const struct telu_model *m, const float *x, int bitrate,
               enum telu_mode mode)
{
    struct telu_encoder *e = telu_encoder_new(m, NULL);
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    struct telu_rate rate = telu_rate_init();
    double enc = 0.0, dec = 0.0, most = 0.0;
    long bytes = 0;

    rate.bitrate = bitrate;
    rate.mode = mode;
    if (!e || !d || telu_encoder_set(e, &rate)) {
        fprintf(stderr, "bench_codec: %s\n", telu_error());
        return 1;
    }
    for (int i = 0; i < PACKETS; i++) {
        uint8_t packet[TELU_MAX_PACKET];
        float y[TELU_PACKET];
        double t0 = now(), t1, t2;
        int n = telu_encode(e, x + i * TELU_PACKET, packet, sizeof(packet));

        t1 = now();
        if (n < 0 || telu_decode(d, packet, (size_t)n, y)) {
            fprintf(stderr, "bench_codec: packet %d: %s\n", i, telu_error());
            return 1;
        }
        t2 = now();
        enc += t1 - t0;
        dec += t2 - t1;
        most = t2 - t0 > most ? t2 - t0 : most;
        bytes += n;
    }
    printf("%-4s %5d bit/s (%5.0f used): encode %5.1f us, decode %5.1f us a packet, "
           "worst %5.0f us, both %4.0f x real time\n",
           mode == TELU_CBR ? "cbr" : mode == TELU_VBR ? "vbr" : "cvbr", bitrate,
           8.0 * (double)bytes / SECONDS, 1e6 * enc / PACKETS, 1e6 * dec / PACKETS,
           1e6 * most, SECONDS / (enc + dec));
    telu_encoder_free(e);
    telu_decoder_free(d);
    return 0;
}

int main(int argc, char **argv)
{
    static const int bitrates[] = { 1000, 3000, 6000, 16000, 32000, 64000 };
    struct telu_config cfg = telu_config_default();
    struct telu_model *m = argc > 1 ? telu_model_open(argv[1]) : tiny_model(&cfg, 1);
    float *x = malloc((size_t)SECONDS * TELU_RATE * sizeof(*x));
    int failed = !m || !x;

    if (failed)
        fprintf(stderr, "bench_codec: %s\n", m ? "no memory" : telu_error());
    else
        tiny_speech(x, SECONDS * TELU_RATE, 1);
    for (int i = 0; !failed && i < 6; i++)
        failed = run(m, x, bitrates[i], TELU_CONSTRAINED_VBR);
    if (!failed)
        failed = run(m, x, 16000, TELU_CBR) || run(m, x, 16000, TELU_VBR);
    telu_model_close(m);
    free(x);
    return failed;
}
