/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* weights_file.c - see weights_file.h. */
#include "weights_file.h"

#include "code.h"
#include "level.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct telu_config weights_tiny = {
    .enc_width = 6, .enc_blocks = 1, .dec_width = 70, .dec_blocks = 2, .kernel = 3,
    .expand = 2, .latent = 5, .stages = 3, .codes = 8, .dim = { 2, 4, 3 },
    .env_stages = 2,
};

int weights_failures;
static char *dir, *path;

void weights_begin(void)
{
    dir = g_dir_make_tmp("telu-XXXXXX", NULL);
    path = g_build_filename(dir, "x.safetensors", NULL);
}

int weights_end(void)
{
    unlink(path);
    rmdir(dir);
    g_free(path);
    g_free(dir);
    return weights_failures ? 1 : 0;
}

const char *weights_path(void)
{
    return path;
}

void weights_fail(const char *what, const char *got)
{
    printf("%s: %s\n", what, got);
    weights_failures++;
}

int weights_index(const struct telu_tensor *t, int count, const char *name)
{
    int i = telu_tensor_find(t, count, name);

    if (i >= 0)
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

struct weights_file weights_make(const struct telu_config *cfg, const char *config, int filled)
{
    struct weights_file f = { g_string_new(NULL), g_byte_array_new() };
    GRand *rng = g_rand_new_with_seed(1);
    size_t end = 0;

    f.tensor = telu_tensor_list(cfg, NULL, &f.count);
    f.at = g_new0(size_t, f.count);
    g_string_append(f.header, "{\"__metadata__\":{\"format\":\"telucodec\","
                    "\"version\":\"4\",\"config\":\"");
    g_string_append(f.header, config);
    g_string_append(f.header, "\",\"model_id\":\"MODEL_ID\",\"licence\":\"none\"}");
    for (int i = 0; i < f.count; i++) {
        const struct telu_tensor *t = &f.tensor[i];
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

void weights_free(struct weights_file *f)
{
    g_string_free(f->header, TRUE);
    g_byte_array_unref(f->data);
    g_free(f->at);
    free(f->tensor);
}

char *weights_id(const struct weights_file *f)
{
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, f->data->data, f->data->len);
}

GByteArray *weights_bytes(const struct weights_file *f)
{
    GByteArray *out = g_byte_array_new();
    char *id = weights_id(f);
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

void weights_write(const void *data, size_t n)
{
    FILE *out = fopen(path, "wb");

    if (!out || fwrite(data, 1, n, out) != n || fclose(out)) {
        perror(path);
        exit(1);
    }
}

void weights_refused(const char *name, const char *word)
{
    struct telu_model *m = telu_model_open(path);
    const char *why = telu_error();
    const enum telu_status status = telu_error_status();
    const enum telu_status want = strstr(name, "no file") ? TELU_ERR_IO :
        g_str_has_prefix(name, "version") ? TELU_ERR_VERSION : TELU_ERR_FORMAT;

    if (m) {
        printf("%s: taken, expected an error with '%s'\n", name, word);
        weights_failures++;
    } else if (!strstr(why, path) || !strstr(why, word) ||
               (*word && !strstr(why, "expected"))) {
        printf("%s: '%s', expected the file's name, '%s' and 'expected'\n", name, why,
               word);
        weights_failures++;
    } else if (status != want) {
        printf("%s: status %d, expected %d\n", name, (int)status, (int)want);
        weights_failures++;
    }
    telu_model_close(m);
}

void weights_bytes_refused(const char *name, const void *data, size_t n, const char *word)
{
    weights_write(data, n);
    weights_refused(name, word);
}

void weights_file_refused(const char *name, const struct weights_file *f, const char *word)
{
    GByteArray *b = weights_bytes(f);

    weights_bytes_refused(name, b->data, b->len, word);
    g_byte_array_unref(b);
}
