/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_code.c - checks codes as range-coded symbols: they are read as written and take as many bits
 * as estimated, and the search minds that cost as code.h says. */
#include "backend.h"
#include "code.h"
#include "network.h"
#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void expect(const char *what, double got, double least, double most)
{
    if (!(got >= least && got <= most) && failures++ < 20)
        printf("%s is %g, expected %g to %g\n", what, got, least, most);
}

/* Draws S codes as the table expects them: code by code, from its row. */
static void draw(const struct telu_tables *t, int *codes, int S, uint32_t *seed)
{
    for (int s = 0; s < S; s++) {
        const uint16_t *f = t->code + (size_t)telu_code_row(t, s, codes[0]) * t->codes;
        int left = (int)(32768 * tiny_random(seed));

        for (codes[s] = 0; left >= f[codes[s]]; codes[s]++)
            left -= f[codes[s]];
    }
}

static void round_trip(const struct telu_model *m)
{
    const int many = 400, S = m->cfg.stages;
    double bytes = 0, cost = 0;
    uint32_t seed = 3;

    for (int i = 0; i < many; i++) {
        int codes[TELU_MAX_STAGES], got[TELU_MAX_STAGES], n = i % (S + 1);
        struct telu_range_enc e;
        struct telu_range_dec d;
        uint8_t out[64];
        size_t size;

        draw(&m->tab, codes, n, &seed);
        telu_range_enc_init(&e, out, sizeof(out));
        telu_code_put(&e, codes, n, &m->tab);
        size = telu_range_finish(&e);
        memset(out + size, 0, sizeof(out) - size);
        telu_range_dec_init(&d, out, sizeof(out));
        expect("codes read", telu_code_get(&d, got, n, &m->tab), n, n);
        expect("codes differ", memcmp(got, codes, sizeof(int) * n) != 0, 0, 0);
        telu_range_dec_init(&d, out, sizeof(out));
        expect("codes counted", telu_code_get(&d, NULL, n, &m->tab), n, n);

        telu_range_dec_init(&d, out, 0);
        expect("codes of nothing", telu_code_get(&d, got, n, &m->tab), 0, 0);
        bytes += (double)size;
        cost += telu_code_cost(codes, n, &m->tab) / 512.0;
    }
    /* An end within a byte: between nothing and one byte more than the ideal length. */
    expect("bytes written over those estimated", (bytes - cost) / many, -0.1, 1);
}

/* The row of a stage is that of code 0's group: other groups give other lengths. */
static void groups(const struct telu_model *m)
{
    const uint8_t *group = m->tab.group;
    int other = 1;

    while (other < m->cfg.codes - 1 && group[other] == group[0])
        other++;
    expect("row of stage 0", telu_code_row(&m->tab, 0, 5), 0, 0);
    expect("row of stage 1", telu_code_row(&m->tab, 1, 5), 1 + group[5], 1 + group[5]);
    expect("row of stage 3", telu_code_row(&m->tab, 3, 5), 33 + group[5], 33 + group[5]);
    expect("groups", group[other] != group[0], 1, 1);
}

/* Code of least distance + bias at stage s, over all of them and in double. */
static int best(const struct telu_model *m, const float *z, int s, int code0)
{
    const struct telu_stage *st = &m->vq[s];
    const float *bias = telu_code_bias(&m->tab, s, code0);
    double least = INFINITY;
    int at = 0;

    for (int c = 0; c < m->cfg.codes; c++) {
        double sum = bias[c];

        for (int d = 0; d < st->dim; d++)
            sum += (z[d] - st->book[c * st->dim + d]) * (z[d] - st->book[c * st->dim + d]);
        if (sum < least) {
            least = sum;
            at = c;
        }
    }
    return at;
}

/* The tables are made dear, so that cost decides often. */
static void search(struct telu_model *m)
{
    struct telu_ctx ctx = { telu_backend_cpu(), NULL };
    float *bias = (float *)m->tab.bias_of_code;
    int differ = 0, S = 3, rows = TELU_CODE_ROWS(m->cfg.stages), wrong = 0;
    double dear = 0, cheap = 0;
    uint32_t seed = 9;

    for (int i = 0; i < rows * m->cfg.codes; i++)
        bias[i] *= 20;
    for (int i = 0; i < 200; i++) {
        float latent[TELU_MAX_WIDTH], sum[TELU_MAX_WIDTH], z[TELU_MAX_DIM];
        int plain[TELU_MAX_STAGES], minded[TELU_MAX_STAGES], prefix;

        for (int k = 0; k < m->cfg.latent; k++)
            latent[k] = (float)(2 * tiny_random(&seed) - 1);
        if (telu_rvq_encode(&ctx, m, plain, S, &prefix, 0, 0, sum, latent) ||
            telu_rvq_encode(&ctx, m, minded, S, &prefix, 0, 1, sum, latent)) {
            printf("search: %s\n", telu_error());
            exit(1);
        }
        ctx.be->linear(&ctx, z, latent, m->vq[0].in, m->vq[0].inb, 1, m->cfg.latent, m->vq[0].dim);
        wrong += minded[0] != best(m, z, 0, 0);
        differ += memcmp(plain, minded, sizeof(int) * S) != 0;
        dear += telu_code_cost(plain, S, &m->tab);
        cheap += telu_code_cost(minded, S, &m->tab);
    }
    expect("codes of stage 0 that are not the best", wrong, 0, 0);
    expect("searches that cost changed", differ, 20, 200);
    expect("cost with it over cost without", cheap / dear, 0.5, 0.99);
}

int main(void)
{
    struct telu_config c = tiny_config();
    struct telu_model *m = tiny_model(&c, 1);

    if (!m) {
        printf("model: %s\n", telu_error());
        return 1;
    }
    round_trip(m);
    groups(m);
    search(m);
    telu_model_close(m);
    return failures > 0;
}
