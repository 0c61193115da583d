/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_packet.c - a decoder that receives anything. The input is a sequence of
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
static struct telu_decoder *decoder;

static void start(void)
{
    model = fuzz_model();
    decoder = telu_decoder_new(model, NULL);
    promise(decoder != NULL, telu_error(), 0);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    static uint8_t packet[512];
    float pcm[TELU_PACKET];
    size_t n = 0;

    if (!model)
        start();
    telu_decoder_reset(decoder);
    while (in.left) {
        unsigned op = take_byte(&in);
        const uint8_t *from;
        uint8_t *exact;
        size_t got;

        if (op == 255) {
            telu_decoder_reset(decoder);
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
            check_header(exact, n, telu_decode(decoder, exact, n, pcm));
            free(exact);
        }
        for (int i = 0; i < TELU_PACKET; i++)
            promise(isfinite(pcm[i]), "a sample that is not finite, number", i);
    }
    return 0;
}
