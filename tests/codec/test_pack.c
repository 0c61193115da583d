/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_pack.c WEIGHTS - a weight file of integers makes the model of the floats that it came from,
 * bit by bit, under the same id, and can be turned back into floats. */
#include "fixed_voice.h"
#include "pack.h"
#include "weights_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 40

static struct telu_weights floats, packed;
static char *file;             /* the packed file */
static gsize size;

/* --- The same codec ------------------------------------------------------ */

/* Codes and decodes at a rate, with a loss now and then, and gives all packets and samples. */
static void code(GByteArray *out, const struct telu_model *m, int bitrate)
{
    struct telu_encoder *e = telu_encoder_new(m, NULL);
    struct telu_decoder *d = telu_decoder_new(m, NULL);
    struct telu_rate rate = telu_rate_init();
    static float x[PACKETS * TELU_PACKET];
    float pcm[TELU_PACKET];

    fixed_voice(x, PACKETS * TELU_PACKET, 1);
    rate.bitrate = bitrate;
    if (!e || !d || telu_encoder_set(e, &rate))
        weights_fail("streams", telu_error());
    for (int p = 0; p < PACKETS; p++) {
        uint8_t packet[TELU_MAX_PACKET];
        const int n = telu_encode(e, x + p * TELU_PACKET, packet, sizeof(packet));

        if (n < 0 || (p % 9 == 8 ? telu_conceal(d, pcm) : telu_decode(d, packet, (size_t)n, pcm)))
            weights_fail("a packet", telu_error());
        g_byte_array_append(out, packet, n < 0 ? 0 : (guint)n);
        g_byte_array_append(out, (const uint8_t *)pcm, sizeof(pcm));
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
}

static void check_same(const char *from)
{
    struct telu_model *a = telu_model_open(from), *b = telu_model_open(weights_path());

    if (!a || !b) {
        weights_fail("opening", telu_error());
        exit(1);
    }
    if (strcmp(telu_model_id(a), telu_model_id(b)))
        weights_fail("id of integers", telu_model_id(b));
    if (a->arena_bytes != b->arena_bytes || memcmp(a->arena, b->arena, a->arena_bytes))
        weights_fail("integers", "they make another model than the floats");
    for (int bitrate = 2000; bitrate <= 32000; bitrate *= 4) {
        GByteArray *x = g_byte_array_new(), *y = g_byte_array_new();

        code(x, a, bitrate);
        code(y, b, bitrate);
        if (x->len < PACKETS * TELU_PACKET || x->len != y->len || memcmp(x->data, y->data, x->len))
            weights_fail("integers", "they give other packets or samples");
        g_byte_array_unref(x);
        g_byte_array_unref(y);
    }
    telu_model_close(a);
    telu_model_close(b);
}

/* A weight takes one byte instead of two, and an output four more; the texts stay. */
static void check_file(const char *from)
{
    size_t saved = 0, matrices = 0;
    guint64 head[2];
    char *plain;
    gsize n;

    for (int i = 0; i < floats.count; i++)
        if (floats.tensor[i].dtype == TELU_BF16) {
            saved += floats.blob[i].bytes / 2 - 4 * (size_t)floats.tensor[i].shape[0];
            matrices++;
        }
    if (!g_file_get_contents(from, &plain, &n, NULL))
        exit(1);
    memcpy(&head[0], plain, 8);
    memcpy(&head[1], file, 8);
    if (saved < 10000 || (size_t)packed.count != (size_t)floats.count + matrices ||
        n - head[0] != size - head[1] + saved)
        weights_fail("packed file", "its tensors have not the size that was expected");
    if (!g_strstr_len(file + 8, 4096, "\"training\":\"none: random numbers for tests\"") ||
        !g_strstr_len(file + 8, 4096, "\"licence\":\"LGPL-2.1-or-later\""))
        weights_fail("packed file", "its texts are gone");
    g_free(plain);
}

/* --- Back to floats ------------------------------------------------------ */

/* Rounding moves a weight by half a step at most. */
static void check_floats(const char *name)
{
    const int i = weights_index(packed.tensor, packed.count, name);
    const int inputs = packed.tensor[i].shape[1];
    const size_t n = (size_t)packed.tensor[i].shape[0] * inputs;
    float *a = g_new(float, n), *b = g_new(float, n), worst = 0.0f;

    if (telu_weights_floats(&floats, name, a, n) || telu_weights_floats(&packed, name, b, n))
        weights_fail(name, telu_error());
    for (size_t k = 0; k < n; k++) {
        float scale;

        memcpy(&scale, (const char *)packed.blob[i + 1].data + k / inputs * 4, 4);
        worst = fmaxf(worst, fabsf(a[k] - b[k]) / scale);
    }
    if (!(worst > 0.3f && worst <= 0.5001f)) {
        printf("%s: floats are %g steps off, expected half a step at most\n", name, (double)worst);
        weights_failures++;
    }
    if (!telu_weights_floats(&packed, name, b, n - 1) || !strstr(telu_error(), "expected"))
        weights_fail(name, "floats of another size");
    g_free(a);
    g_free(b);
}

static void floats_refused(const char *name)
{
    float x[4];

    if (!telu_weights_floats(&packed, name, x, 4) || !strstr(telu_error(), "expected"))
        weights_fail(name, "gives floats");
}

/* --- Requests that cannot be met ----------------------------------------- */

static void pack_refused(const char *from, const char *to, const char *word)
{
    char id[65];

    if (!pack_weights(from, to, id) || !strstr(telu_error(), word))
        weights_fail(word, telu_error());
}

/* Numbers are checked before they are quantised, also where the sum is right. */
static void check_nan(const char *to)
{
    struct weights_file f = weights_make(&weights_tiny, WEIGHTS_TINY_CONFIG, 1);
    static const uint16_t nan = 0x7fc0;
    GByteArray *bytes;

    memcpy(f.data->data + f.at[weights_index(f.tensor, f.count, "enc.in.w")], &nan, sizeof(nan));
    bytes = weights_bytes(&f);
    weights_write(bytes->data, bytes->len);
    pack_refused(weights_path(), to, "tensor enc.in.w: element 0 is not finite");
    g_byte_array_unref(bytes);
    weights_free(&f);
}

static void check_requests(const char *from)
{
    char *nowhere = g_strconcat(weights_path(), "/x", NULL), *now;
    gsize n;

    weights_write(file, size);
    pack_refused(weights_path(), weights_path(), "the weights are integers already (version 5), "
                 "expected floats (version 4)");
    pack_refused(nowhere, weights_path(), nowhere);
    pack_refused(from, nowhere, "x");
    check_nan(nowhere);
    weights_write(file, 100);
    pack_refused(weights_path(), nowhere, "ends after");
    weights_write(file, size);
    pack_refused(weights_path(), weights_path(), weights_path());
    if (!g_file_get_contents(weights_path(), &now, &n, NULL) || n != size || memcmp(now, file, n))
        weights_fail("refused requests", "a file has changed");
    g_free(now);
    g_free(nowhere);
}

int main(int argc, char **argv)
{
    char id[65];

    weights_begin();
    if (argc != 2 || pack_weights(argv[1], weights_path(), id) ||
        telu_weights_open(&floats, argv[1]) || telu_weights_open(&packed, weights_path()) ||
        !g_file_get_contents(weights_path(), &file, &size, NULL)) {
        printf("usage: test_pack WEIGHTS: %s\n", telu_error());
        return 1;
    }
    if (strcmp(id, floats.id))
        weights_fail("id", id);
    check_same(argv[1]);
    check_file(argv[1]);
    check_floats("enc.in.w");
    check_floats("post.out.w");
    floats_refused("no.such.w");
    floats_refused("tab.recon");
    check_requests(argv[1]);
    g_free(file);
    telu_weights_close(&packed);
    telu_weights_close(&floats);
    return weights_end();
}
