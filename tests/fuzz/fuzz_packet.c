/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_packet.c - a decoder that receives anything, and a transrater before another. The input is a
 * sequence of
 *
 *   0 .. 249    a packet of so many bytes, which follow
 *   250         a packet of 250 + next byte
 *   251         the last packet again, cut to the next byte's length
 *   252         the last packet again, with the next byte's bit changed
 *   253, 254    a lost packet
 *   255         a reset
 */
#include "fuzz_model.h"
#include "packet.h"
#include "telu.h"

#include <math.h>

static struct telu_model *model;
static struct telu_decoder *decoder, *behind;
static struct telu_transrater *transrater;

static void start(void)
{
    model = fuzz_model();
    decoder = telu_decoder_new(model, NULL);
    behind = telu_decoder_new(model, NULL);
    transrater = telu_transrater_new(model, NULL);
    promise(decoder && behind && transrater, telu_error(), 0);
}

/* A packet that is read agrees with its peeked header, of which a cut may have taken codes and
 * refinement; any other is concealed. */
static void check_header(const uint8_t *packet, size_t n, int result)
{
    struct telu_packet_header h;
    struct telu_info info;
    int bad = telu_packet_peek(&h, packet, n, model->cfg.stages, model->n);

    telu_decoder_info(decoder, &info);
    promise(result == 0 || result == 1, "result of a packet", result);
    promise(result || !bad, "a packet without a header is read", bad);
    promise(result || info.stages == h.stages || (h.coded && info.stages < h.stages), "stages",
            h.stages);
    promise(result || info.refined == h.refined || (h.coded && !info.refined), "refined",
            h.refined);
    promise(result || info.bytes == (int)n, "bytes", info.bytes);
}

/* The rate follows from the packet, so that it goes up and down. Samples that leave are finite. */
static void check_transrated(const uint8_t *packet, size_t n, int result)
{
    uint8_t out[TELU_MAX_PACKET];
    float pcm[TELU_PACKET];
    int bitrate = TELU_MIN_BITRATE + 61 * (int)n + 125 * (n ? packet[n - 1] : 0), bytes;

    promise(!telu_transrater_set(transrater, bitrate), telu_error(), bitrate);
    bytes = telu_transrate(transrater, packet, n, out, sizeof(out));
    promise(n ? bytes >= 1 && bytes <= TELU_MAX_PACKET : bytes == -1, "bytes of a transrated one",
            bytes);
    if (bytes < 1)
        return;
    promise(!result || (bytes == (int)n && !memcmp(out, packet, n)), "a damaged one is changed",
            bytes);
    promise(telu_decode(behind, out, (size_t)bytes, pcm) == result, "result of a transrated one",
            result);
    for (int i = 0; i < TELU_PACKET; i++)
        promise(isfinite(pcm[i]), "a transrated sample that is not finite, number", i);
}

static void reset(void)
{
    telu_decoder_reset(decoder);
    telu_decoder_reset(behind);
    telu_transrater_reset(transrater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    static uint8_t packet[512];
    float pcm[TELU_PACKET];
    size_t n = 0;

    if (!model)
        start();
    reset();
    while (in.left) {
        unsigned op = take_byte(&in);
        const uint8_t *from;
        uint8_t *exact;
        size_t got;
        int result;

        if (op == 255) {
            reset();
            continue;
        }
        if (op == 253 || op == 254) {
            promise(!telu_conceal(decoder, pcm), telu_error(), 0);
        } else {
            if (op <= 250) {
                n = got = op < 250 ? op : 250 + take_byte(&in);
                from = take(&in, &got);
                memset(packet, 0, n);
                memcpy(packet, from, got);
            } else if (op == 251) {
                got = take_byte(&in);
                n = got < n ? got : n;
            } else if (n) {
                got = take_byte(&in);
                packet[got / 8 % n] ^= (uint8_t)(1 << got % 8);
            }
            exact = malloc(n + !n);        /* a sanitizer sees a read too far */
            memcpy(exact, packet, n);
            result = telu_decode(decoder, exact, n, pcm);
            check_header(exact, n, result);
            check_transrated(exact, n, result);
            free(exact);
        }
        for (int i = 0; i < TELU_PACKET; i++)
            promise(isfinite(pcm[i]), "a sample that is not finite, number", i);
    }
    return 0;
}
