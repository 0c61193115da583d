/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vectors.c - see vectors.h. */
#include "vectors.h"

#include "fixed_voice.h"
#include "sha256.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CBR TELU_CBR
#define CVBR TELU_CONSTRAINED_VBR
#define PERCEPTUAL TELU_PERCEPTUAL

const struct vector vectors[] = {
    { "tiny-1600", { 1600, CBR, PERCEPTUAL, 1, 1 } },
    { "tiny-3200", { 3200, CBR, PERCEPTUAL, 1, 1 } },
    { "tiny-6000", { 6000, CBR, PERCEPTUAL, 1, 1 } },
    { "tiny-16000", { 16000, CBR, PERCEPTUAL, 1, 1 } },
    { "tiny-snr", { 12000, CBR, TELU_SNR, 1, 1 } },
    { "te-1600", { 1600, CVBR, PERCEPTUAL, 1, 1 } },
    { "te-3200", { 3200, CVBR, PERCEPTUAL, 1, 1 } },
    { "te-6000", { 6000, TELU_VBR, PERCEPTUAL, 1, 1 } },
    { "te-16000", { 16000, CVBR, PERCEPTUAL, 1, 1 } },
    { "te-snr", { 12000, CBR, TELU_SNR, 1, 1 } },
};
const int vector_count = sizeof(vectors) / sizeof(*vectors);

void vector_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    printf("vectors: ");
    vprintf(fmt, ap);
    printf("%s%s\n", *telu_error() ? ": " : "", telu_error());
    va_end(ap);
    exit(1);
}

int vector_of(const char *name, const char *model)
{
    return !strncmp(name, model, strlen(model)) && name[strlen(model)] == '-';
}

void vector_encode(struct vector_stream *s, const struct telu_model *m,
                   const struct telu_rate *rate, const float *x)
{
    struct telu_encoder *e = telu_encoder_new(m, NULL);

    if (!e || telu_encoder_set(e, rate))
        vector_fail("an encoder");
    snprintf(s->id, sizeof(s->id), "%s", telu_model_id(m));
    for (int i = 0; i < VECTOR_PACKETS; i++) {
        s->size[i] = telu_encode(e, x + i * TELU_PACKET, s->packet[i], TELU_MAX_PACKET);
        if (s->size[i] < 1)
            vector_fail("telu_encode()");
    }
    telu_encoder_free(e);
}

void vector_decode(float *x, char sum[65], const struct telu_model *m,
                   const struct vector_stream *s, int lost)
{
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    struct telu_sha256 sha;

    if (!d)
        vector_fail("a decoder");
    for (int i = 0; i < VECTOR_PACKETS; i++) {
        float *pcm = x + i * TELU_PACKET;
        int gone = lost && (i % 7 == 5 || (i >= 60 && i < 75));
        int most = lost && i % 7 == 2 ? 5 + i % 20 : TELU_MAX_PACKET;      /* the rest is cut off */
        size_t n = (size_t)(s->size[i] < most ? s->size[i] : most);

        if (gone ? telu_conceal(d, pcm) : telu_decode(d, s->packet[i], n, pcm))
            vector_fail("packet %d", i);
    }
    telu_decoder_free(d);
    telu_sha256_init(&sha);
    telu_sha256_add(&sha, x + TELU_DELAY, (VECTOR_SAMPLES - TELU_DELAY) * sizeof(*x));
    telu_sha256_hex(&sha, sum);
}

void vector_sound(float *x, char sum[65], const struct telu_model *m, const char *folder,
                  const char *model)
{
    static struct vector_stream speech;

    *sum = 0;
    if (vector_of(VECTOR_SPEECH, model)) {
        vector_read(&speech, m, folder, VECTOR_SPEECH);
        vector_decode(x, sum, m, &speech, 0);
    } else {
        fixed_voice(x, VECTOR_SAMPLES, 1);
    }
}

/* --- Files ---------------------------------------------------------------- */

static FILE *open_vector(const char *folder, const char *name, const char *mode)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s.tlc", folder, name);
    f = fopen(path, mode);
    if (!f)
        vector_fail("cannot open %s", path);
    return f;
}

void vector_read(struct vector_stream *s, const struct telu_model *m, const char *folder,
                 const char *name)
{
    static uint8_t in[VECTOR_PACKETS * TELU_MAX_PACKET];
    static TlcPage page;
    FILE *f = open_vector(folder, name, "rb");
    size_t size = fread(in, 1, sizeof(in), f), at = TLC_HEADER_SIZE, used;
    char why[TLC_WHY] = "it is cut";
    TlcHeader header;
    int n = 0;

    fclose(f);
    if (tlc_header_read(&header, in, size, why) != TLC_OK)
        vector_fail("%s.tlc: %s", name, why);
    for (int i = 0; i < 32; i++)
        snprintf(s->id + 2 * i, 3, "%02x", header.model_id[i]);
    if (strcmp(s->id, telu_model_id(m)))
        vector_fail("%s.tlc was made with weights %.12s, these are %.12s" VECTOR_REMAKE, name,
                    s->id, telu_model_id(m));
    for (page.last = 0; !page.last; at += used) {
        const uint8_t *packet = page.data;

        if (tlc_page_read(&page, in + at, size - at, &used, why) != TLC_OK)
            vector_fail("%s.tlc: %s", name, why);
        for (unsigned i = 0; i < page.count && n < VECTOR_PACKETS; packet += page.length[i++]) {
            s->size[n] = page.length[i];
            memcpy(s->packet[n++], packet, page.length[i]);
        }
    }
    if (n != VECTOR_PACKETS || at != size || header.pre_skip != TELU_DELAY ||
        header.samples != VECTOR_SAMPLES - TELU_DELAY)
        vector_fail("%s.tlc has %d packets and %llu samples, expected %d and %d", name, n,
                    (unsigned long long)header.samples, VECTOR_PACKETS,
                    VECTOR_SAMPLES - TELU_DELAY);
}

void vector_write(const struct vector_stream *s, const char *folder, const char *name)
{
    static uint8_t out[TLC_MAX_PAGE];
    static TlcPage page;
    FILE *f = open_vector(folder, name, "wb");
    TlcHeader header = { TELU_DELAY, VECTOR_SAMPLES - TELU_DELAY, { 0 } };
    size_t n;

    for (int i = 0; i < 32; i++) {
        unsigned byte = 0;

        sscanf(s->id + 2 * i, "%2x", &byte);
        header.model_id[i] = (uint8_t)byte;
    }
    tlc_header_write(&header, out);
    fwrite(out, 1, TLC_HEADER_SIZE, f);
    tlc_page_start(&page, 0);
    for (int i = 0; i < VECTOR_PACKETS; i++) {
        if (tlc_page_add(&page, s->packet[i], (size_t)s->size[i]))
            continue;
        n = tlc_page_write(&page, out);
        fwrite(out, 1, n, f);
        tlc_page_start(&page, (uint32_t)i--);
    }
    page.last = 1;
    n = tlc_page_write(&page, out);
    if (fwrite(out, 1, n, f) != n || fclose(f))
        vector_fail("cannot write %s.tlc", name);
}
