/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codes.cu - the code search of rvq.c for live streams. Sums go in the CPU's order, and the
 * lowest index wins among equal distances: the same latent gives the CPU's codes and the CPU's
 * sum, bit for bit. A table holds the latent of each code, see rvq.cu.
 *
 * A row whose codes the range coder will write minds their cost: the sum begins with it.
 *
 * search_few gives each row its own block. Its cost is latency: each step waits for the one
 * before. So it prefetches the next stage's weights and codes while it compares distances.
 * search_many gives a block 16 rows, which share the codes that the block reads; a thread
 * handles four rows and four codes at a time.
 *
 * The codes determine the envelope, and so whether the refinement fits. If not, or if codes and
 * levels do not fit, the search goes on for the codes of a base-only packet.
 */
#include "coder.cuh"

#include "live.cuh"
#include "nearest.cuh"

/* State of one row that a block searches. */
struct search_row {
    int stages, bits;          /* codes to find; prefix bits of one more */
    int coded;                 /* 1: the search minds the cost of codes (code.h) */
    int open;                  /* 1: coded, not known yet whether that fits */
    int first;                 /* code of stage 0, once found */
};

static __device__ struct search_row search_begin(const struct telu_row *row)
{
    int on = row && row->enc_age >= 0;

    int coded = on && telu_encode_coded(&row->layers);

    return { on ? row->layers.stages : 0, on ? row->layers.prefix_bits : 0, coded, coded, 0 };
}

/* Returns what is added to the distances of a stage's codes, or NULL. */
static __device__ inline const float *search_bias(const struct search_row *a,
                                                  const struct telu_model *m, int stage)
{
    return a->coded ? telu_code_bias(&m->tab, stage, a->first) : NULL;
}

/* A warp decides whether the row's refinement and levels fit; if not, the packet becomes
 * base-only. */
static __device__ void search_settle(struct search_row *a, struct telu_row *row,
                                     const struct telu_model *m)
{
    const struct telu_budget budget = row->budget;

    telu_encode_settle(&budget, &row->layers, &row->bands, m);
    if (TELU_LANE == 0) {
        a->open = 0;
        a->stages = row->layers.stages;
        a->bits = row->layers.prefix_bits;
    }
}

/* A warp finds the prefix's node nearest to z, with element d at z[d * step], and adds its latent
 * to sum. Rare, so the code is kept short. */
static __device__ void search_node(const struct telu_stage *st, struct telu_row *row,
                                   const float *z, int step, float *sum, int latent,
                                   int first)
{
    int bits = row->layers.prefix_bits;
    struct nearest f = { INFINITY, 0 };

    for (int v = TELU_LANE; v < 1 << bits; v += LIVE_WARP) {
        const float *c = live_node(st, bits, v);
        float far = 0.0f;

        for (int d = 0; d < st->dim; d++) {
            float diff = z[d * step] - c[d];

            far += diff * diff;
        }
        keep_nearer(&f, far, v);
    }
    nearest_of_warp(&f);
    f.index = __shfl_sync(0xffffffffu, f.index, 0);
    if (TELU_LANE == 0)
        row->layers.prefix = f.index;
    for (int k = TELU_LANE; k < latent; k += LIVE_WARP)
        sum[k] = (first ? 0.0f : sum[k]) +
                 live_stage_output(st, live_node(st, bits, f.index), k);
}

/* --- Few rows -------------------------------------------------------------------- */

#define FEW_THREADS 256
#define FEW_WARPS   (FEW_THREADS / LIVE_WARP)
#define FEW_OWN     (TELU_MAX_WIDTH / FEW_THREADS)         /* channels of a thread, at most */
#define FEW_CODES   4          /* codes of a thread at a time */
#define FEW_DEEP    128        /* inputs of a projection at a time */
#define FEW_STEP    (FEW_DEEP + 2)         /* row stride of p: avoids bank conflicts */
#define FEW_AHEAD   8          /* prefetched elements of a thread's first codes */
#define FEW_WEIGHTS (FEW_AHEAD * FEW_DEEP / FEW_THREADS)   /* prefetched weights for them */

struct few_search {
    float r[TELU_MAX_WIDTH];
    float z[TELU_MAX_DIM];
    float p[TELU_MAX_DIM][FEW_STEP];
    struct nearest warps[FEW_WARPS];
    struct search_row row;
    struct telu_stage stage[TELU_MAX_STAGES + 1];
};

/* Prefetched values of a thread: weights and codes of the next stage. */
struct few_prefetched {
    float in[FEW_WEIGHTS], code[FEW_CODES][FEW_AHEAD];
};

static __device__ inline float few_weight(const struct telu_stage *st, int latent, int at,
                                          int from)
{
    int d = at / FEW_DEEP, k = from + at % FEW_DEEP;

    return d < st->dim && k < latent ? st->in[(size_t)d * latent + k] : 0.0f;
}

static __device__ inline void few_prefetch(struct few_prefetched *a, const struct telu_stage *st,
                                           int latent, int codes)
{
    const int t = threadIdx.x;

    #pragma unroll
    for (int q = 0; q < FEW_WEIGHTS; q++)
        a->in[q] = few_weight(st, latent, t + q * FEW_THREADS, 0);
    #pragma unroll
    for (int j = 0; j < FEW_CODES; j++)
        #pragma unroll
        for (int d = 0; d < FEW_AHEAD; d++)
            a->code[j][d] = d < st->dim && t + j * FEW_THREADS < codes
                ? st->tbook[(size_t)d * codes + t + j * FEW_THREADS] : 0.0f;
}

/* z = in(r): all threads multiply, then one thread per element adds. */
static __device__ inline void few_project(struct few_search *s, const struct few_prefetched *a,
                                          const struct telu_stage *st, int latent)
{
    const int t = threadIdx.x, mine = t < st->dim;
    const float *p = s->p[t % TELU_MAX_DIM];
    float sum = mine ? st->inb[t] : 0.0f;

    for (int from = 0; from < latent; from += FEW_DEEP) {
        const int deep = min(latent - from, FEW_DEEP);
        int at = t;

        if (from)
            __syncthreads();
        else
            #pragma unroll
            for (int q = 0; q < FEW_WEIGHTS; q++, at += FEW_THREADS)
                s->p[at / FEW_DEEP][at % FEW_DEEP] = s->r[at % FEW_DEEP] * a->in[q];
        #pragma unroll 8
        for (; at < st->dim * FEW_DEEP; at += FEW_THREADS)
            s->p[at / FEW_DEEP][at % FEW_DEEP] = s->r[from + at % FEW_DEEP] *
                                                 few_weight(st, latent, at, from);
        __syncthreads();
        if (mine)
            #pragma unroll 16
            for (int k = 0; k < deep; k++)
                sum += p[k];
    }
    if (mine)
        s->z[t] = sum;
    __syncthreads();
}

/* Nearest of a thread's codes. */
static __device__ inline struct nearest few_nearest(const struct few_search *s,
                                                    const struct few_prefetched *a,
                                                    const struct telu_stage *st, int codes,
                                                    const float *bias)
{
    struct nearest f = { INFINITY, 0 };

    for (int first = threadIdx.x; first < codes; first += FEW_CODES * FEW_THREADS) {
        float sum[FEW_CODES];
        int v[FEW_CODES], ahead = first == (int)threadIdx.x, from = ahead ? FEW_AHEAD : 0;

        #pragma unroll
        for (int j = 0; j < FEW_CODES; j++)    /* repeating the last is harmless */
            v[j] = min(first + j * FEW_THREADS, codes - 1);
        #pragma unroll
        for (int j = 0; j < FEW_CODES; j++)
            sum[j] = bias ? bias[v[j]] : 0.0f;
        if (ahead)
            #pragma unroll
            for (int d = 0; d < FEW_AHEAD; d++)
                #pragma unroll
                for (int j = 0; j < FEW_CODES; j++) {
                    float diff = d < st->dim ? s->z[d] - a->code[j][d] : 0.0f;

                    sum[j] += diff * diff;
                }
        #pragma unroll 8
        for (int d = from; d < st->dim; d++)
            #pragma unroll
            for (int j = 0; j < FEW_CODES; j++) {
                float diff = s->z[d] - st->tbook[(size_t)d * codes + v[j]];

                sum[j] += diff * diff;
            }
        #pragma unroll
        for (int j = 0; j < FEW_CODES; j++)
            if (first + j * FEW_THREADS < codes && sum[j] < f.distance)
                f = { sum[j], v[j] };
    }
    return f;
}

static __global__ void __launch_bounds__(FEW_THREADS, 1) search_few(struct telu_live l)
{
    __shared__ struct few_search s;
    const struct telu_model *m = l.tables;
    const int t = threadIdx.x, warp = t / LIVE_WARP, latent = m->cfg.latent;
    const int codes = m->cfg.codes, r = blockIdx.x;
    struct telu_row *row = live_row(&l, r);
    float *to = l.sum + (size_t)r * latent, sum[FEW_OWN] = {};
    struct few_prefetched ahead;

    /* Shared memory spares each stage the wait for its pointers. */
    copy_share(s.stage, m->vq, sizeof(m->vq), t, FEW_THREADS);
    if (t == 0)
        s.row = search_begin(row);
    #pragma unroll
    for (int n = 0; n < FEW_OWN; n++)
        s.r[t + n * FEW_THREADS] = t + n * FEW_THREADS < latent
            ? l.latent[(size_t)r * latent + t + n * FEW_THREADS] : 0.0f;
    __syncthreads();
    few_prefetch(&ahead, &s.stage[0], latent, codes);
    if (s.row.stages + s.row.bits == 0 && !s.row.open)
        return;
    for (int stage = 0; stage <= m->cfg.stages; stage++) {
        const struct telu_stage *st = &s.stage[stage];

        if (s.row.open && stage == s.row.stages) {
            __syncthreads();
            if (warp == 0)
                search_settle(&s.row, row, m);
            __syncthreads();
        }
        int codes_left = stage < s.row.stages;

        if (!codes_left)
            #pragma unroll
            for (int n = 0; n < FEW_OWN; n++)
                if (t + n * FEW_THREADS < latent)
                    to[t + n * FEW_THREADS] = sum[n];
        if (!codes_left && !(stage == s.row.stages && s.row.bits))
            return;

        few_project(&s, &ahead, st, latent);
        if (!codes_left) {
            if (warp == 0)
                search_node(st, row, s.z, 1, to, latent, stage == 0);
            return;
        }

        struct nearest f = few_nearest(&s, &ahead, st, codes,
                                       search_bias(&s.row, m, stage));

        if (stage + 1 < m->cfg.stages)
            few_prefetch(&ahead, st + 1, latent, codes);
        nearest_of_warp(&f);
        if (TELU_LANE == 0)
            s.warps[warp] = f;
        __syncthreads();
        #pragma unroll
        for (int w = 0; w < FEW_WARPS; w++)    /* each thread finds it itself */
            if (w == 0)
                f = s.warps[0];
            else
                keep_nearer(&f, s.warps[w].distance, s.warps[w].index);
        const float *adds = live_code_latent(&l, codes, latent, stage, f.index);

        #pragma unroll
        for (int n = 0; n < FEW_OWN; n++)
            if (t + n * FEW_THREADS < latent) {
                float v = adds[t + n * FEW_THREADS];

                sum[n] += v;
                s.r[t + n * FEW_THREADS] -= v;
            }
        if (t == 0) {
            row->layers.codes[stage] = f.index;
            s.row.first = stage == 0 ? f.index : s.row.first;
        }
        __syncthreads();
    }
}

/* --- Many rows ------------------------------------------------------------------- */

#define MANY_THREADS 256
#define MANY_WARPS   (MANY_THREADS / LIVE_WARP)
#define MANY_ROWS    16        /* rows of a block */
#define MANY_TILE    4         /* rows and codes of a thread at a time */
#define MANY_GROUPS  (MANY_ROWS / MANY_TILE)
#define MANY_SHARES  (MANY_WARPS / MANY_GROUPS)        /* warps that share a group's codes */
#define MANY_OWN     (MANY_ROWS / MANY_WARPS)          /* rows that one warp handles alone */
#define MANY_WIDTH   128       /* width of the latent, at most */
#define MANY_PASS    (MANY_TILE * LIVE_WARP)           /* codes of a warp at a time */

struct many_search {
    float r[MANY_ROWS][MANY_WIDTH + 1];
    __align__(16) float z[TELU_MAX_DIM][MANY_ROWS];
    struct nearest best[MANY_ROWS][MANY_SHARES];
    struct search_row row[MANY_ROWS];
};

/* z = in(r), one thread per element of a row. */
static __device__ inline void many_project(struct many_search *s, const struct telu_stage *st,
                                           int latent)
{
    for (int at = threadIdx.x; at < MANY_ROWS * st->dim; at += MANY_THREADS) {
        int i = at % MANY_ROWS, d = at / MANY_ROWS;
        const float *w = st->in + (size_t)d * latent;
        float sum = st->inb[d];

        #pragma unroll 16
        for (int k = 0; k < latent; k++)
            sum += s->r[i][k] * w[k];
        s->z[d][i] = sum;
    }
}

/* Nearest codes for a warp's four rows, among its share. codes: a multiple of MANY_PASS. */
static __device__ inline void many_nearest(struct many_search *s, const struct telu_model *m,
                                           int stage)
{
    const struct telu_stage *st = &m->vq[stage];
    const int codes = m->cfg.codes;
    const int lane = TELU_LANE, warp = threadIdx.x / LIVE_WARP;
    const int group = MANY_TILE * (warp % MANY_GROUPS), share = warp / MANY_GROUPS;
    struct nearest mine[MANY_TILE];
    const float *bias[MANY_TILE];

    #pragma unroll
    for (int i = 0; i < MANY_TILE; i++) {
        mine[i] = { INFINITY, 0 };
        bias[i] = search_bias(&s->row[group + i], m, stage);
    }
    for (int v = share * MANY_PASS + MANY_TILE * lane; v < codes; v += MANY_SHARES * MANY_PASS) {
        float sum[MANY_TILE][MANY_TILE];

        #pragma unroll
        for (int i = 0; i < MANY_TILE; i++) {
            float4 b = bias[i] ? *reinterpret_cast<const float4 *>(bias[i] + v)
                               : make_float4(0.0f, 0.0f, 0.0f, 0.0f);

            sum[i][0] = b.x;
            sum[i][1] = b.y;
            sum[i][2] = b.z;
            sum[i][3] = b.w;
        }
        #pragma unroll 8
        for (int d = 0; d < st->dim; d++) {
            float4 c = *reinterpret_cast<const float4 *>(st->tbook + (size_t)d * codes + v);
            float4 z = *reinterpret_cast<const float4 *>(&s->z[d][group]);

            add_squares(sum, z, c);
        }
        #pragma unroll
        for (int i = 0; i < MANY_TILE; i++)
            #pragma unroll
            for (int j = 0; j < MANY_TILE; j++)
                if (sum[i][j] < mine[i].distance)
                    mine[i] = { sum[i][j], v + j };
    }
    #pragma unroll
    for (int i = 0; i < MANY_TILE; i++) {
        nearest_of_warp(&mine[i]);
        if (lane == 0)
            s->best[group + i][share] = mine[i];
    }
}

static __global__ void __launch_bounds__(MANY_THREADS, 2) search_many(struct telu_live l)
{
    __shared__ struct many_search s;
    const struct telu_model *m = l.tables;
    const int lane = TELU_LANE, warp = threadIdx.x / LIVE_WARP, latent = m->cfg.latent;
    const int first = blockIdx.x * MANY_ROWS, own = MANY_OWN * warp;
    float sum[MANY_OWN][MANY_WIDTH / LIVE_WARP] = {};

    if (threadIdx.x < MANY_ROWS)
        s.row[threadIdx.x] = search_begin(live_row(&l, first + threadIdx.x));
    __syncthreads();
    for (int i = own; i < own + MANY_OWN; i++)
        for (int k = lane; k < latent; k += LIVE_WARP)
            s.r[i][k] = s.row[i].stages + s.row[i].bits > 0 || s.row[i].open
                ? l.latent[(size_t)(first + i) * latent + k] : 0.0f;

    for (int stage = 0; stage <= m->cfg.stages; stage++) {
        const struct telu_stage *st = &m->vq[stage];
        int codes = 0, nodes = 0;

        __syncthreads();
        for (int i = own; i < own + MANY_OWN; i++)
            if (s.row[i].open && stage == s.row[i].stages)
                search_settle(&s.row[i], &l.row[first + i], m);
        __syncthreads();
        for (int i = 0; i < MANY_ROWS; i++) {
            codes |= stage < s.row[i].stages;
            nodes |= stage == s.row[i].stages && s.row[i].bits > 0;
        }
        if (!codes && !nodes)
            break;
        many_project(&s, st, latent);
        __syncthreads();
        if (codes)
            many_nearest(&s, m, stage);
        __syncthreads();
        #pragma unroll
        for (int i = 0; i < MANY_OWN; i++) {
            const struct search_row *row = &s.row[own + i];
            struct nearest f = s.best[own + i][0];
            float *to = l.sum + (size_t)(first + own + i) * latent;

            if (stage < row->stages) {
                for (int k = 1; k < MANY_SHARES; k++)
                    keep_nearer(&f, s.best[own + i][k].distance, s.best[own + i][k].index);
                const float *adds = live_code_latent(&l, m->cfg.codes, latent, stage, f.index);

                #pragma unroll
                for (int n = 0; n < MANY_WIDTH / LIVE_WARP; n++)
                    if (n * LIVE_WARP + lane < latent) {
                        float v = adds[n * LIVE_WARP + lane];

                        sum[i][n] += v;
                        s.r[own + i][n * LIVE_WARP + lane] -= v;
                    }
                if (lane == 0) {
                    l.row[first + own + i].layers.codes[stage] = f.index;
                    if (stage == 0)
                        s.row[own + i].first = f.index;
                }
            }
            if (stage + 1 == row->stages)
                #pragma unroll
                for (int n = 0; n < MANY_WIDTH / LIVE_WARP; n++)
                    if (n * LIVE_WARP + lane < latent)
                        to[n * LIVE_WARP + lane] = sum[i][n];
            if (stage == row->stages && row->bits > 0)
                search_node(st, &l.row[first + own + i], &s.z[0][own + i], MANY_ROWS, to, latent,
                            stage == 0);
        }
    }
}

int telu_live_search(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const struct telu_config *c = &l->m->cfg;

    if (!cuda)
        return -1;
    if (B <= TELU_SMALL_SEARCH || c->latent > MANY_WIDTH || c->codes % MANY_PASS)
        TELU_LAUNCH(search_few, B, FEW_THREADS, 0, cuda->stream, *l);
    else
        TELU_LAUNCH(search_many, live_blocks(B, MANY_ROWS), MANY_THREADS, 0, cuda->stream, *l);
    return telu_cuda_launched("code search");
}
