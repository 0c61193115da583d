/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_weights.c - a good weight file is read as it is; a wrong value in it is refused, with a
 * message that names the file and the tensor; a model is built from the same tensors without a
 * file. */
#include "code.h"
#include "level.h"
#include "linear8.h"
#include "nearest.h"
#include "weights_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void equal(const char *name, const void *got, const void *want, size_t n)
{
    if (!got || memcmp(got, want, n)) {
        printf("%s: differs from the file's bytes\n", name);
        weights_failures++;
    }
}

/* --- The good file ------------------------------------------------------ */

static void check_tree(const struct telu_model *m)
{
    const struct telu_stage *v = &m->vq[1];
    const int D = v->dim;

    /* Prefix 10 of 3 bits: codes 4 and 5. Prefix 1: codes 4 to 7. */
    for (int d = 0; d < D; d++) {
        const float *b = v->book + d;
        const float two = (b[4 * D] + b[5 * D]) / 2;
        const float four = (b[4 * D] + b[5 * D] + b[6 * D] + b[7 * D]) / 4;

        if (v->tree[(4 + 2) * D + d] != two || v->tree[(2 + 1) * D + d] != four ||
            v->tree[(8 + 5) * D + d] != b[5 * D]) {
            printf("tree, dimension %d: %g %g %g, expected %g %g %g\n", d,
                   v->tree[6 * D + d], v->tree[3 * D + d], v->tree[13 * D + d], two,
                   four, b[5 * D]);
            weights_failures++;
        }
        if (v->tbook[d * 8 + 3] != b[3 * D]) {
            printf("tbook, dimension %d: %g, expected %g\n", d, v->tbook[d * 8 + 3],
                   b[3 * D]);
            weights_failures++;
        }
    }
}

/* Number `i` of the transposed tensor against the one that it came from. */
static void same_number(const char *what, int i, float got, float want)
{
    if (got != want) {
        printf("%s, number %d: %g, expected %g\n", what, i, got, want);
        weights_failures++;
    }
}

static void check_transposed(const struct telu_model *m)
{
    const int L = m->cfg.latent, N = m->cfg.codes, C = m->cfg.enc_width, K = m->cfg.kernel;
    const struct telu_stage *v = &m->vq[1];
    const struct telu_block *block = &m->enc[0];

    for (int d = 0; d < v->dim; d++) {
        for (int i = 0; i < L; i++) {
            same_number("tin", i, v->tin[i * v->dim + d], v->in[d * L + i]);
            same_number("tout", i, v->tout[d * L + i], v->out[i * v->dim + d]);
        }
        for (int n = 0; n < N; n++)
            same_number("tiles", n, v->tiles[telu_nearest_place(n, d, N, v->dim)],
                        v->book[n * v->dim + d]);
    }
    for (int c = 0; c < C; c++)
        for (int k = 0; k < K; k++)
            same_number("tdw", c, block->tdw[k * C + c], block->dw[c * K + k]);
}

static void check_linear8(const struct telu_model *m, const struct weights_file *f)
{
    const uint8_t *w = f->data->data + f->at[weights_index(f->tensor, f->count, "dec.1.up.w")];
    const struct telu_linear8 *l = &m->dec[1].up;
    uint16_t *aligned = g_malloc(2 * 140 * 70);
    int8_t *want = g_malloc(telu_linear8_bytes(70, 140));
    float s[140];

    memcpy(aligned, w, 2 * 140 * 70);
    telu_linear8_pack(want, s, aligned, 70, 140);
    if (l->I != 70 || l->O != 140) {
        printf("dec.1.up: %d x %d, expected 140 x 70\n", l->O, l->I);
        weights_failures++;
    }
    equal("dec.1.up.w", l->w, want, telu_linear8_bytes(70, 140));
    equal("scales of dec.1.up.w", l->s, s, sizeof(s));
    g_free(want);
    g_free(aligned);
}

static void check_good(const struct weights_file *f)
{
    GByteArray *b = weights_bytes(f);
    char *id = weights_id(f);
    struct telu_model *m;

    weights_write(b->data, b->len);
    m = telu_model_open(weights_path());
    if (!m) {
        printf("good file: refused: %s\n", telu_error());
        exit(1);
    }

    const struct {
        const char *name;
        const void *got;
    } same[] = {
        { "enc.in.b", m->enc_in.b }, { "enc.0.dw.w", m->enc[0].dw },
        { "enc.0.dw.b", m->enc[0].dwb }, { "enc.0.norm.g", m->enc[0].g },
        { "enc.0.norm.b", m->enc[0].nb }, { "enc.0.up.b", m->enc[0].up.b },
        { "enc.0.down.b", m->enc[0].down.b }, { "enc.0.scale", m->enc[0].scale },
        { "enc.out.b", m->enc_out.b }, { "vq.2.in.w", m->vq[2].in },
        { "vq.2.in.b", m->vq[2].inb }, { "vq.2.out.w", m->vq[2].out },
        { "vq.2.out.b", m->vq[2].outb }, { "vq.2.book", m->vq[2].book },
        { "dec.in.b", m->dec_in.b }, { "dec.1.scale", m->dec[1].scale },
        { "dec.value.b", m->dec_value.b }, { "dec.scale.b", m->dec_scale.b },
        { "tab.bias", m->tab.bias }, { "tab.env", m->tab.env },
        { "tab.gain", m->tab.gain }, { "tab.freq", m->tab.freq },
        { "tab.recon", m->tab.recon }, { "tab.shape", m->tab.shape },
        { "tab.fill", m->tab.fill }, { "tab.split", m->tab.split },
        { "tab.tilt", m->tab.tilt }, { "tab.level", m->tab.level },
        { "tab.group", m->tab.group }, { "tab.code", m->tab.code },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
        const int t = weights_index(f->tensor, f->count, same[i].name);

        equal(same[i].name, same[i].got, f->data->data + f->at[t],
              telu_tensor_bytes(&f->tensor[t]));
    }
    if (strcmp(telu_model_id(m), id) || m->n != 3 || m->vq[1].dim != 4 ||
        m->tab.env_stages != 2 || m->tab.codes != 8 ||
        memcmp(&m->cfg, &weights_tiny, sizeof(weights_tiny))) {
        printf("good file: id %s, n %d, dim %d, env_stages %d, codes %d or config\n",
               telu_model_id(m), m->n, m->vq[1].dim, m->tab.env_stages, m->tab.codes);
        weights_failures++;
    }
    if (m->tab.cumul[19] || m->tab.cumul[20] != m->tab.freq[18] ||
        m->tab.cumul[19 * TELU_CONTEXTS - 1] != 32768) {
        printf("cumul: %d %d %d\n", m->tab.cumul[19], m->tab.cumul[20],
               m->tab.cumul[19 * TELU_CONTEXTS - 1]);
        weights_failures++;
    }
    if (m->tab.level_cumul[11] || m->tab.level_cumul[12] != m->tab.level[10] ||
        m->tab.level_cumul[11 * TELU_LEVEL_CONTEXTS - 1] != 32768) {
        printf("level_cumul: %d %d %d\n", m->tab.level_cumul[11], m->tab.level_cumul[12],
               m->tab.level_cumul[11 * TELU_LEVEL_CONTEXTS - 1]);
        weights_failures++;
    }
    if (m->tab.code_cumul[9] || m->tab.code_cumul[10] != m->tab.code[8] ||
        m->tab.code_cumul[9 * TELU_CODE_ROWS(weights_tiny.stages) - 1] != 32768) {
        printf("code_cumul: %d %d %d\n", m->tab.code_cumul[9], m->tab.code_cumul[10],
               m->tab.code_cumul[9 * TELU_CODE_ROWS(weights_tiny.stages) - 1]);
        weights_failures++;
    }
    /* Stage 1 has rows 1 to 16 and lambda 1/4; code 1 of each has 4000 of 32768. */
    if (m->tab.bias_of_code[1] != 0.0f ||
        m->tab.bias_of_code[8 * TELU_CODE_GROUPS + 1] != 0.25f * (float)telu_frequency_cost(4000)) {
        printf("bias_of_code: %g %g\n", m->tab.bias_of_code[1],
               m->tab.bias_of_code[8 * TELU_CODE_GROUPS + 1]);
        weights_failures++;
    }
    check_tree(m);
    check_transposed(m);
    check_linear8(m, f);
    telu_model_close(m);
    g_free(id);
    g_byte_array_unref(b);
}

/* --- Bad values --------------------------------------------------------- */

static void value_refused(const struct weights_file *good, const char *tensor, size_t at,
                          const void *value, size_t n, const char *word)
{
    struct weights_file f = *good;

    f.data = g_byte_array_new();
    g_byte_array_append(f.data, good->data->data, good->data->len);
    memcpy(f.data->data + good->at[weights_index(good->tensor, good->count, tensor)] + at, value,
           n);
    weights_file_refused(tensor, &f, word);
    g_byte_array_unref(f.data);
}

static void check_values(const struct weights_file *good)
{
    static const uint32_t bad32[] = { 0x7fc00000, 0xff800000, 0x7f800001 };
    static const uint16_t bad16[] = { 0x7fc0, 0xff80, 0x7f81 };
    static const uint16_t zero[2] = { 0, 2000 }, off = 1001, wrap[2] = { 32768, 34536 };
    static const uint8_t group = TELU_CODE_GROUPS;
    static const float lambda = -1e-9f;
    static const uint8_t split = 4, split_below = TELU_SPLIT_LEVELS - 1;

    for (int i = 0; i < 3; i++) {
        value_refused(good, "enc.0.dw.w", 4, &bad32[i], 4, "enc.0.dw.w");
        value_refused(good, "vq.1.book", 8 * 4 * 4 - 4, &bad32[i], 4, "element 31");
        value_refused(good, "dec.value.w", 2 * 320 * 70 - 2, &bad16[i], 2,
                      "dec.value.w");
    }
    value_refused(good, "tab.freq", 2 * TELU_SYMBOLS * 5 + 6, zero, 4, "row 5");
    value_refused(good, "tab.freq", 2 * TELU_SYMBOLS * 7 + 6, &off, 2, "row 7 adds up");
    value_refused(good, "tab.freq", 2, wrap, 4, "row 0 adds up");
    value_refused(good, "tab.level", 2 * TELU_LEVEL_SYMBOLS * 5 + 6, zero, 4, "row 5");
    value_refused(good, "tab.level", 2 * TELU_LEVEL_SYMBOLS * (TELU_LEVEL_CONTEXTS - 1) + 6, &off,
                  2, "row 1028 adds up");
    value_refused(good, "tab.level", 2, wrap, 4, "row 0 adds up");
    value_refused(good, "tab.code", 2 * 8 * 5 + 6, &off, 2, "row 5 adds up");
    value_refused(good, "tab.group", 7, &group, 1, "element 7 is 16, expected 0 to 15");
    value_refused(good, "tab.lambda", 4, &lambda, 4, "element 1 is -1e-09, expected 0 to 1e+14");
    value_refused(good, "tab.lambda", 4, &bad32[0], 4, "not finite");
    value_refused(good, "tab.split", 23, &split, 1, "tab.split");
    value_refused(good, "tab.split", 0, &split_below, 1, "expected 0 to 3, 254 or 255");
}

/* --- Without a file ------------------------------------------------------ */

static void check_build(const struct weights_file *good)
{
    struct telu_blob *blobs = g_new(struct telu_blob, good->count);
    struct telu_config bad = weights_tiny;
    struct telu_model *m;

    for (int i = 0; i < good->count; i++)
        blobs[i] = (struct telu_blob){ good->data->data + good->at[i],
                                       telu_tensor_bytes(&good->tensor[i]) };
    m = telu_model_build(&weights_tiny, blobs, good->count, NULL);
    if (!m || *telu_model_id(m)) {
        printf("build: %s\n", m ? telu_model_id(m) : telu_error());
        weights_failures++;
    }
    telu_model_close(m);
    bad.expand = 9;
    blobs[3].bytes--;
    if (telu_model_build(&weights_tiny, blobs, good->count - 1, NULL) ||
        telu_model_build(&weights_tiny, blobs, good->count, NULL) ||
        telu_model_build(&bad, blobs, good->count, NULL)) {
        printf("build: took a wrong good->count, size or config\n");
        weights_failures++;
    }
    telu_model_close(NULL);
    g_free(blobs);
}

int main(void)
{
    struct weights_file good = weights_make(&weights_tiny, WEIGHTS_TINY_CONFIG, 1);

    weights_begin();
    check_good(&good);
    check_values(&good);
    check_build(&good);
    weights_free(&good);
    return weights_end();
}
