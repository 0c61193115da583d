/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_bounds.c - weights that can overflow are refused, by the name of their tensor; the largest
 * that are taken overflow for no sound and no packet, and give plain C's bits in vector code. */
#include "backend.h"
#include "expect.h"
#include "fixed_voice.h"
#include "linear.h"
#include "tiny_model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 24

static struct telu_weights file;

/* One tensor, all of whose numbers are multiplied. */
static struct telu_model *build_times(int tensor, float by)
{
    const struct telu_tensor *t = &file.tensor[tensor];
    struct telu_blob whole = file.blob[tensor], *blob = &file.blob[tensor];
    struct telu_model *m;
    uint8_t *data = malloc(whole.bytes);
    const size_t size = t->dtype == TELU_F32 ? 4 : 2;

    for (size_t at = 0; at < whole.bytes; at += size) {
        uint32_t u = 0;
        float v;

        memcpy((char *)&u + 4 - size, (const char *)whole.data + at, size);
        memcpy(&v, &u, sizeof(v));
        v *= by;
        v = fmaxf(fminf(v, 1e38f), -1e38f);
        memcpy(&u, &v, sizeof(u));
        memcpy(data + at, (char *)&u + 4 - size, size);
    }
    *blob = (struct telu_blob){ data, whole.bytes };
    m = telu_weights_model(&file);
    *blob = whole;
    free(data);
    return m;
}

/* Codes with one table what is loud, faint and speech, and decodes that, noise and losses. */
static void run(float *pcm, const struct telu_model *m, const struct telu_backend *be)
{
    struct telu_encoder *e = telu_encoder_new(m, be);
    struct telu_decoder *d = telu_decoder_new(m, be);
    static float x[PACKETS * TELU_PACKET];
    struct telu_rate rate = telu_rate_init();
    uint32_t seed = 5;

    fixed_voice(x, PACKETS * TELU_PACKET, 1);
    for (int p = 0; p < PACKETS; p++, pcm += TELU_PACKET) {
        uint8_t packet[TELU_MAX_PACKET];
        int n;

        rate.bitrate = (int[]){ 16000, 64000, 1600, 4800 }[p / 2 % 4];
        for (int i = 0; i < TELU_PACKET; i++)
            x[p * TELU_PACKET + i] *= (float[]){ 1.0f, 1e4f, 1e-20f }[p % 3];
        check(!telu_encoder_set(e, &rate), "a rate is refused", rate.bitrate);
        n = telu_encode(e, x + p * TELU_PACKET, packet, sizeof(packet));
        check(n > 0, "bytes of a packet", n);
        for (int i = 0; p % 4 == 2 && i < n; i++)
            packet[i] = (uint8_t)(256 * tiny_random(&seed));
        if (p % 8 == 7)
            telu_conceal(d, pcm);
        else
            telu_decode(d, packet, (size_t)n, pcm);
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
}

static void check_run(const struct telu_model *m, const char *name, float by)
{
    static float plain[PACKETS * TELU_PACKET], simd[PACKETS * TELU_PACKET];

    run(plain, m, &telu_backend_c);
    run(simd, m, &telu_backend_simd);
    for (int i = 0; i < PACKETS * TELU_PACKET; i++)
        if (!isfinite(plain[i]) || memcmp(&plain[i], &simd[i], sizeof(*plain))) {
            printf("%s times %g, sample %d: %g in plain C and ", name, (double)by, i,
                   (double)plain[i]);
            check(0, "not that finite number in vector code", (double)simd[i]);
            return;
        }
}

/* The tensor that is named: norm, gelu, biases and scales belong to a layer's weights. */
static const char *blamed(const char *name)
{
    static char text[64];
    char *end;

    snprintf(text, sizeof(text), "tensor %s", name);
    end = text + strlen(text) - 2;
    if (!strcmp(end, ".b") || !strcmp(end, ".s"))
        strcpy(end, strstr(text, "norm") ? ".g" : ".w");
    return text;
}

static void check_tensor(int i)
{
    const char *name = file.tensor[i].name;
    float by = 1.0f;
    struct telu_model *m = build_times(i, by), *next;

    while (m && by < 1e38f && (next = build_times(i, 8.0f * by))) {
        telu_model_close(m);
        m = next;
        by *= 8.0f;
    }
    check(m != NULL, name, -1.0);
    if (!m)
        return;
    check(strstr(telu_error(), "expected") != NULL && by < 1e38f, name, (double)by);
    check_run(m, name, by);
    telu_model_close(m);

    m = build_times(i, 1e38f);
    if (m || !strstr(telu_error(), blamed(name))) {
        printf("%s times 1e38: ", name);
        check(0, m ? "taken" : telu_error(), 1e38);
    }
    telu_model_close(m);
}

/* A row of one large weight and many zeros has a greater first bound than its true one. */
static void check_sparse(void)
{
    struct telu_model *m;
    const int i = telu_tensor_find(file.tensor, file.count, "dec.value.w");
    struct telu_blob whole = file.blob[i];
    const int rows = file.tensor[i].shape[0], inputs = file.tensor[i].shape[1];
    uint16_t *w = calloc(rows, inputs * sizeof(*w));

    file.blob[i].data = w;
    for (float by = 1.0f; by < 1e30f; by *= 2.0f) {
        int sparse, full;

        /* The same sum of magnitudes in a row. */
        for (int r = 0; r < rows; r++)
            w[r * inputs] = telu_to_bf16(by * (float)inputs);
        m = telu_weights_model(&file);
        sparse = m != NULL;
        telu_model_close(m);
        for (int k = 0; k < rows * inputs; k++)
            w[k] = telu_to_bf16(by);
        m = telu_weights_model(&file);
        full = m != NULL;
        telu_model_close(m);
        memset(w, 0, whole.bytes);
        if (sparse != full)
            check(0, "a row of one weight is judged otherwise than one of equal weights, times",
                  (double)by);
    }
    file.blob[i] = whole;
    free(w);
}

int main(int argc, char **argv)
{
    int tensors = 0;

    if (argc != 2 || telu_weights_open(&file, argv[1])) {
        printf("usage: test_bounds WEIGHTS: %s\n", telu_error());
        return 1;
    }
    check(file.post.blocks > 0, "blocks of the post-network", file.post.blocks);
    for (int i = 0; i < file.count; i++)
        if (file.tensor[i].dtype == TELU_F32 || file.tensor[i].dtype == TELU_BF16) {
            check_tensor(i);
            tensors++;
        }
    if (file.version == TELU_WEIGHTS_FLOATS)
        check_sparse();
    printf("test_bounds: %d tensors\n", tensors);
    telu_weights_close(&file);
    return failed;
}
