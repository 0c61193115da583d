/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_weights.c - hostile weight files. With libFuzzer (-fsanitize=fuzzer -DFUZZER) an entry for
 * it; else a program: WEIGHTS COUNT [SEED], which runs COUNT mutations of the file's header. */
#include "error.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *f = size ? fmemopen((void *)data, size, "rb") : NULL;
    struct telu_weights w;
    struct telu_model *m;

    if (!f)
        return 0;
    telu_fail_status(TELU_OK, "none");
    if (telu_weights_read(&w, f)) {
        if (telu_error_status() == TELU_OK || !strcmp(telu_error(), "none"))
            abort();           /* refused without a reason */
    } else {
        m = telu_weights_model(&w);
        telu_model_close(m);
        telu_weights_close(&w);
    }
    fclose(f);
    return 0;
}

#ifndef FUZZER
#define MORE 512               /* bytes by which a mutation may lengthen the header */

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

/* Replaces `cut` bytes at `at` of text [n] by put [k]; returns the new length. */
static size_t splice(uint8_t *text, size_t n, size_t at, size_t cut, const void *put, size_t k)
{
    cut = cut < n - at ? cut : n - at;
    memmove(text + at + k, text + at + cut, n - at - cut);
    memcpy(text + at, put, k);
    return n - cut + k;
}

static size_t mutate(uint8_t *text, size_t n)
{
    static const char *const put[] = {
        "\"", "\\", "\\u0000", "\\ud800", "\\ud83d\\ude00", "{", "}", "[", "]", ",", ":", "-",
        "0", "1e9", ".", "18446744073709551615", "18446744073709551616", "null", "true", " ",
        "\xff", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "[[[[[[[[[", "\"dim\":[]", "",
    };
    const size_t at = random_below((uint32_t)n);
    const char *with = put[random_below(sizeof(put) / sizeof(*put))];
    uint8_t part[64];

    switch (random_below(4)) {
    case 0:
        text[at] ^= (uint8_t)(1u << random_below(8));
        return n;
    case 1:
        return splice(text, n, at, random_below(12), with, strlen(with));
    case 2:
        memcpy(part, text + random_below((uint32_t)(n - sizeof(part))), sizeof(part));
        return splice(text, n, at, random_below(64), part, 1 + random_below(sizeof(part)));
    default:
        return splice(text, n, at, 0, with, strlen(with));
    }
}

static void run(const uint8_t *file, size_t size, size_t header)
{
    uint8_t *bytes = malloc(size + MORE);
    size_t n = header;

    if (!bytes)
        exit(1);
    memcpy(bytes, file, 8 + header);
    for (uint32_t k = 1 + random_below(4); k; k--)
        n = mutate(bytes + 8, n);
    if (random_below(8))       /* else the length is a lie */
        for (int i = 0; i < 8; i++)
            bytes[i] = (uint8_t)((uint64_t)n >> 8 * i);
    memcpy(bytes + 8 + n, file + 8 + header, size - 8 - header);
    LLVMFuzzerTestOneInput(bytes, 8 + n + size - 8 - header);
    free(bytes);
}

int main(int argc, char **argv)
{
    static uint8_t file[1 << 22];
    FILE *f = argc > 2 ? fopen(argv[1], "rb") : NULL;
    const size_t size = f ? fread(file, 1, sizeof(file), f) : 0;
    uint64_t header = 0;
    int count = argc > 2 ? atoi(argv[2]) : 0;

    if (argc > 3)
        seed = (uint32_t)atoi(argv[3]) | 1;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | file[i];
    if (size < 512 || header < 256 || header > size - 8) {
        fprintf(stderr, "usage: fuzz_weights WEIGHTS COUNT [SEED]\n");
        return 1;
    }
    fclose(f);
    while (count-- > 0)
        run(file, size, header);
    printf("fuzz_weights: the last reason was: %s\n", telu_error());
    return 0;
}
#endif
