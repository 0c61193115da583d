/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tiny_model.c - see tiny_model.h. */
#include "tiny_model.h"

#include "code.h"
#include "level.h"
#include "linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct telu_config tiny_config(void)
{
    struct telu_config c = {
        .enc_width = 24, .enc_blocks = 2, .dec_width = 40, .dec_blocks = 5,
        .kernel = 7, .expand = 2, .latent = 20, .stages = 16, .codes = 1024,
        .env_stages = 3,
    };

    for (int s = 0; s < c.stages; s++)
        c.dim[s] = s < 2 ? 5 : 3;
    return c;
}

double tiny_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) / 16777216.0;
}

/* --- Tensors -------------------------------------------------------------- */

struct maker {
    uint32_t seed;
    int stages;
};

enum table_kind {
    BIAS, ENV, GAIN, RECON, SHAPE, TILT, FILL, GROUP, LAMBDA, SPLIT, FREQ, LEVEL, CODE
};
static const char *const table_names[] = {
    "bias", "env", "gain", "recon", "shape", "tilt", "fill", "group", "lambda", "split", "freq",
    "level", "code",
};

/* Range and centre of a tensor's numbers. */
static void spread(const struct telu_tensor *t, double *around, double *reach)
{
    const char *name = strchr(t->name, '.');
    int fan_in = t->shape[1];

    *around = 0.0;
    *reach = t->decay ? 1.7 / sqrt(fan_in) : 0.1;
    if (strstr(t->name, "norm.g"))
        *around = 1.0;
    if (strstr(name, ".scale") && t->ndim == 1 && t->name[4] != 's')
        *around = 0.5;
    if (!strcmp(t->name, "dec.scale.b"))
        *around = -4.0;
    if (!strcmp(t->name, "post.out.w"))            /* as gentle as a trained one */
        *reach *= 0.1;
    if (t->kind == TELU_CODEBOOK)
        *reach = 1.0;
}

/* Fills geometric frequencies, whose mean magnitude grows with both classes of neighbours. */
static void frequencies(uint16_t *f, int context)
{
    int A = context / TELU_C_CLASSES / TELU_CLASSES % TELU_CLASSES;
    int B = context / TELU_C_CLASSES % TELU_CLASSES;
    double mean = 0.08 + 0.1 * A * A + 0.05 * B * B, p = 1.0 / (1.0 + mean);
    int left = 32768;

    if (context % TELU_C_CLASSES) {                /* the row before has the same classes */
        memcpy(f, f - TELU_SYMBOLS, TELU_SYMBOLS * sizeof(*f));
        return;
    }
    for (int s = TELU_SYMBOLS - 1; s > 0; s--) {
        f[s] = (uint16_t)(1 + 32000.0 * p * pow(1.0 - p, s));
        left -= f[s];
    }
    f[0] = (uint16_t)left;
}

/* Fills frequencies of levels: small ones are likely, and those like their neighbours' below. */
static void level_frequencies(uint16_t *f, int context)
{
    int around = context / TELU_BANDS % TELU_LEVEL_NEIGHBOURS - 3, left = 32768;

    for (int s = 0; s < TELU_LEVEL_SYMBOLS; s++) {
        int away = abs(s + TELU_LEVEL_LEAST - around / 2);

        f[s] = (uint16_t)(200 + (9000 >> away));
        left -= f[s];
    }
    f[-TELU_LEVEL_LEAST] += (uint16_t)left;
}

/* Fills frequencies of codes: eight steps of likelihood, in another order for each row. */
static void code_frequencies(uint16_t *f, int codes, int row)
{
    int left = 1 << TELU_RANGE_BITS;

    for (int c = 0; c < codes; c++) {
        f[c] = (uint16_t)(1 + 40000 / codes * (1 + (c * 5 + row * 3) % 8) / 8);
        left -= f[c];
    }
    for (int c = 0; left; c = (c + 1) % codes) {
        int by = left > 0 ? 1 : f[c] > 1 ? -1 : 0;

        f[c] = (uint16_t)(f[c] + by);
        left -= by;
    }
}

/* Writes number i of a table; r: a random number. Frequencies are filled by rows, behind that. */
static void entry(enum table_kind kind, size_t i, double r, int stages, void *data)
{
    static const uint8_t split[TELU_SPLIT_RATES] = {
        TELU_SPLIT_BASE_ONLY, TELU_SPLIT_BASE_ONLY, TELU_SPLIT_LEVELS,
        0, 1, 2, 3, 4, 5, 6, 7, 8,
    };
    const uint8_t coded = split[i % TELU_SPLIT_RATES];
    int16_t *i16 = data;
    uint8_t *u8 = data;

    switch (kind) {
    case BIAS:
        i16[i] = (int16_t)(-150 - 4 * (int)i + 20 * r);
        break;
    case ENV:
        i16[i] = (int16_t)(120 * r - 60);
        break;
    case GAIN:
        u8[i] = (uint8_t)(60 * r);
        break;
    case RECON:
        u8[i] = (uint8_t)(112 + 6 * i);
        break;
    case SHAPE:
        u8[i] = (uint8_t)(8 * i);
        break;
    case TILT:
        i16[i] = (int16_t)(i < TELU_BANDS ? 0.0 : 48 * r - 24);
        break;
    case FILL:
        u8[i] = (uint8_t)(10 * i);
        break;
    case GROUP:
        u8[i] = (uint8_t)(TELU_CODE_GROUPS * r);
        break;
    case LAMBDA:
        ((float *)data)[i] = (float)(0.0004 * r);
        break;
    case SPLIT:
        u8[i] = coded >= TELU_SPLIT_LEVELS || coded < stages ? coded : (uint8_t)stages;
        break;
    case FREQ:
    case LEVEL:
    case CODE:
        break;
    }
}

static enum table_kind kind_of(const char *name)
{
    int kind = 0;

    while (strcmp(name, table_names[kind]))
        kind++;
    return (enum table_kind)kind;
}

static void table(struct maker *k, const struct telu_tensor *t, size_t n, void *data)
{
    const enum table_kind kind = kind_of(t->name + 4);

    for (size_t i = 0; i < n; i++)
        entry(kind, i, tiny_random(&k->seed), k->stages, data);
    for (int row = 0; row < t->shape[0]; row++) {
        uint16_t *f = (uint16_t *)data + (size_t)row * t->shape[1];

        if (kind == FREQ)
            frequencies(f, row);
        if (kind == LEVEL)
            level_frequencies(f, row);
        if (kind == CODE)
            code_frequencies(f, t->shape[1], row);
    }
}

static void fill(struct maker *k, const struct telu_tensor *t, void *data)
{
    size_t n = (size_t)t->shape[0] * t->shape[1] * t->shape[2];
    double around, reach;

    if (t->kind == TELU_TABLE) {
        table(k, t, n, data);
        return;
    }
    spread(t, &around, &reach);
    for (size_t i = 0; i < n; i++) {
        float v = (float)(around + reach * (2.0 * tiny_random(&k->seed) - 1.0));

        if (t->dtype == TELU_BF16)
            ((uint16_t *)data)[i] = telu_to_bf16(v);
        else
            ((float *)data)[i] = v;
    }
}

/* Returns the bytes of all tensors, each aligned, and with memory gives each its place. */
static size_t place(struct telu_weights *w)
{
    size_t used = 0;

    for (int i = 0; i < w->count; i++) {
        const size_t bytes = telu_tensor_bytes(&w->tensor[i]);

        if (w->data)
            w->blob[i] = (struct telu_blob){ (char *)w->data + used, bytes };
        used += (bytes + 15) / 16 * 16;
    }
    return used;
}

int tiny_weights(struct telu_weights *w, const struct telu_config *cfg,
                 const struct telu_postnet_config *post, uint32_t seed)
{
    struct maker k = { seed, cfg->stages };

    *w = (struct telu_weights){ .version = TELU_WEIGHTS_FLOATS, .cfg = *cfg, .post = *post };
    w->tensor = telu_tensor_list(cfg, post, &w->count);
    if (!w->tensor)
        return -1;
    w->own = telu_tensor_count(cfg, NULL);
    w->blob = calloc(w->count, sizeof(*w->blob));
    w->data = malloc(place(w));
    if (!w->blob || !w->data) {
        telu_weights_close(w);
        return -1;
    }
    place(w);
    for (int i = 0; i < w->count; i++)
        fill(&k, &w->tensor[i], (void *)w->blob[i].data);
    return 0;
}

struct telu_model *tiny_model(const struct telu_config *cfg, uint32_t seed)
{
    return tiny_model_postnet(cfg, &(struct telu_postnet_config){ 0 }, seed);
}

struct telu_model *tiny_model_postnet(const struct telu_config *cfg,
                                      const struct telu_postnet_config *post, uint32_t seed)
{
    struct telu_weights w;
    struct telu_model *m;

    if (tiny_weights(&w, cfg, post, seed))
        return NULL;
    memset(w.id, 'a', 64);
    m = telu_weights_model(&w);
    telu_weights_close(&w);
    return m;
}

/* --- Sound ---------------------------------------------------------------- */

void tiny_speech(float *x, int n, uint32_t seed)
{
    double y1[2] = { 0 }, y2[2] = { 0 }, phase = 0.0;

    for (int i = 0; i < n; i++) {
        double t = i / (double)TELU_RATE, in = 0.02 * (tiny_random(&seed) - 0.5);
        double pitch = 120.0 + 30.0 * sin(5.0 * t);
        double formant[2] = { 500.0 + 200.0 * sin(7.0 * t),
                              1600.0 + 500.0 * sin(11.0 * t) };
        double out = 0.0;

        phase += pitch / TELU_RATE;
        if (phase >= 1.0) {
            phase -= 1.0;
            in += 1.0;
        }
        if (sin(9.0 * t) + sin(4.0 * t) < -0.8)        /* a pause */
            in *= 0.01;
        for (int f = 0; f < 2; f++) {
            double r = 0.985, y = in + 2.0 * r * cos(2.0 * 3.14159265358979 *
                       formant[f] / TELU_RATE) * y1[f] - r * r * y2[f];

            y2[f] = y1[f];
            y1[f] = y;
            out += y;
        }
        x[i] = (float)(0.1 * out);
    }
}
