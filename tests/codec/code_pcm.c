/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* code_pcm.c - codes and decodes a sound with the C library, for test_python.py to compare with:
 *
 *   code_pcm WEIGHTS BITRATE MODE TUNE REFINEMENT HIGHPASS <IN >OUT
 *
 * IN: float32. OUT: each packet, as its length (u32), its bytes and 320 decoded float32. */
#include "telu.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what)
{
    fprintf(stderr, "code_pcm: %s: %s\n", what, telu_error());
    return 1;
}

int main(int argc, char **argv)
{
    static uint8_t packet[TELU_MAX_PACKET];
    struct telu_rate rate = telu_rate_init();
    float pcm[TELU_PACKET];
    struct telu_model *m = argc == 7 ? telu_model_open(argv[1]) : NULL;
    struct telu_encoder *e = m ? telu_encoder_new(m, NULL) : NULL;
    struct telu_decoder *d = m ? telu_decoder_new(m, NULL) : NULL;

    if (!e || !d)
        return fail("no stream");
    rate.bitrate = atoi(argv[2]);
    rate.mode = (enum telu_mode)atoi(argv[3]);
    rate.tune = (enum telu_tune)atoi(argv[4]);
    rate.refinement = atoi(argv[5]);
    rate.highpass = atoi(argv[6]);
    if (telu_encoder_set(e, &rate))
        return fail("telu_encoder_set");
    while (fread(pcm, sizeof(float), TELU_PACKET, stdin) == TELU_PACKET) {
        const int n = telu_encode(e, pcm, packet, sizeof(packet));
        const uint32_t length = (uint32_t)n;

        if (n < 0 || telu_decode(d, packet, (size_t)n, pcm))
            return fail("a packet");
        fwrite(&length, sizeof(length), 1, stdout);
        fwrite(packet, 1, length, stdout);
        fwrite(pcm, sizeof(float), TELU_PACKET, stdout);
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
    telu_model_close(m);
    return 0;
}
