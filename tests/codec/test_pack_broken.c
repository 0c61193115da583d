/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_pack_broken.c WEIGHTS - a weight file of integers that is damaged, wrong in its header or
 * hostile in its values is refused with the reason. */
#include "export.h"
#include "pack.h"
#include "weights_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct telu_weights packed;
static char *file;             /* the packed file */
static gsize size;

/* --- Hostile values, with a right sum ------------------------------------ */

/* Replaces n bytes of a tensor at `at`; the file is refused with `word`. */
static void value_refused(const char *name, size_t at, const void *value, size_t n,
                          const char *word)
{
    struct telu_weights w = packed;
    const int i = weights_index(packed.tensor, packed.count, name);
    char *bytes = (char *)w.blob[i].data + at, was[4];

    memcpy(was, bytes, n);
    memcpy(bytes, value, n);
    telu_weights_sum(&w, w.sum);
    if (export_integers(weights_path(), &w, NULL, 0))
        weights_fail(name, telu_error());
    weights_refused(name, word);
    memcpy(bytes, was, n);
}

/* A row of zeros whose scale alone would overflow: infinity times 0. */
static void check_empty_row(void)
{
    const int i = weights_index(packed.tensor, packed.count, "dec.0.up.w");
    const int inputs = packed.tensor[i].shape[1];
    int8_t *row = (int8_t *)packed.blob[i].data, *was = g_memdup2(row, (gsize)inputs);
    static const float most = 3e38f;

    memset(row, 0, (size_t)inputs);
    value_refused("dec.0.up.s", 0, &most, 4, "dec.0.up.w: numbers behind it may reach");
    memcpy(row, was, (size_t)inputs);
    g_free(was);
}

static void check_values(void)
{
    static const uint32_t bad[] = { 0x7fc00000, 0x7f800000, 0xff800000 };
    static const int8_t least = -128;
    static const float negative = -1e-3f, large = 1e20f;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        value_refused("enc.in.s", 4, &bad[i], 4, "tensor enc.in.s: element 1 is not finite");
    value_refused("post.out.s", 0, &negative, 4, "post.out.s: element 0 is -0.001, expected");
    value_refused("dec.value.w", 5, &least, 1, "dec.value.w: element 5 is -128, expected -127 to");
    value_refused("dec.scale.s", 8, &large, 4, "dec.scale.w: numbers behind it may reach");
    check_empty_row();
}

/* --- Headers and damage -------------------------------------------------- */

/* Replaces `find` by `put` in the header of a file; it is refused with `word`. */
static void edit_refused(const char *name, const char *bytes, gsize n, const char *find,
                         const char *put, const char *word)
{
    guint64 header;
    GString *text;
    GByteArray *all = g_byte_array_new();

    memcpy(&header, bytes, 8);
    text = g_string_new_len(bytes + 8, (gssize)header);
    if (!g_string_replace(text, find, put, 1))
        weights_fail(name, "is not in the header");
    header = text->len;
    g_byte_array_append(all, (const uint8_t *)&header, 8);
    g_byte_array_append(all, (const uint8_t *)text->str, (guint)text->len);
    memcpy(&header, bytes, 8);
    g_byte_array_append(all, (const uint8_t *)bytes + 8 + header, (guint)(n - 8 - header));
    weights_bytes_refused(name, all->data, all->len, word);
    g_byte_array_unref(all);
    g_string_free(text, TRUE);
}

static void check_headers(const char *from)
{
    char *id = g_strndup(g_strstr_len(file + 8, 4096, "\"model_id\":\"") + 12, 64), *plain;
    gsize n;

    edit_refused("matrix of floats", file, size, "\"enc.in.w\":{\"dtype\":\"I8\"",
                 "\"enc.in.w\":{\"dtype\":\"BF16\"", "enc.in.w: dtype is 'BF16', expected I8");
    edit_refused("shape", file, size, "\"dec.in.w\":{\"dtype\":\"I8\",\"shape\":[",
                 "\"dec.in.w\":{\"dtype\":\"I8\",\"shape\":[1", "dec.in.w: shape[0] is 1");
    edit_refused("no scales", file, size, "\"dec.in.s\"", "\"dec.in.t\"",
                 "dec.in.s is missing, expected it in the header");
    edit_refused("no sum", file, size, "\"weights_sha256\"", "\"weights_sha255\"",
                 "weights_sha256 is missing");
    edit_refused("another id", file, size, id,
                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                 "weights_sha256 is");
    edit_refused("integers of version 4", file, size, "\"version\":\"5\"", "\"version\":\"4\"",
                 "enc.in.w: dtype is 'I8', expected BF16");
    g_free(id);
    if (!g_file_get_contents(from, &plain, &n, NULL))
        exit(1);
    edit_refused("integers that are floats", plain, n, "\"version\": \"4\"", "\"version\": \"5\"",
                 "weights_sha256 is missing");
    g_free(plain);
}

/* Any flip in the tensors is refused; one in the header may only change texts. */
static void check_flips(const char *from)
{
    struct telu_model *good = telu_model_open(from);
    GRand *rng = g_rand_new_with_seed(2);
    guint64 header;

    memcpy(&header, file, 8);
    for (int i = 0; i < 400; i++) {
        const gsize at = (gsize)g_rand_int_range(rng, 0, (gint32)(i < 250 ? header + 8 : size));
        const char was = file[at];
        struct telu_model *m;

        file[at] ^= (char)(1 << g_rand_int_range(rng, 0, 8));
        weights_write(file, size);
        m = telu_model_open(weights_path());
        if (m ? at >= header + 8 || strcmp(m->id, good->id) ||
                memcmp(m->arena, good->arena, good->arena_bytes)
              : !strstr(telu_error(), weights_path())) {
            printf("flip at byte %zu: %s\n", (size_t)at, m ? "taken" : telu_error());
            weights_failures++;
        }
        telu_model_close(m);
        file[at] = was;
    }
    telu_model_close(good);
    g_rand_free(rng);
}

int main(int argc, char **argv)
{
    char id[65];

    weights_begin();
    if (argc != 2 || pack_weights(argv[1], weights_path(), id) ||
        telu_weights_open(&packed, weights_path()) ||
        !g_file_get_contents(weights_path(), &file, &size, NULL)) {
        printf("usage: test_pack_broken WEIGHTS: %s\n", telu_error());
        return 1;
    }
    check_values();
    check_headers(argv[1]);
    check_flips(argv[1]);
    g_free(file);
    telu_weights_close(&packed);
    return weights_end();
}
