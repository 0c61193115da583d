/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* make_vectors.c - makes the test vectors (vectors.h); tests/golden/make_vectors.sh runs it:
 *
 *   make_vectors FOLDER TINY_WEIGHTS TE_WEIGHTS SPEECH.f32
 *
 * SPEECH.f32: mono samples at 16 kHz, float32, little-endian; the first three seconds count.
 */
#include "vectors.h"

#include <stdio.h>

static void read_speech(float *x, const char *path)
{
    FILE *f = fopen(path, "rb");

    if (!f || fread(x, sizeof(*x), VECTOR_SAMPLES, f) != VECTOR_SAMPLES)
        vector_fail("%s is missing, or shorter than %d samples", path, VECTOR_SAMPLES);
    fclose(f);
}

static void note(FILE *list, const char *sum, const char *name, const char *end)
{
    fprintf(list, "%s  %s%s.f32\n", sum, name, end);
}

/* Codes a model's sound at all its rates. speech: samples for VECTOR_SPEECH. */
static void make(FILE *list, const char *folder, const char *model, const char *weights,
                 const char *speech)
{
    static struct vector_stream s;
    static float x[VECTOR_SAMPLES], y[VECTOR_SAMPLES];
    struct telu_rate fine = telu_rate_init();
    struct telu_model *m = telu_model_open(weights);
    char sum[65];

    if (!m)
        vector_fail("%s", weights);
    fine.bitrate = 24000;
    if (vector_of(VECTOR_SPEECH, model)) {
        read_speech(x, speech);
        vector_encode(&s, m, &fine, x);
        vector_write(&s, folder, VECTOR_SPEECH);
    }
    vector_sound(x, sum, m, folder, model);
    if (*sum)
        note(list, sum, VECTOR_SPEECH, "");
    for (int i = 0; i < vector_count; i++) {
        const char *name = vectors[i].name;

        if (!vector_of(name, model))
            continue;
        vector_encode(&s, m, &vectors[i].rate, x);
        vector_write(&s, folder, name);
        vector_decode(y, sum, m, &s, 0);
        note(list, sum, name, "");
        vector_decode(y, sum, m, &s, 1);
        note(list, sum, name, "-lost");
    }
    telu_model_close(m);
}

int main(int argc, char **argv)
{
    char path[4096];
    FILE *list;

    if (argc != 5)
        vector_fail("usage: make_vectors FOLDER TINY_WEIGHTS TE_WEIGHTS SPEECH.f32");
    snprintf(path, sizeof(path), "%s/vectors.sha256", argv[1]);
    list = fopen(path, "w");
    if (!list)
        vector_fail("cannot write %s", path);
    fprintf(list, "# NAME.f32: samples of NAME.tlc, float32, little-endian.\n"
            "# NAME-lost.f32: with packets lost, which only this decoder makes so.\n");
    make(list, argv[1], "tiny", argv[2], argv[4]);
    make(list, argv[1], "te", argv[3], argv[4]);
    return fclose(list) != 0;
}
