/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fit_code.c - counts the codes of the residual VQ: groups of code 0, frequencies of each stage in
 * each group, and what a bit is worth to the search (code.h). */
#include "fit.h"

#include "code.h"
#include "memory.h"
#include "pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rare codes need more speech than the other tables: this many times as much. */
#define MORE_SPEECH 7
#define FIRST_SHARE 4          /* the first round takes one in so many of it */
#define GROUPS      TELU_CODE_GROUPS
#define ITERATIONS  40         /* of k-means */

/* A bit is worth this share of a stage's mean distance. On 2,172 packets of held-out speakers it
 * saved 2 % of the bits of four and of eight codes at the same error of the latent. 0.04 saved 6
 * and 3 %, but soft, frequent codes sound worse: 0.03 cost 0.1 PESQ at 3.2 kbit/s. */
#define BIT_WORTH   0.01

struct code_job {
    const struct fit_cut *cut;
    struct fit_item *item;     /* codes alone stay */
    double *distance;          /* (items, stages), summed over packets */
    double *band;              /* (threads, codes, 21) envelope in 1/32 octave, summed by code 0 */
};

/* Adds the distances at which the search found the codes of one packet. */
static int add_distances(struct fit *f, double *distance, const float *latent, const int *codes)
{
    const struct telu_backend *be = f->ctx.be;
    const int width = f->cfg.latent;
    float r[TELU_MAX_WIDTH], z[TELU_MAX_DIM], v[TELU_MAX_WIDTH];

    memcpy(r, latent, width * sizeof(*r));
    for (int s = 0; s < f->cfg.stages; s++) {
        const struct telu_stage *st = &f->m->vq[s];
        const float *code = st->book + (size_t)codes[s] * st->dim;

        if (be->linear(&f->ctx, z, r, st->in, st->inb, 1, width, st->dim) ||
            be->linear(&f->ctx, v, code, st->out, st->outb, 1, st->dim, width))
            return -1;
        for (int d = 0; d < st->dim; d++)
            distance[s] += (double)(z[d] - code[d]) * (z[d] - code[d]);
        for (int i = 0; i < width; i++)
            r[i] -= v[i];
    }
    return 0;
}

static int code_clip(struct fit *f, int i, void *arg, int thread)
{
    const struct code_job *j = arg;
    struct fit_item *it = &j->item[i];
    double *band = j->band + (size_t)thread * f->cfg.codes * TELU_BANDS;
    int r = fit_item(f, it, &j->cut[i], 1);

    for (int p = 0; !r && p < it->packets; p++) {
        const int *codes = it->codes + p * f->cfg.stages;
        float e[TELU_BANDS];

        r = add_distances(f, j->distance + (size_t)i * f->cfg.stages,
                          it->latent + (size_t)p * f->cfg.latent, codes);
        fit_envelope_of(e, it->c + p * TELU_COEFS);
        for (int b = 0; b < TELU_BANDS; b++)
            band[(size_t)codes[0] * TELU_BANDS + b] += lround(e[b]);
    }
    free(it->c);
    free(it->latent);
    it->c = it->latent = NULL;
    return r;
}

/* --- Groups --------------------------------------------------------------- */

static double mean_of(const double *e)
{
    double sum = 0;

    for (int b = 0; b < TELU_BANDS; b++)
        sum += e[b] / TELU_BANDS;
    return sum;
}

static int nearest_group(const double center[GROUPS][TELU_BANDS], const double *e)
{
    double least = INFINITY;
    int best = 0;

    for (int g = 0; g < GROUPS; g++) {
        double sum = 0;

        for (int b = 0; b < TELU_BANDS; b++)
            sum += (e[b] - center[g][b]) * (e[b] - center[g][b]);
        if (sum < least) {
            least = sum;
            best = g;
        }
    }
    return best;
}

struct ranked {
    double level;
    int code;
};

static int by_level(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    return x->level != y->level ? (x->level > y->level) - (x->level < y->level)
                                : (x->code > y->code) - (x->code < y->code);
}

/* The first centres: codes at equal shares of the packets, in order of their level. */
static void first_centers(double center[GROUPS][TELU_BANDS], const double *e, const double *count,
                          int codes)
{
    struct ranked *rank = zeroed(codes * sizeof(*rank));
    double all = 0, seen = 0;
    int at = 0;

    for (int c = 0; c < codes; c++) {
        rank[c] = (struct ranked){ mean_of(e + c * TELU_BANDS), c };
        all += count[c];
    }
    qsort(rank, codes, sizeof(*rank), by_level);
    for (int g = 0; g < GROUPS; g++) {
        while (at < codes - 1 && seen + count[rank[at].code] < (g + 0.5) / GROUPS * all)
            seen += count[rank[at++].code];
        memcpy(center[g], e + rank[at].code * TELU_BANDS, sizeof(center[g]));
    }
    free(rank);
}

/* k-means over the envelopes e (codes, 21) of code 0, each with its count. */
static void fit_groups(struct fit *f, const double *e, const double *count)
{
    double center[GROUPS][TELU_BANDS], sum[GROUPS][TELU_BANDS], n[GROUPS];
    const int codes = f->cfg.codes;

    first_centers(center, e, count, codes);
    for (int i = 0; i <= ITERATIONS; i++) {
        memset(sum, 0, sizeof(sum));
        memset(n, 0, sizeof(n));
        for (int c = 0; c < codes; c++) {
            const int g = f->group[c] = (uint8_t)nearest_group(center, e + c * TELU_BANDS);

            n[g] += count[c];
            for (int b = 0; b < TELU_BANDS; b++)
                sum[g][b] += count[c] * e[c * TELU_BANDS + b];
        }
        for (int g = 0; g < GROUPS; g++)
            for (int b = 0; n[g] > 0 && b < TELU_BANDS; b++)
                center[g][b] = sum[g][b] / n[g];
    }
}

/* --- Frequencies ------------------------------------------------------------ */

/* Sets the frequencies of stage s, and returns the mean bits of its code. */
static double fit_stage(struct fit *f, const struct fit_item *item, int n, int s)
{
    const int codes = f->cfg.codes, stages = f->cfg.stages, rows = s ? GROUPS : 1;
    double *count = zeroed(sizeof(double) * codes * rows);
    double *all = zeroed(sizeof(double) * codes), *p = zeroed(sizeof(double) * codes);
    double *even = zeroed(sizeof(double) * codes), bits = 0, total = 0;
    uint16_t *freq = f->code + (size_t)(s ? 1 + (s - 1) * GROUPS : 0) * codes;

    for (int i = 0; i < n; i++)
        for (int k = 0; k < item[i].packets; k++) {
            const int *c = item[i].codes + k * stages;

            count[(s ? f->group[c[0]] : 0) * codes + c[s]]++;
            all[c[s]]++;
        }
    for (int c = 0; c < codes; c++)
        even[c] = 1.0 / codes;
    fit_back_off(p, all, even, codes);
    memcpy(all, p, sizeof(double) * codes);
    for (int r = 0; r < rows; r++, freq += codes) {
        fit_back_off(p, count + r * codes, all, codes);
        fit_to_freq(freq, p, codes);
        for (int c = 0; c < codes; c++) {
            bits += count[r * codes + c] * telu_frequency_cost(freq[c]) / 64;
            total += count[r * codes + c];
        }
    }
    free(count);
    free(all);
    free(even);
    free(p);
    return bits / total;
}

void fit_code_guess(struct fit *f)
{
    const int codes = f->cfg.codes;

    memset(f->group, 0, codes);
    for (int i = 0; i < TELU_CODE_ROWS(f->cfg.stages) * codes; i++)
        f->code[i] = (uint16_t)((1 << TELU_RANGE_BITS) / codes);
    for (int s = 0; s < f->cfg.stages; s++)
        f->lambda[s] = 0.0f;
    f->code_bits = log2(codes);
}

/* Turns what a round has counted into tables. */
static void set_tables(struct fit *f, const struct code_job *j, int n)
{
    const int codes = f->cfg.codes, stages = f->cfg.stages;
    double *count = zeroed(sizeof(double) * codes), packets = 0;

    fit_gather(j->band, sizeof(double) * codes * TELU_BANDS);
    for (int i = 0; i < n; i++) {
        for (int p = 0; p < j->item[i].packets; p++)
            count[j->item[i].codes[p * stages]]++;
        packets += j->item[i].packets;
    }
    for (int c = 0; c < codes; c++)
        for (int b = 0; b < TELU_BANDS; b++)
            j->band[c * TELU_BANDS + b] /= count[c] > 0 ? count[c] : 1;
    fit_groups(f, j->band, count);

    f->code_bits = 0;
    for (int s = 0; s < stages; s++) {
        double distance = 0;

        for (int i = 0; i < n; i++)
            distance += j->distance[i * stages + s];
        f->lambda[s] = (float)(BIT_WORTH * distance / packets / 64);
        f->code_bits += fit_stage(f, j->item, n, s) / stages;
    }
    free(count);
}

static int one_round(struct fit *f, const struct tables_clip *clips, int n_clips, int seconds)
{
    int n, r;
    struct fit_cut *cut = fit_cuts(f, clips, n_clips, seconds, &n);
    struct code_job j = {
        cut, zeroed((n + 1) * sizeof(*j.item)),
        zeroed(sizeof(double) * (n + 1) * f->cfg.stages),
        zeroed(sizeof(double) * pool_threads() * f->cfg.codes * TELU_BANDS),
    };

    r = fit_each(f, code_clip, &j, n);
    if (!r && n)
        set_tables(f, &j, n);
    for (int i = 0; i < n; i++)
        free(j.item[i].codes);
    free(j.item);
    free(j.distance);
    free(j.band);
    free(cut);
    return r;
}

/* The second round sees codes that were chosen with the first one's costs in mind, as an encoder
 * chooses them. */
int fit_code(struct fit *f, const struct tables_clip *clips, int n_clips)
{
    const int seconds = MORE_SPEECH * f->seconds;

    if (one_round(f, clips, n_clips, seconds / FIRST_SHARE) || fit_rebuild(f) ||
        one_round(f, clips, n_clips, seconds) || fit_rebuild(f))
        return -1;
    fit_say(f, "tables: codes, %.2f bits each on average", f->code_bits);
    return 0;
}
