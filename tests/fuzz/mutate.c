/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mutate.c WEIGHTS COUNT [SEED] - gives fuzz_weights.c COUNT mutations of the file's header. */
#include "error.h"
#include "fuzz_header.h"

#define MORE 512               /* bytes by which a mutation may lengthen the header */

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

static size_t mutate(uint8_t *text, size_t n)
{
    const size_t at = random_below((uint32_t)n);
    const char *with = edits_put[random_below(EDITS_PUT)];
    uint8_t part[64];

    switch (random_below(4)) {
    case 0:
        text[at] ^= (uint8_t)(1u << random_below(8));
        return n;
    case 1:
        return edits_splice(text, n, at, random_below(12), with, strlen(with));
    case 2:
        memcpy(part, text + random_below((uint32_t)(n - sizeof(part))), sizeof(part));
        return edits_splice(text, n, at, random_below(64), part, 1 + random_below(sizeof(part)));
    default:
        return edits_splice(text, n, at, 0, with, strlen(with));
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
        fprintf(stderr, "usage: mutate WEIGHTS COUNT [SEED]\n");
        return 1;
    }
    fclose(f);
    while (count-- > 0)
        run(file, size, header);
    printf("mutate: the last reason was: %s\n", telu_error());
    return 0;
}
