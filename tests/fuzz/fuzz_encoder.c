/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_encoder.c - an encoder that is given anything, and a decoder and a second encoder that
 * follow it. The input is a sequence of an operation, a byte, and what it needs:
 *
 *   0 mod 8     320 floats, of the next bytes, which are repeated
 *   1 mod 8     320 floats of 16 bits, likewise
 *   2 mod 8     noise at the level of the next byte, from 2^-32 to 2^32
 *   3 mod 8     a sine: its frequency and level
 *   4, 5 mod 8  another rate: bit rate (2 bytes), and mode, tuning, refinement, high-pass (1)
 *   6 mod 8     a rate that may be out of range (20 bytes)
 *   7 mod 8     a reset
 */
#include "fuzz_model.h"
#include "telu.h"

#include <math.h>

#define MOST_BYTES 320         /* of samples, before they repeat */

static struct telu_model *model;
static struct telu_encoder *encoder, *follower;
static struct telu_decoder *decoder;

static void start(void)
{
    model = fuzz_model();
    encoder = telu_encoder_new(model, NULL);
    follower = telu_encoder_new(model, NULL);
    decoder = telu_decoder_new(model, NULL);
    promise(encoder && follower && decoder, telu_error(), 0);
}

static void set_rate(const struct telu_rate *rate, int valid)
{
    int result = telu_encoder_set(encoder, rate);

    promise(!valid || !result, telu_error(), rate->bitrate);
    promise(telu_encoder_set(follower, rate) == result, "a second encoder's result", result);
}

static void change_rate(struct input *in)
{
    struct telu_rate rate = telu_rate_init();
    unsigned bits = take_byte(in) << 8, flags;

    bits |= take_byte(in);
    flags = take_byte(in);
    rate.bitrate = TELU_MIN_BITRATE + (int)(bits % (TELU_MAX_BITRATE - TELU_MIN_BITRATE + 1));
    rate.mode = (enum telu_mode)(flags % 3);
    rate.tune = flags & 4 ? TELU_SNR : TELU_PERCEPTUAL;
    rate.refinement = !(flags & 8);
    rate.highpass = !(flags & 16);
    set_rate(&rate, 1);
}

static void any_rate(struct input *in)
{
    struct telu_rate rate = telu_rate_init();
    size_t n = 20;
    const uint8_t *from = take(in, &n);

    memcpy(&rate, from, n);
    set_rate(&rate, 0);
}

static void read_samples(struct input *in, float *pcm, int bits16)
{
    size_t n = MOST_BYTES;
    const uint8_t *from = take(in, &n);
    uint8_t *to = (uint8_t *)pcm;

    for (size_t i = 0; i < TELU_PACKET * sizeof(float); i++)
        to[i] = n ? from[i % n] : 0;
    for (int i = TELU_PACKET - 1; bits16 && i >= 0; i--) {
        int16_t v;

        memcpy(&v, to + i * sizeof(v), sizeof(v));
        pcm[i] = v / 32768.0f;
    }
}

static void make_samples(struct input *in, float *pcm, int sine)
{
    static uint32_t seed = 1;
    double hz = sine ? 32.0 * take_byte(in) : 0;
    float size = ldexpf(1, (int)take_byte(in) / 4 - 32);

    for (int i = 0; i < TELU_PACKET; i++)
        pcm[i] = size * (float)(sine ? sin(6.283185307 * hz * i / TELU_RATE)
                                     : 2 * tiny_random(&seed) - 1);
}

/* Encodes, decodes and follows: each packet fits, is read, and takes the second encoder along. */
static void encode(const float *pcm)
{
    uint8_t packet[TELU_MAX_PACKET], other[TELU_MAX_PACKET];
    float out[TELU_PACKET];
    struct telu_info info;
    int n = telu_encode(encoder, pcm, packet, sizeof(packet)), result;

    promise(n > 0 && n <= TELU_MAX_PACKET, "bytes of a packet", n);
    telu_encoder_info(encoder, &info);
    promise(info.bytes == n, "bytes of the info", info.bytes);
    result = telu_decode(decoder, packet, (size_t)n, out);
    promise(result == 0, "result of an encoder's packet", result);
    for (int i = 0; i < TELU_PACKET; i++)
        promise(isfinite(out[i]), "a sample that is not finite, number", i);

    /* The follower knows all of the stream: it encodes as the first one, or follows it. */
    if (n % 2) {
        result = telu_encode(follower, pcm, other, sizeof(other));
        promise(result == n && !memcmp(packet, other, (size_t)n), "another packet", result);
    } else {
        result = telu_encoder_resync(follower, pcm, packet, (size_t)n);
        promise(!result, telu_error(), n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    struct telu_rate rate = telu_rate_init();
    float pcm[TELU_PACKET];

    if (!model)
        start();
    set_rate(&rate, 1);
    telu_encoder_reset(encoder);
    telu_encoder_reset(follower);
    telu_decoder_reset(decoder);
    while (in.left) {
        unsigned op = take_byte(&in) % 8;

        switch (op) {
        case 0:
        case 1:
            read_samples(&in, pcm, op == 1);
            encode(pcm);
            break;
        case 2:
        case 3:
            make_samples(&in, pcm, op == 3);
            encode(pcm);
            break;
        case 4:
        case 5:
            change_rate(&in);
            break;
        case 6:
            any_rate(&in);
            break;
        default:
            telu_encoder_reset(encoder);
            telu_encoder_reset(follower);
        }
    }
    return 0;
}
