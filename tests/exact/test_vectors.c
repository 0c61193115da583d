/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_vectors.c - decodes the test vectors to the promised samples, and encodes them anew to the
 * same bytes, on whatever CPU this runs:
 *
 *   test_vectors FOLDER MODEL=WEIGHTS ...      MODEL: tiny or te
 */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct { char sum[65], name[32]; } sums[64];
static int sum_count, failures, compared;

static void read_sums(const char *folder)
{
    char path[4096], line[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/vectors.sha256", folder);
    f = fopen(path, "r");
    if (!f)
        vector_fail("cannot open %s", path);
    while (fgets(line, sizeof(line), f) && sum_count < (int)(sizeof(sums) / sizeof(*sums)))
        if (*line != '#' &&
            sscanf(line, "%64s %31s", sums[sum_count].sum, sums[sum_count].name) == 2)
            sum_count++;
    fclose(f);
}

static void check_sum(const char *name, const char *end, const char *got)
{
    char file[64];

    snprintf(file, sizeof(file), "%s%s.f32", name, end);
    for (int i = 0; i < sum_count; i++)
        if (!strcmp(sums[i].name, file)) {
            compared++;
            if (!strcmp(sums[i].sum, got))
                return;
            printf("vectors: the SHA-256 of %s is %s, expected %s" VECTOR_REMAKE "\n", file, got,
                   sums[i].sum);
            failures++;
            return;
        }
    printf("vectors: %s is not in vectors.sha256\n", file);
    failures++;
}

static void check_packets(const char *name, const struct vector_stream *got,
                          const struct vector_stream *want)
{
    for (int i = 0; i < VECTOR_PACKETS; i++)
        if (got->size[i] != want->size[i] ||
            memcmp(got->packet[i], want->packet[i], (size_t)got->size[i])) {
            printf("vectors: packet %d of %s is coded to other bytes, %d of them, expected %d"
                   VECTOR_REMAKE "\n", i, name, got->size[i], want->size[i]);
            failures++;
            return;
        }
}

static void check_model(const char *folder, const char *model, const char *weights)
{
    static struct vector_stream want, got;
    static float x[VECTOR_SAMPLES], y[VECTOR_SAMPLES];
    struct telu_model *m = telu_model_open(weights);
    char sum[65];

    if (!m)
        vector_fail("%s", weights);
    vector_sound(x, sum, m, folder, model);
    if (*sum)
        check_sum(VECTOR_SPEECH, "", sum);
    for (int i = 0; i < vector_count; i++) {
        const char *name = vectors[i].name;

        if (!vector_of(name, model))
            continue;
        vector_read(&want, m, folder, name);
        vector_decode(y, sum, m, &want, 0);
        check_sum(name, "", sum);
        vector_decode(y, sum, m, &want, 1);
        check_sum(name, "-lost", sum);
        vector_encode(&got, m, &vectors[i].rate, x);
        check_packets(name, &got, &want);
    }
    telu_model_close(m);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        printf("usage: test_vectors FOLDER MODEL=WEIGHTS ...\n");
        return 1;
    }
    read_sums(argv[1]);
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (!equals)
            vector_fail("%s: expected MODEL=WEIGHTS", argv[i]);
        *equals = 0;
        check_model(argv[1], argv[i], equals + 1);
    }
    printf("vectors: %d sums compared, %d failures\n", compared, failures);
    return failures || !compared;
}
