/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_weights.c - a good weight file is read; each kind of bad file is refused, with a
 * message that names the file, the tensor or field, and the expected value. */
#include "code.h"
#include "level.h"
#include "linear8.h"
#include "weights.h"
#include "weights_edits.h"

#include <glib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct telu_config tiny = {
    .enc_width = 6, .enc_blocks = 1, .dec_width = 70, .dec_blocks = 2, .kernel = 3,
    .expand = 2, .latent = 5, .stages = 3, .codes = 8, .dim = { 2, 4, 3 },
    .env_stages = 2,
};

static struct telu_tensor *tensors;
static int count, failures;
static char *path;

/* A file in the making; the id is computed when it is written. */
struct file {
    GString *header;           /* with "MODEL_ID" where the id belongs */
    GByteArray *data;
    size_t *at;                /* of tensor i in data */
};

static int index_of(const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(tensors[i].name, name))
            return i;
    fprintf(stderr, "no tensor %s\n", name);
    exit(1);
}

static void fill_tensor(uint8_t *p, const struct telu_tensor *t, GRand *rng)
{
    const size_t bytes = telu_tensor_bytes(t);

    if (!strcmp(t->name, "tab.freq")) {
        for (size_t i = 0; i < bytes / 2; i++) {
            const uint16_t f = i % TELU_SYMBOLS ? 1000 : 32768 - 17 * 1000;

            memcpy(p + 2 * i, &f, 2);
        }
    } else if (!strcmp(t->name, "tab.level")) {
        for (size_t i = 0; i < bytes / 2; i++) {
            const uint16_t f = i % TELU_LEVEL_SYMBOLS ? 2000 : 32768 - 9 * 2000;

            memcpy(p + 2 * i, &f, 2);
        }
    } else if (!strcmp(t->name, "tab.code")) {
        for (size_t i = 0; i < bytes / 2; i++) {
            const uint16_t f = i % t->shape[1] ? 4000 : 32768 - 7 * 4000;

            memcpy(p + 2 * i, &f, 2);
        }
    } else if (!strcmp(t->name, "tab.group")) {
        for (size_t i = 0; i < bytes; i++)
            p[i] = i % TELU_CODE_GROUPS;
    } else if (!strcmp(t->name, "tab.lambda")) {
        for (size_t i = 0; i < bytes / 4; i++) {
            const float f = 0.25f * (float)i;

            memcpy(p + 4 * i, &f, 4);
        }
    } else if (!strcmp(t->name, "tab.split")) {
        for (size_t i = 0; i < bytes; i++)
            p[i] = i % 6 == 4 ? TELU_SPLIT_BASE_ONLY : i % 6 == 5 ? TELU_SPLIT_LEVELS : i % 6;
    } else if (t->dtype == TELU_F32 || t->dtype == TELU_BF16) {
        const int size = t->dtype == TELU_F32 ? 4 : 2;

        for (size_t i = 0; i < bytes / size; i++) {
            const float f = g_rand_double_range(rng, -2, 2);

            memcpy(p + size * i, (const char *)&f + 4 - size, size);
        }
    } else {
        for (size_t i = 0; i < bytes; i++)
            p[i] = g_rand_int(rng);
    }
}

/* Makes a file of `tensors` and that config; without data when !filled. */
static struct file file_of(const char *config, int filled)
{
    struct file f = { g_string_new(NULL), g_byte_array_new(), NULL };
    GRand *rng = g_rand_new_with_seed(1);
    size_t end = 0;

    f.at = g_new0(size_t, count);
    g_string_append(f.header, "{\"__metadata__\":{\"format\":\"telucodec\","
                    "\"version\":\"4\",\"config\":\"");
    g_string_append(f.header, config);
    g_string_append(f.header, "\",\"model_id\":\"MODEL_ID\",\"licence\":\"none\"}");
    for (int i = 0; i < count; i++) {
        const struct telu_tensor *t = &tensors[i];
        const size_t begin = end, bytes = telu_tensor_bytes(t);

        f.at[i] = begin;
        end += bytes;
        if (filled) {
            g_byte_array_set_size(f.data, end);
            fill_tensor(f.data->data + begin, t, rng);
        }
        g_string_append_printf(f.header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%d",
                               t->name, telu_dtype_name(t->dtype), t->shape[0]);
        for (int d = 1; d < t->ndim; d++)
            g_string_append_printf(f.header, ",%d", t->shape[d]);
        g_string_append_printf(f.header, "],\"data_offsets\":[%zu,%zu]}", begin,
                               begin + bytes);
    }
    g_string_append_c(f.header, '}');
    g_rand_free(rng);
    return f;
}

static void free_file(struct file *f)
{
    g_string_free(f->header, TRUE);
    g_byte_array_unref(f->data);
    g_free(f->at);
}

static char *model_id(const struct file *f)
{
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, f->data->data, f->data->len);
}

static GByteArray *bytes_of(const struct file *f)
{
    GByteArray *out = g_byte_array_new();
    char *id = model_id(f);
    GString *header = g_string_new(f->header->str);

    g_string_replace(header, "MODEL_ID", id, 0);
    for (int i = 0; i < 8; i++) {
        const uint8_t byte = (uint64_t)header->len >> 8 * i;

        g_byte_array_append(out, &byte, 1);
    }
    g_byte_array_append(out, (const uint8_t *)header->str, header->len);
    g_byte_array_append(out, f->data->data, f->data->len);
    g_string_free(header, TRUE);
    g_free(id);
    return out;
}

static void write_bytes(const void *data, size_t n)
{
    FILE *out = fopen(path, "wb");

    if (!out || fwrite(data, 1, n, out) != n || fclose(out)) {
        perror(path);
        exit(1);
    }
}

/* The file at path must be refused, with a text that names it and holds `word`. */
static void refused(const char *name, const char *word)
{
    struct telu_model *m = telu_model_open(path);
    const char *why = telu_error();
    const enum telu_status status = telu_error_status();
    const enum telu_status want = strstr(name, "no file") ? TELU_ERR_IO :
        g_str_has_prefix(name, "version") ? TELU_ERR_VERSION : TELU_ERR_FORMAT;

    if (m) {
        printf("%s: taken, expected an error with '%s'\n", name, word);
        failures++;
    } else if (!strstr(why, path) || !strstr(why, word) ||
               (*word && !strstr(why, "expected"))) {
        printf("%s: '%s', expected the file's name, '%s' and 'expected'\n", name, why,
               word);
        failures++;
    } else if (status != want) {
        printf("%s: status %d, expected %d\n", name, (int)status, (int)want);
        failures++;
    }
    telu_model_close(m);
}

static void bytes_refused(const char *name, const void *data, size_t n,
                          const char *word)
{
    write_bytes(data, n);
    refused(name, word);
}

static void file_refused(const char *name, const struct file *f, const char *word)
{
    GByteArray *b = bytes_of(f);

    bytes_refused(name, b->data, b->len, word);
    g_byte_array_unref(b);
}

static void equal(const char *name, const void *got, const void *want, size_t n)
{
    if (!got || memcmp(got, want, n)) {
        printf("%s: differs from the file's bytes\n", name);
        failures++;
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
            failures++;
        }
        if (v->tbook[d * 8 + 3] != b[3 * D]) {
            printf("tbook, dimension %d: %g, expected %g\n", d, v->tbook[d * 8 + 3],
                   b[3 * D]);
            failures++;
        }
    }
}

static void check_linear8(const struct telu_model *m, const struct file *f)
{
    const uint8_t *w = f->data->data + f->at[index_of("dec.1.up.w")];
    const struct telu_linear8 *l = &m->dec[1].up;
    uint16_t *aligned = g_malloc(2 * 140 * 70);
    int8_t *want = g_malloc(telu_linear8_bytes(70, 140));
    float s[140];

    memcpy(aligned, w, 2 * 140 * 70);
    telu_linear8_pack(want, s, aligned, 70, 140);
    if (l->I != 70 || l->O != 140) {
        printf("dec.1.up: %d x %d, expected 140 x 70\n", l->O, l->I);
        failures++;
    }
    equal("dec.1.up.w", l->w, want, telu_linear8_bytes(70, 140));
    equal("scales of dec.1.up.w", l->s, s, sizeof(s));
    g_free(want);
    g_free(aligned);
}

static void check_good(const struct file *f)
{
    GByteArray *b = bytes_of(f);
    char *id = model_id(f);
    struct telu_model *m;

    write_bytes(b->data, b->len);
    m = telu_model_open(path);
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
        const int t = index_of(same[i].name);

        equal(same[i].name, same[i].got, f->data->data + f->at[t],
              telu_tensor_bytes(&tensors[t]));
    }
    if (strcmp(telu_model_id(m), id) || m->n != 3 || m->vq[1].dim != 4 ||
        m->tab.env_stages != 2 || m->tab.codes != 8 ||
        memcmp(&m->cfg, &tiny, sizeof(tiny))) {
        printf("good file: id %s, n %d, dim %d, env_stages %d, codes %d or config\n",
               telu_model_id(m), m->n, m->vq[1].dim, m->tab.env_stages, m->tab.codes);
        failures++;
    }
    if (m->tab.cumul[19] || m->tab.cumul[20] != m->tab.freq[18] ||
        m->tab.cumul[19 * TELU_CONTEXTS - 1] != 32768) {
        printf("cumul: %d %d %d\n", m->tab.cumul[19], m->tab.cumul[20],
               m->tab.cumul[19 * TELU_CONTEXTS - 1]);
        failures++;
    }
    if (m->tab.level_cumul[11] || m->tab.level_cumul[12] != m->tab.level[10] ||
        m->tab.level_cumul[11 * TELU_LEVEL_CONTEXTS - 1] != 32768) {
        printf("level_cumul: %d %d %d\n", m->tab.level_cumul[11], m->tab.level_cumul[12],
               m->tab.level_cumul[11 * TELU_LEVEL_CONTEXTS - 1]);
        failures++;
    }
    if (m->tab.code_cumul[9] || m->tab.code_cumul[10] != m->tab.code[8] ||
        m->tab.code_cumul[9 * TELU_CODE_ROWS(tiny.stages) - 1] != 32768) {
        printf("code_cumul: %d %d %d\n", m->tab.code_cumul[9], m->tab.code_cumul[10],
               m->tab.code_cumul[9 * TELU_CODE_ROWS(tiny.stages) - 1]);
        failures++;
    }
    /* Stage 1 has rows 1 to 16 and lambda 1/4; code 1 of each has 4000 of 32768. */
    if (m->tab.bias_of_code[1] != 0.0f ||
        m->tab.bias_of_code[8 * TELU_CODE_GROUPS + 1] != 0.25f * (float)telu_frequency_cost(4000)) {
        printf("bias_of_code: %g %g\n", m->tab.bias_of_code[1],
               m->tab.bias_of_code[8 * TELU_CODE_GROUPS + 1]);
        failures++;
    }
    check_tree(m);
    check_linear8(m, f);
    telu_model_close(m);
    g_free(id);
    g_byte_array_unref(b);
}

/* --- Bad headers -------------------------------------------------------- */

static void check_edits(const struct file *good)
{
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        struct file f = *good;

        f.header = g_string_new(good->header->str);
        if (!g_string_replace(f.header, edits[i].find, edits[i].put, 1)) {
            printf("%s: '%s' is not in the header\n", edits[i].name, edits[i].find);
            failures++;
        }
        file_refused(edits[i].name, &f, edits[i].word);
        g_string_free(f.header, TRUE);
    }
}

static void check_nesting(const struct file *good)
{
    struct file f = *good;
    GString *deep = g_string_new("\"enc.in.b\":");

    f.header = g_string_new(good->header->str);
    for (int i = 0; i < 400000; i++)
        g_string_append_c(deep, '[');
    g_string_replace(f.header, "\"enc.in.b\":", deep->str, 1);
    file_refused("nested", &f, "deeper");
    g_string_free(f.header, TRUE);
    g_string_free(deep, TRUE);
}

/* --- Bad lengths -------------------------------------------------------- */

static void check_lengths(const struct file *good)
{
    static const uint64_t lengths[] = { 0, 1, (1 << 20) + 1, 1ull << 32, 1ull << 63,
                                        UINT64_MAX };
    GByteArray *b = bytes_of(good);
    const size_t data = b->len - good->data->len;
    const size_t cuts[] = { 0, 1, 7, 8, 9, data - 1, data, data + 1, b->len - 1 };

    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++)
        bytes_refused("cut", b->data, cuts[i], "ends after");
    for (int i = 1; i < count; i++)
        bytes_refused("cut at a tensor", b->data, data + good->at[i], "ends after");
    g_byte_array_append(b, (const uint8_t *)"", 1);
    bytes_refused("a byte too many", b->data, b->len, "after the last");
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        for (int k = 0; k < 8; k++)
            b->data[k] = lengths[i] >> 8 * k;
        bytes_refused("length of the header", b->data, b->len, "length of the header");
    }
    for (int d = -2; d <= 2; d++) {
        const uint64_t n = data - 8 + d;

        for (int k = 0; k < 8; k++)
            b->data[k] = n >> 8 * k;
        bytes_refused("header off by a little", b->data, b->len, "");
    }
    g_byte_array_unref(b);
}

/* --- Claims ------------------------------------------------------------- */

/* Bytes that this process has allocated, as RLIMIT_DATA counts them; 0 when no one tells. */
static rlim_t data_in_use(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    unsigned long kilobytes = 0;
    char line[128];

    while (f && fgets(line, sizeof(line), f))
        sscanf(line, "VmData: %lu", &kilobytes);
    if (f)
        fclose(f);
    return (rlim_t)kilobytes * 1024;
}

/* A small file that claims a network of 1 GB is refused for its size, before that memory is asked
 * for: a child may allocate 64 MB more. */
static void check_claims(void)
{
    static const struct telu_config large = {
        .enc_width = 1024, .enc_blocks = 16, .dec_width = 1024, .dec_blocks = 16, .kernel = 15,
        .expand = 4, .latent = 1024, .stages = 1, .codes = 2, .dim = { 1 }, .env_stages = 0,
    };
    struct telu_tensor *own = tensors;
    const int own_count = count;
    struct file f;
    GByteArray *b;
    int status = -1;
    pid_t child;

    tensors = telu_tensor_list(&large, NULL, &count);
    f = file_of(LARGE_CONFIG, 0);
    b = bytes_of(&f);
    write_bytes(b->data, b->len);
    child = fork();
    if (child == 0) {
        const rlim_t most = data_in_use() + (64 << 20);
        const struct rlimit limit = { most, most };

        failures = 0;
        setrlimit(RLIMIT_DATA, &limit);
        refused("claim of a large network", "tensor data ends after 0 bytes");
        fflush(stdout);
        _exit(failures != 0);
    }
    waitpid(child, &status, 0);
    if (status) {
        printf("claim of a large network: status %x of the child, expected 0\n", status);
        failures++;
    }
    g_byte_array_unref(b);
    free_file(&f);
    free(tensors);
    tensors = own;
    count = own_count;
}

/* --- Bad values --------------------------------------------------------- */

static void value_refused(const struct file *good, const char *tensor, size_t at,
                          const void *value, size_t n, const char *word)
{
    struct file f = *good;

    f.data = g_byte_array_new();
    g_byte_array_append(f.data, good->data->data, good->data->len);
    memcpy(f.data->data + good->at[index_of(tensor)] + at, value, n);
    file_refused(tensor, &f, word);
    g_byte_array_unref(f.data);
}

static void check_values(const struct file *good)
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

/* Whatever a flip hits, the file is refused or is still the same model. */
static void check_flips(const struct file *good)
{
    GByteArray *b = bytes_of(good);
    const size_t header = b->len - good->data->len;
    GRand *rng = g_rand_new_with_seed(2);
    char *id = model_id(good);

    for (int i = 0; i < 600; i++) {
        const size_t at = i < 400 ? g_rand_int_range(rng, 0, header)
                                  : g_rand_int_range(rng, 0, b->len);
        const uint8_t was = b->data[at];
        struct telu_model *m;

        b->data[at] ^= 1 << g_rand_int_range(rng, 0, 8);
        write_bytes(b->data, b->len);
        m = telu_model_open(path);
        if (m ? at >= header || strcmp(telu_model_id(m), id)
              : !strstr(telu_error(), path)) {
            printf("flip at byte %zu: %s\n", at, m ? "taken" : telu_error());
            failures++;
        }
        telu_model_close(m);
        b->data[at] = was;
    }
    g_free(id);
    g_rand_free(rng);
    g_byte_array_unref(b);
}

static void check_build(const struct file *good)
{
    struct telu_blob *blobs = g_new(struct telu_blob, count);
    struct telu_config bad = tiny;
    struct telu_model *m;

    for (int i = 0; i < count; i++)
        blobs[i] = (struct telu_blob){ good->data->data + good->at[i],
                                       telu_tensor_bytes(&tensors[i]) };
    m = telu_model_build(&tiny, blobs, count, NULL);
    if (!m || *telu_model_id(m)) {
        printf("build: %s\n", m ? telu_model_id(m) : telu_error());
        failures++;
    }
    telu_model_close(m);
    bad.expand = 9;
    blobs[3].bytes--;
    if (telu_model_build(&tiny, blobs, count - 1, NULL) ||
        telu_model_build(&tiny, blobs, count, NULL) ||
        telu_model_build(&bad, blobs, count, NULL)) {
        printf("build: took a wrong count, size or config\n");
        failures++;
    }
    telu_model_close(NULL);
    g_free(blobs);
}

int main(void)
{
    char *dir = g_dir_make_tmp("telu-XXXXXX", NULL);
    struct file good;

    path = g_build_filename(dir, "x.safetensors", NULL);
    tensors = telu_tensor_list(&tiny, NULL, &count);
    refused("no file", "expected a weight file");
    good = file_of(CONFIG, 1);
    check_good(&good);
    check_edits(&good);
    check_nesting(&good);
    check_lengths(&good);
    check_claims();
    check_values(&good);
    check_flips(&good);
    check_build(&good);

    free_file(&good);
    free(tensors);
    unlink(path);
    rmdir(dir);
    g_free(path);
    g_free(dir);
    return failures ? 1 : 0;
}
