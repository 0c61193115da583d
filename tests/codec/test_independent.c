/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_independent.c - compares the C decoder, bit for bit, with samples of an independent one:
 * golden/decode.py, written from FORMAT.md without the C code. An independent encoder,
 * golden/make_stream.py, made the stream, which has every kind of packet. */
#include "packet.h"
#include "telu.h"
#include "tlc.h"
#include "weights.h"

#include <glib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

/* Kinds of packets that the stream must have, or the test would prove nothing. */
static struct {
    int base, prefix, refined, cut, known, padded, escapes, shapes[4], stages[5];
    int level[TELU_LEVEL_SYMBOLS], kind[4], none, silence;
} seen;

/* Exits with a message. */
static void need(int good, const char *what, const char *why)
{
    if (good)
        return;
    printf("second: %s: %s\n", what, why);
    exit(1);
}

static char *read_file(const char *folder, const char *name, size_t *size)
{
    char *path = g_build_filename(folder, name, NULL), *data = NULL;
    GError *error = NULL;

    if (!g_file_get_contents(path, &data, size, &error))
        need(0, path, error->message);
    g_free(path);
    return data;
}

static void look_at_levels(const struct telu_layers *l)
{
    const int *q = l->refined ? l->q : NULL;

    for (int b = 0; b < TELU_BANDS; b++) {
        int context = telu_level_context(l->level, q, l->stages, b);

        seen.level[l->level[b] - TELU_LEVEL_LEAST]++;
        if (context < 0)
            seen.none++;
        else if (q)
            seen.kind[context / TELU_BANDS / TELU_LEVEL_NEIGHBOURS]++;
    }
}

static void look(const struct telu_model *m, const uint8_t *packet, size_t n)
{
    struct telu_packet_header h;
    struct telu_layers l;
    struct telu_bands bands;

    if (telu_packet_get(&l, &bands, packet, n, &m->tab, m->cfg.stages, m->n) ||
        telu_packet_peek(&h, packet, n, m->cfg.stages, m->n))
        return;                /* telu_decode() reports it as well */
    seen.stages[l.stages]++;
    seen.prefix += l.prefix_bits > 0;
    if (!h.coded || l.stages < h.stages || l.refined != h.refined || l.leveled != h.leveled) {
        seen.base++;
        seen.cut += l.cut;
        seen.known += l.known > 0;
        return;
    }
    seen.padded += packet[n - 1] == 0;
    seen.shapes[l.shape]++;
    if (l.leveled)
        look_at_levels(&l);
    seen.silence += l.shape == TELU_SHAPE_LEVELS && l.stages == 0;
    if (!l.refined)
        return;
    seen.refined++;
    for (int k = 0; k < TELU_COEFS; k++)
        seen.escapes += abs(l.q[k]) >= TELU_ESCAPE;
}

static void check_seen(void)
{
    const int *counts = (const int *)&seen;

    for (size_t i = 0; i < sizeof(seen) / sizeof(int); i++)
        if (!counts[i]) {
            printf("second: the stream lacks kind %zu of packet\n", i);
            failures++;
        }
}

/* Appends a page's samples to the `count` samples in pcm. Returns the new count. */
static size_t decode_page(struct telu_decoder *d, const struct telu_model *m,
                          const TlcPage *page, float *pcm, size_t count, size_t room)
{
    const guint8 *packet = page->data;

    for (guint i = 0; i < page->count; packet += page->length[i++]) {
        int r;

        need(count + TELU_PACKET <= room, "tiny.tlc", "more packets than tiny.f32 has");
        look(m, packet, page->length[i]);
        r = telu_decode(d, packet, page->length[i], pcm + count);
        if (r) {
            printf("second: packet %u: telu_decode() is %d, expected 0\n",
                   page->index + i, r);
            failures++;
        }
        count += TELU_PACKET;
    }
    return count;
}

/* Decodes the stream to pcm, without the samples that header and last page clip. */
static size_t decode(const struct telu_model *m, const guint8 *in, size_t size,
                     float *pcm, size_t room)
{
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    TlcPage *page = g_new0(TlcPage, 1);
    TlcHeader header;
    size_t count = 0, at = TLC_HEADER_SIZE;
    char why[TLC_WHY];

    need(d != NULL, "decoder", telu_error());
    need(tlc_header_read(&header, in, size, why) == TLC_OK, "header", why);
    while (!page->last) {
        gsize used;

        snprintf(why, sizeof(why), "it is short");
        need(tlc_page_read(page, in + at, size - at, &used, why) == TLC_OK, "page", why);
        need(page->index == count / TELU_PACKET, "page", "its index skips packets");
        count = decode_page(d, m, page, pcm, count, room);
        at += used;
    }
    need(at == size, "tiny.tlc", "bytes behind the last page");
    need(header.pre_skip + page->trim <= count, "tiny.tlc", "drops more than there is");
    count -= header.pre_skip + page->trim;
    memmove(pcm, pcm + header.pre_skip, count * sizeof(*pcm));
    if (header.samples != count) {
        printf("second: %zu samples, the header says %" G_GUINT64_FORMAT "\n", count,
               header.samples);
        failures++;
    }
    g_free(page);
    telu_decoder_free(d);
    return count;
}

/* Decodes the stream with m and compares the samples' bits with those of the file `name`. */
static void compare(const struct telu_model *m, const char *folder, const char *name)
{
    size_t size, bytes, count, room;
    char *stream = read_file(folder, "tiny.tlc", &size);
    char *want = read_file(folder, name, &bytes);
    float *pcm;

    room = bytes / sizeof(float) + 2 * TELU_PACKET;
    pcm = g_new(float, room);

    count = decode(m, (const guint8 *)stream, size, pcm, room);
    if (count * sizeof(float) != bytes) {
        printf("second: %s: %zu samples, expected %zu\n", name, count, bytes / sizeof(float));
        failures++;
    }
    for (size_t i = 0; i < MIN(count, bytes / sizeof(float)); i++) {
        if (memcmp(&pcm[i], want + i * sizeof(*pcm), sizeof(*pcm))) {
            float w;

            memcpy(&w, want + i * sizeof(w), sizeof(w));
            printf("second: %s: sample %zu is %a, expected %a\n", name, i, pcm[i], w);
            failures++;
            break;
        }
    }
    g_free(pcm);
    g_free(want);
    g_free(stream);
}

int main(void)
{
    const char *folder = g_getenv("TELUCODEC_TEST_GOLDEN");
    struct telu_model *m, *plain;
    struct telu_weights w;
    char *path;

    need(folder != NULL, "TELUCODEC_TEST_GOLDEN", "is not set");
    path = g_build_filename(folder, "tiny.safetensors", NULL);
    m = telu_model_open(path);
    need(m != NULL && m->post.blocks > 0, "model", m ? "has no post-network" : telu_error());
    need(!telu_weights_open(&w, path), "weights", telu_error());
    plain = telu_model_build(&w.cfg, w.blob, w.own, w.id);
    need(plain != NULL, "model without post-network", telu_error());
    compare(plain, folder, "tiny.f32");
    compare(m, folder, "tiny_postnet.f32");
    check_seen();
    telu_weights_close(&w);
    telu_model_close(plain);
    telu_model_close(m);
    g_free(path);
    return failures > 0;
}
