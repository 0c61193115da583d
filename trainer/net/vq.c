/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vq.c - see vq.h. */
#include "vq.h"

#include "constants.h"
#include "target_clones.h"
#include "gemm.h"
#include "memory.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TILE 64                /* rows whose distances fit into the cache */
#define LANES 16

_Static_assert(TELU_MAX_STAGES < 32, "vq->ready has a bit for each stage");

/* Fills rows (D, L) with random vectors; Gram-Schmidt makes each group of up to L rows
 * orthonormal. */
static void orthonormal(float *rows, int D, int L, struct rng *rng)
{
    for (int d = 0; d < D; d++) {
        float *x = rows + (size_t)d * L;

        for (int i = 0; i < L; i++)
            x[i] = rng_normal(rng);
        for (int k = d / L * L; k < d; k++) {
            const float *y = rows + (size_t)k * L;

            cblas_saxpy(L, -cblas_sdot(L, x, 1, y, 1), y, 1, x, 1);
        }
        cblas_sscal(L, 1.0f / cblas_snrm2(L, x, 1), x, 1);
    }
}

static void project(struct vq_stage *st, int L, struct rng *rng)
{
    orthonormal(st->in_w->w, st->dim, L, rng);
    for (int i = 0; i < L; i++)
        for (int d = 0; d < st->dim; d++)
            st->out_w->w[i * st->dim + d] = st->in_w->w[d * L + i];
    memset(st->in_b->w, 0, sizeof(float) * st->dim);
    memset(st->out_b->w, 0, sizeof(float) * L);
}

struct vq *vq_new(const struct telu_config *cfg, struct params *p, struct rng *rng)
{
    struct vq *v = zeroed(sizeof(*v));
    float *at;

    v->stages = cfg->stages;
    v->codes = cfg->codes;
    v->latent = cfg->latent;
    for (int s = 0; s < v->stages; s++)
        v->state_total += (size_t)v->codes * (1 + cfg->dim[s]);
    at = v->state = floats(v->state_total);
    v->hits = zeroed(sizeof(*v->hits) * v->stages * v->codes);
    for (int s = 0; s < v->stages; s++) {
        struct vq_stage *st = &v->s[s];

        st->dim = cfg->dim[s];
        st->in_w = params_get(p, "vq", s, "in.w");
        st->in_b = params_get(p, "vq", s, "in.b");
        st->out_w = params_get(p, "vq", s, "out.w");
        st->out_b = params_get(p, "vq", s, "out.b");
        st->book = params_get(p, "vq", s, "book");
        st->count = at;
        st->total = at += v->codes;
        at += (size_t)v->codes * st->dim;
        st->hits = v->hits + (size_t)s * v->codes;
        project(st, v->latent, rng);
    }
    v->rng.key = rng_next(rng);
    v->got.energy = floats(1 + (size_t)v->codes * TELU_MAX_DIM);
    v->got.row = v->got.energy + 1;
    v->got.count = floats((size_t)v->codes * (1 + TELU_MAX_DIM));
    v->got.sum = v->got.count + v->codes;
    return v;
}

static void release_rows(struct vq *v)
{
    for (int s = 0; s < v->stages; s++) {
        free(v->s[s].z);
        free(v->s[s].q);
        free(v->s[s].r);
    }
    free(v->index);
    free(v->energy);
    free(v->dr);
    free(v->de);
    free(v->dz);
    free(v->e);
}

static void reserve(struct vq *v, int rows)
{
    size_t wide = (size_t)rows * v->latent;

    if (rows <= v->rows)
        return;
    release_rows(v);
    v->rows = rows;
    for (int s = 0; s < v->stages; s++) {
        v->s[s].z = floats((size_t)rows * v->s[s].dim);
        v->s[s].q = floats((size_t)rows * v->s[s].dim);
        v->s[s].r = floats(wide);
    }
    v->index = zeroed(sizeof(*v->index) * v->stages * rows);
    v->energy = floats(rows);
    v->dr = floats(wide);
    v->de = floats(wide);
    v->dz = floats((size_t)rows * TELU_MAX_DIM);
    v->e = floats(wide);
}

void vq_free(struct vq *v)
{
    if (!v)
        return;
    release_rows(v);
    free(v->hits);
    free(v->got.energy);
    free(v->got.count);
    free(v->state);
    free(v);
}

/* Returns the index of the lowest of n values; n is a power of two. */
TELU_TARGET_CLONES
static int32_t lowest(const float *d, int n)
{
    float best[LANES];
    int32_t at[LANES], found = 0;
    int whole = n - n % LANES;

    if (whole == 0) {
        for (int i = 1; i < n; i++)
            if (d[i] < d[found])
                found = i;
        return found;
    }
    for (int j = 0; j < LANES; j++) {
        best[j] = d[j];
        at[j] = j;
    }
    for (int i = LANES; i < whole; i += LANES)
        for (int j = 0; j < LANES; j++) {
            int less = d[i + j] < best[j];

            best[j] = less ? d[i + j] : best[j];
            at[j] = less ? i + j : at[j];
        }
    for (int j = 1; j < LANES; j++)
        if (best[j] < best[found])
            found = j;
    return at[found];
}

/* Finds the code with the least |b|^2 - 2 z b: |z - b|^2 without |z|^2, which all codes
 * share. */
static void search(int32_t *index, const float *z, const float *book, int R, int N,
                   int D)
{
    static _Thread_local float d[TILE * TELU_MAX_CODES];
    float norm[TELU_MAX_CODES];

    for (int n = 0; n < N; n++)
        norm[n] = cblas_sdot(D, book + (size_t)n * D, 1, book + (size_t)n * D, 1);
    for (int r = 0; r < R; r += TILE) {
        int m = R - r < TILE ? R - r : TILE;

        for (int i = 0; i < m; i++)
            memcpy(d + (size_t)i * N, norm, sizeof(float) * N);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, N, D, -2.0f,
                    z + (size_t)r * D, D, book, D, 1.0f, d, N);
        for (int i = 0; i < m; i++)
            index[r + i] = lowest(d + (size_t)i * N, N);
    }
}

static int items_with(const int *stages, int B, int s)
{
    int n = 0;

    while (n < B && stages[n] > s)
        n++;
    return n;
}

/* Returns this rank's row that is row `at` of all ranks, or -1 when another has it. */
static long own_row(const struct vq *v, uint32_t at, int T)
{
    int ranks = reduce_ranks(v->reduce), rank = v->reduce ? v->reduce->rank : 0;
    uint32_t item = at / T;

    return (int)(item % ranks) == rank ? (long)(item / ranks) * T + at % T : -1;
}

/* Gathers before the search: R rows here, `all` over all ranks. */
static void gather_rows(struct vq *v, int s, int R, uint32_t all, int T)
{
    struct vq_stage *st = &v->s[s];
    int D = st->dim;

    *v->got.energy = cblas_sdot(R * D, st->z, 1, st->z, 1);
    for (int c = 0; c < v->codes; c++) {
        long r = own_row(v, counter_rng_below(counter_rng_bits(v->rng, s, c, 0), all), T);
        float *to = v->got.row + (size_t)c * D;

        if (r < 0)
            memset(to, 0, sizeof(float) * D);
        else
            memcpy(to, st->z + (size_t)r * D, sizeof(float) * D);
    }
    reduce_sum(v->reduce, v->got.energy, 1 + (size_t)v->codes * D);
}

/* Gathers after the search. */
static void gather_choices(struct vq *v, const struct vq_stage *st,
                           const int32_t *index, int R)
{
    struct vq_gathered *g = &v->got;
    int D = st->dim;

    memset(g->count, 0, sizeof(float) * v->codes * (1 + D));
    for (int r = 0; r < R; r++) {
        float *sum = g->sum + (size_t)index[r] * D;

        g->count[index[r]] += 1.0f;
        for (int d = 0; d < D; d++)
            sum[d] += st->z[(size_t)r * D + d];
    }
    reduce_sum(v->reduce, g->count, (size_t)v->codes * (1 + D));
}

/* Moves a code to the row drawn for it. */
static void put_code(struct vq *v, int s, int code, float count)
{
    struct vq_stage *st = &v->s[s];

    for (int d = 0; d < st->dim; d++) {
        size_t at = (size_t)code * st->dim + d;
        float noise = counter_rng_normal(counter_rng_bits(v->rng, s, code, 1 + d));
        float x = v->got.row[at] + CODE_NOISE * noise;

        st->book->w[at] = x;
        st->total[at] = x * count;
    }
    st->count[code] = count;
}

/* Updates the running mean of the rows assigned to each code; dead codes restart on
 * random rows. */
static void learn(struct vq *v, int s, uint32_t all, float decay)
{
    struct vq_stage *st = &v->s[s];
    float w = 1.0f - decay, fair = (float)all / (float)v->codes;

    for (int c = 0; c < v->codes; c++) {
        size_t at = (size_t)c * st->dim;

        st->hits[c] += (uint32_t)v->got.count[c];
        st->count[c] = decay * st->count[c] + w * v->got.count[c];
        if (st->count[c] < CODE_DEAD * fair) {
            put_code(v, s, c, CODE_REBORN * fair);
            v->restarts++;
            continue;
        }
        for (int d = 0; d < st->dim; d++) {
            st->total[at + d] = decay * st->total[at + d] + w * v->got.sum[at + d];
            st->book->w[at + d] = st->total[at + d] / (st->count[c] + CODE_EPS);
        }
    }
}

/* Counts the rows of all ranks that reach each stage. */
static void count_rows(const struct vq *v, uint32_t *all, const int *stages, int B,
                       int T)
{
    float rows[TELU_MAX_STAGES];

    for (int s = 0; s < v->stages; s++)
        rows[s] = (float)(items_with(stages, B, s) * T);
    reduce_sum(v->reduce, rows, v->stages);
    for (int s = 0; s < v->stages; s++)
        all[s] = (uint32_t)rows[s];
}

/* Returns the sum over items of mean (z - q)^2 / energy. */
static double commitment(const struct vq *v, const struct vq_stage *st, int items,
                         int T)
{
    double sum = 0.0;
    int n = T * st->dim;

    for (int b = 0; b < items; b++) {
        const float *z = st->z + (size_t)b * n, *q = st->q + (size_t)b * n;
        double error = 0.0;

        for (int i = 0; i < n; i++)
            error += (double)(z[i] - q[i]) * (z[i] - q[i]);
        sum += error / n * v->energy[b];
    }
    return sum;
}

static void measure_energy(struct vq *v, const struct vq_stage *st, int B, int T)
{
    int n = T * st->dim;

    for (int b = 0; b < B; b++) {
        const float *z = st->z + (size_t)b * n;

        v->energy[b] = 1.0f / (cblas_sdot(n, z, 1, z, 1) / (float)n + ENERGY_EPS);
    }
}

double vq_forward(struct vq *v, float *sum, const float *x, const int *stages, int B,
                  int T, float decay)
{
    double commit = 0.0;
    int learning = decay > 0.0f;
    uint32_t all[TELU_MAX_STAGES] = { 0 };

    reserve(v, B * T);
    if (learning)
        count_rows(v, all, stages, B, T);
    memset(sum, 0, sizeof(float) * B * T * v->latent);
    memcpy(v->s[0].r, x, sizeof(float) * B * T * v->latent);
    for (int s = 0; s < v->stages; s++) {
        struct vq_stage *st = &v->s[s];
        int items = items_with(stages, B, s), R = items * T, D = st->dim;
        int32_t *index = v->index + (size_t)s * v->rows;
        size_t wide = (size_t)R * v->latent;

        if (!R && !all[s])
            break;
        gemm_forward(st->z, st->r, st->in_w->w, st->in_b->w, R, v->latent, D);
        if (s == 0)
            measure_energy(v, st, B, T);
        if (learning)
            gather_rows(v, s, R, all[s], T);
        /* A value that is not finite would stay in a codebook for good. */
        learning = learning && isfinite(*v->got.energy);
        if (learning && !(v->ready >> s & 1)) {
            for (int c = 0; c < v->codes; c++)
                put_code(v, s, c, 1.0f);
            v->ready |= 1 << s;
        }
        search(index, st->z, st->book->w, R, v->codes, D);
        if (learning) {
            gather_choices(v, st, index, R);
            learn(v, s, all[s], decay);
        }
        for (int r = 0; r < R; r++)
            memcpy(st->q + (size_t)r * D, st->book->w + (size_t)index[r] * D,
                   sizeof(float) * D);
        if (v->bypass)
            memcpy(st->q, st->z, sizeof(float) * R * D);
        commit += commitment(v, st, items, T);
        gemm_forward(v->e, st->q, st->out_w->w, st->out_b->w, R, D, v->latent);
        cblas_saxpy((int)wide, 1.0f, v->e, 1, sum, 1);
        if (s + 1 < v->stages) {
            float *next = v->s[s + 1].r;

            for (size_t i = 0; i < wide; i++)
                next[i] = st->r[i] - v->e[i];
        }
    }
    if (decay > 0.0f)
        v->rng.step++;
    return commit / B;
}

void vq_backward(struct vq *v, float *dx, const float *dsum, const int *stages, int B,
                 int T, float commit, float size)
{
    float *dr = dx;

    memset(dr, 0, sizeof(float) * B * T * v->latent);
    for (int s = v->stages - 1; s >= 0; s--) {
        struct vq_stage *st = &v->s[s];
        int items = items_with(stages, B, s), R = items * T, D = st->dim;

        if (!R)
            continue;
        /* The gradient of e_s comes from the sum and, negated, from r_{s+1}. */
        for (size_t i = 0; i < (size_t)R * v->latent; i++)
            v->de[i] = dsum[i] - dr[i];
        gemm_backward(v->dz, 0.0f, st->out_w->g, st->out_b->g, v->de, st->q,
                      st->out_w->w, R, D, v->latent);
        for (int b = 0; b < items; b++) {
            float each = 2.0f / ((float)T * D * B), k = each * commit * v->energy[b];

            for (size_t i = (size_t)b * T * D; i < (size_t)(b + 1) * T * D; i++)
                v->dz[i] += k * (st->z[i] - st->q[i]) + each * size * st->z[i];
        }
        gemm_backward(dr, 1.0f, st->in_w->g, st->in_b->g, v->dz, st->r, st->in_w->w,
                      R, v->latent, D);
    }
}

void vq_use(const struct vq *v, float *share)
{
    for (int s = 0; s < v->stages; s++) {
        int used = 0;

        for (int c = 0; c < v->codes; c++)
            used += v->s[s].hits[c] > 0;
        share[s] = (float)used / v->codes;
    }
}

void vq_clear_use(struct vq *v)
{
    v->restarts = 0;
    memset(v->hits, 0, sizeof(*v->hits) * v->stages * v->codes);
}
