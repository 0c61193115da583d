/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_weights.c - hostile weight files: any bytes, or after "edit" a list of edits of a right file
 * (fuzz_edits.h). A file is refused with a reason, or its model runs: plain C and vector code give
 * the same packets, which are read, and the same finite sound; and packed it is the same model. */
#include "backend.h"
#include "error.h"
#include "fuzz_edits.h"
#include "packet.h"

#define PACKETS 6

/* Packets and sound that one table of ops gives. */
struct run {
    uint8_t packet[PACKETS][TELU_MAX_PACKET];
    int bytes[PACKETS];
    float pcm[PACKETS][TELU_PACKET];
};

/* Codes speech that is loud, faint and as it is; decodes the packets, one of which is damaged and
 * one lost. */
static void run(struct run *r, const struct telu_model *m, const struct telu_backend *be)
{
    static const int bitrates[PACKETS] = { 16000, 64000, 1600, 4800, 8000, 24000 };
    static const float levels[PACKETS] = { 1, 1e4f, 1e-20f, 1, 30, 1 };
    struct telu_encoder *e = telu_encoder_new(m, be);
    struct telu_decoder *d = telu_decoder_new(m, be);
    struct telu_rate rate = telu_rate_init();
    float in[PACKETS * TELU_PACKET];
    uint32_t seed = 5;

    promise(e && d, telu_error(), 0);
    tiny_speech(in, PACKETS * TELU_PACKET, 1);
    for (int p = 0; p < PACKETS; p++) {
        int result;

        rate.bitrate = bitrates[p];
        rate.tune = p % 2 ? TELU_SNR : TELU_PERCEPTUAL;
        promise(!telu_encoder_set(e, &rate), telu_error(), rate.bitrate);
        for (int i = 0; i < TELU_PACKET; i++)
            in[p * TELU_PACKET + i] *= levels[p];
        r->bytes[p] = telu_encode(e, in + p * TELU_PACKET, r->packet[p], TELU_MAX_PACKET);
        promise(r->bytes[p] > 0, "bytes of a packet", r->bytes[p]);
        for (int i = 1; p == 4 && i < r->bytes[p]; i++)
            r->packet[p][i] = (uint8_t)(256 * tiny_random(&seed));
        result = p == 2 ? telu_conceal(d, r->pcm[p]) :
                 telu_decode(d, r->packet[p], (size_t)r->bytes[p], r->pcm[p]);
        promise(p == 4 || result == 0, "result of an encoder's packet", result);
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
}

static void check_model(const struct telu_model *m)
{
    static struct run plain, simd;

    run(&plain, m, &telu_backend_c);
    run(&simd, m, &telu_backend_simd);
    for (int p = 0; p < PACKETS; p++) {
        promise(plain.bytes[p] == simd.bytes[p] &&
                !memcmp(plain.packet[p], simd.packet[p], (size_t)plain.bytes[p]),
                "another packet in vector code, number", p);
        for (int i = 0; i < TELU_PACKET; i++) {
            promise(isfinite(plain.pcm[p][i]), "a sample that is not finite, of packet", p);
            promise(!memcmp(&plain.pcm[p][i], &simd.pcm[p][i], sizeof(float)),
                    "another sample in vector code, of packet", p);
        }
    }
}

/* Weights of floats give the same model when they are packed. */
static void check_packed(const struct telu_weights *w, const struct telu_model *m)
{
    struct telu_weights packed;
    struct telu_model *same;

    if (w->version != TELU_WEIGHTS_FLOATS)
        return;
    promise(!telu_weights_pack(&packed, w), telu_error(), 0);
    same = telu_weights_model(&packed);
    promise(same != NULL, telu_error(), 0);
    promise(same->arena_bytes == m->arena_bytes && !memcmp(same->arena, m->arena, m->arena_bytes),
            "another model of integers, bytes", (double)m->arena_bytes);
    telu_model_close(same);
    telu_weights_close(&packed);
}

/* Returns the model of a file, after checks; NULL: it is refused. */
static struct telu_model *open_bytes(const void *data, size_t size)
{
    FILE *f = fmemopen((void *)data, size, "rb");
    struct telu_model *m = NULL;
    struct telu_weights w;

    promise(f != NULL, "a file in memory, bytes", (double)size);
    telu_fail_status(TELU_OK, "none");
    if (!telu_weights_read(&w, f)) {
        m = telu_weights_model(&w);
        if (m)
            check_packed(&w, m);
        telu_weights_close(&w);
    }
    promise(m || (telu_error_status() != TELU_OK && strcmp(telu_error(), "none")),
            "refused without a reason", 0);
    fclose(f);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = NULL;
    struct telu_model *m;
    int harmful = 1;

    if (size >= 4 && !memcmp(data, "edit", 4))
        data = file = edits_file((struct input){ data + 4, size - 4 }, &size, &harmful);
    m = size ? open_bytes(data, size) : NULL;
    promise(m || harmful, telu_error(), 0);
    if (m)
        check_model(m);
    telu_model_close(m);
    free(file);
    return 0;
}
