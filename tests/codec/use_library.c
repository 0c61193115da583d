/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* use_library.c - a user of the installed library, for test_install.sh, which compiles it as C
 * and as C++: WEIGHTS; encodes and decodes a second of noise, prints a hash of the result. */
#include <telu.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 50

static uint32_t hash = 2166136261u;            /* FNV-1a */

static void add(const void *data, size_t n)
{
    const unsigned char *at = (const unsigned char *)data;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * 16777619u;
}

static void need(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "use_library: %s: %s (status %d)\n", what, telu_error(),
            (int)telu_error_status());
    exit(1);
}

/* A packet by requests. */
static void run_many(struct telu_encoder *e, struct telu_decoder *d)
{
    static uint8_t packet[TELU_MAX_PACKET];
    struct telu_encode_request encode;
    struct telu_decode_request decode;
    float pcm[TELU_PACKET];

    memset(&encode, 0, sizeof(encode));
    memset(&decode, 0, sizeof(decode));
    memset(pcm, 0, sizeof(pcm));
    encode.encoder = e;
    encode.pcm = pcm;
    encode.packet = packet;
    need(!telu_encode_many(&encode, 1) && encode.bytes > 0, "telu_encode_many");
    decode.decoder = d;
    decode.packet = packet;
    decode.size = (size_t)encode.bytes;
    decode.pcm = pcm;
    need(!telu_decode_many(&decode, 1) && !decode.result, "telu_decode_many");
    decode.decoder = NULL;
    need(telu_decode_many(&decode, 1) == -1 && decode.result == -1, "a request without a decoder");
}

static void run(struct telu_encoder *e, struct telu_decoder *d)
{
    static uint8_t packet[TELU_MAX_PACKET];
    float pcm[TELU_PACKET];
    uint32_t x = 1;
    int n;

    for (int k = 0; k < PACKETS; k++) {
        for (int i = 0; i < TELU_PACKET; i++) {
            x = x * 1664525u + 1013904223u;
            pcm[i] = (float)(x >> 16) / 131072.0f - 0.25f;
        }
        n = telu_encode(e, pcm, packet, sizeof(packet));
        need(n > 0, "telu_encode");
        add(packet, (size_t)n);
        need(!telu_decode(d, packet, (size_t)n, pcm), "telu_decode");
        add(pcm, sizeof(pcm));
    }
}

int main(int argc, char **argv)
{
    struct telu_rate r = telu_rate_init();
    struct telu_info info;
    struct telu_model *m;
    struct telu_encoder *e;
    struct telu_decoder *d;

    need(argc == 2, "one argument");
    need(!telu_model_open("/nowhere") && telu_error_status() == TELU_ERR_IO, "no file");
    m = telu_model_open(argv[1]);
    need(m != NULL, "telu_model_open");
    e = telu_encoder_new(m, NULL);
    d = telu_decoder_new(m, NULL);
    need(e && d, "a stream");
    r.bitrate = 12000;
    need(!telu_encoder_set(e, &r), "telu_encoder_set");
    r.reserved[1] = 1;
    need(telu_encoder_set(e, &r) && telu_error_status() == TELU_ERR_ARGUMENT, "reserved");
    run(e, d);
    telu_decoder_info(d, &info);
    need(info.bytes > 0 && info.stages > 0, "telu_decoder_info");
    run_many(e, d);
    telu_encoder_free(e);
    telu_decoder_free(d);
    telu_model_close(m);
    printf("%s %d.%d.%d %08x\n", telu_version(), TELU_VERSION_MAJOR, TELU_VERSION_MINOR,
           TELU_VERSION_PATCH, hash);
    return 0;
}
