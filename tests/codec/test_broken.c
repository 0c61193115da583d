/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_broken.c - a weight file that is cut, longer than it says, wrong in its header or damaged in
 * any bit is refused, with a message that names the file, the field and what was expected, before
 * memory for what it claims is asked for. */
#include "weights_edits.h"
#include "weights_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Bad headers -------------------------------------------------------- */

static void check_edits(const struct weights_file *good)
{
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        struct weights_file f = *good;

        f.header = g_string_new(good->header->str);
        if (!g_string_replace(f.header, edits[i].find, edits[i].put, 1)) {
            printf("%s: '%s' is not in the header\n", edits[i].name, edits[i].find);
            weights_failures++;
        }
        weights_file_refused(edits[i].name, &f, edits[i].word);
        g_string_free(f.header, TRUE);
    }
}

static void check_nesting(const struct weights_file *good)
{
    struct weights_file f = *good;
    GString *deep = g_string_new("\"enc.in.b\":");

    f.header = g_string_new(good->header->str);
    for (int i = 0; i < 400000; i++)
        g_string_append_c(deep, '[');
    g_string_replace(f.header, "\"enc.in.b\":", deep->str, 1);
    weights_file_refused("nested", &f, "deeper");
    g_string_free(f.header, TRUE);
    g_string_free(deep, TRUE);
}

/* --- Bad lengths -------------------------------------------------------- */

static void check_lengths(const struct weights_file *good)
{
    static const uint64_t lengths[] = { 0, 1, (1 << 20) + 1, 1ull << 32, 1ull << 63,
                                        UINT64_MAX };
    GByteArray *b = weights_bytes(good);
    const size_t data = b->len - good->data->len;
    const size_t cuts[] = { 0, 1, 7, 8, 9, data - 1, data, data + 1, b->len - 1 };

    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++)
        weights_bytes_refused("cut", b->data, cuts[i], "ends after");
    for (int i = 1; i < good->count; i++)
        weights_bytes_refused("cut at a tensor", b->data, data + good->at[i], "ends after");
    g_byte_array_append(b, (const uint8_t *)"", 1);
    weights_bytes_refused("a byte too many", b->data, b->len, "after the last");
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        for (int k = 0; k < 8; k++)
            b->data[k] = lengths[i] >> 8 * k;
        weights_bytes_refused("length of the header", b->data, b->len, "length of the header");
    }
    for (int d = -2; d <= 2; d++) {
        const uint64_t n = data - 8 + d;

        for (int k = 0; k < 8; k++)
            b->data[k] = n >> 8 * k;
        weights_bytes_refused("header off by a little", b->data, b->len, "");
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
    struct weights_file f = weights_make(&large, LARGE_CONFIG, 0);
    GByteArray *b = weights_bytes(&f);
    int status = -1;
    pid_t child;

    weights_write(b->data, b->len);
    child = fork();
    if (child == 0) {
        const rlim_t most = data_in_use() + (64 << 20);
        const struct rlimit limit = { most, most };

        weights_failures = 0;
        setrlimit(RLIMIT_DATA, &limit);
        weights_refused("claim of a large network", "tensor data ends after 0 bytes");
        fflush(stdout);
        _exit(weights_failures != 0);
    }
    waitpid(child, &status, 0);
    if (status) {
        printf("claim of a large network: status %x of the child, expected 0\n", status);
        weights_failures++;
    }
    g_byte_array_unref(b);
    weights_free(&f);
}

/* --- Damage ------------------------------------------------------------- */

/* Whatever a flip hits, the file is refused or is still the same model. */
static void check_flips(const struct weights_file *good)
{
    GByteArray *b = weights_bytes(good);
    const size_t header = b->len - good->data->len;
    GRand *rng = g_rand_new_with_seed(2);
    char *id = weights_id(good);

    for (int i = 0; i < 600; i++) {
        const size_t at = i < 400 ? g_rand_int_range(rng, 0, header)
                                  : g_rand_int_range(rng, 0, b->len);
        const uint8_t was = b->data[at];
        struct telu_model *m;

        b->data[at] ^= 1 << g_rand_int_range(rng, 0, 8);
        weights_write(b->data, b->len);
        m = telu_model_open(weights_path());
        if (m ? at >= header || strcmp(telu_model_id(m), id)
              : !strstr(telu_error(), weights_path())) {
            printf("flip at byte %zu: %s\n", at, m ? "taken" : telu_error());
            weights_failures++;
        }
        telu_model_close(m);
        b->data[at] = was;
    }
    g_free(id);
    g_rand_free(rng);
    g_byte_array_unref(b);
}

int main(void)
{
    struct weights_file good = weights_make(&weights_tiny, WEIGHTS_TINY_CONFIG, 1);

    weights_begin();
    weights_refused("no file", "expected a weight file");
    check_edits(&good);
    check_nesting(&good);
    check_lengths(&good);
    check_claims();
    check_flips(&good);
    weights_free(&good);
    return weights_end();
}
