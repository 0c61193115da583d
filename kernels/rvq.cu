/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rvq.cu - the residual vector quantiser of rvq.c for a batch, a block to one or some
 * rows. Every sum goes in the CPU's order and of equal distances the lowest index wins:
 * from the same latent come the CPU's codes and the CPU's sum, bit for bit.
 *
 * The envelope, and with it whether a refinement fits at all, is known when the codes
 * are. Where it does not, the search goes on here for the codes of a base-only packet.
 */
#include "coder.cuh"

#include "live.cuh"
#include "nearest.cuh"

#define THREADS 256
#define WARPS   (THREADS / LIVE_WARP)
#define SEVERAL 4              /* rows to a block of a large batch: they share the books */
#define LARGE   264            /* rows: two blocks to each SM of a large card */

/* What a block has of its rows. */
template <int ROWS>
struct search_room {
    float r[ROWS][TELU_MAX_WIDTH];     /* what the stages so far left over */
    float z[ROWS][TELU_MAX_DIM];
    struct found warps[ROWS][WARPS];
    int code[ROWS];
    int stages[ROWS], bits[ROWS];      /* to be found: codes; bits of one more */
    int open[ROWS];                    /* 1: refined, not known whether that fits */
};

/* z = in(r) */
template <int ROWS>
static __device__ void project(struct search_room<ROWS> *a, const struct telu_stage *st,
                               int latent)
{
    for (int t = threadIdx.x; t < ROWS * st->dim; t += THREADS) {
        int i = t / st->dim, d = t % st->dim;
        const float *w = st->in + (size_t)d * latent;
        float sum = st->inb[d];

        #pragma unroll 16
        for (int k = 0; k < latent; k++)
            sum += a->r[i][k] * w[k];
        a->z[i][d] = sum;
    }
}

/* The nearest of N vectors for each row: element d of vector v is book[v * one + d * two].
 * A thread takes some of them together, so that as many loads are on their way. All
 * threads come here; codes are there after the next barrier. */
template <int ROWS>
static __device__ void search(struct search_room<ROWS> *a, const float *book, int N, int dim,
                              size_t one, size_t two)
{
    const int some = ROWS == 1 ? 4 : 2;
    int t = threadIdx.x, lane = t % LIVE_WARP, warp = t / LIVE_WARP;
    struct found mine[ROWS];

    for (int i = 0; i < ROWS; i++)
        mine[i] = { INFINITY, 0 };
    for (int first = t; first < N; first += some * THREADS) {
        float sum[some][ROWS] = {};
        int v[some];

        #pragma unroll
        for (int j = 0; j < some; j++)         /* the last one again does no harm */
            v[j] = min(first + j * THREADS, N - 1);
        #pragma unroll 8
        for (int d = 0; d < dim; d++)
            #pragma unroll
            for (int j = 0; j < some; j++) {
                float x = book[v[j] * one + d * two];

                #pragma unroll
                for (int i = 0; i < ROWS; i++) {
                    float diff = a->z[i][d] - x;

                    sum[j][i] += diff * diff;
                }
            }
        #pragma unroll
        for (int j = 0; j < some; j++)
            #pragma unroll
            for (int i = 0; i < ROWS; i++)
                if (sum[j][i] < mine[i].best)
                    mine[i] = { sum[j][i], v[j] };
    }
    #pragma unroll
    for (int i = 0; i < ROWS; i++) {
        best_of_warp(&mine[i]);
        if (lane == 0)
            a->warps[i][warp] = mine[i];
    }
    __syncthreads();
    if (t < ROWS) {
        struct found f = a->warps[t][0];

        for (int w = 1; w < WARPS; w++)
            better(&f, a->warps[t][w].best, a->warps[t][w].index);
        a->code[t] = f.index;
    }
}

/* sum += out(v), r -= out(v), by each thread for some channels; row is of the batch. */
static __device__ void add_stage(const struct telu_stage *st, const float *v, float *sum,
                                 float *r, int latent, int first)
{
    for (int k = threadIdx.x; k < latent; k += blockDim.x) {
        const float *w = st->out + (size_t)k * st->dim;
        float out = st->outb[k];

        #pragma unroll 8
        for (int d = 0; d < st->dim; d++)
            out += v[d] * w[d];
        sum[k] = (first ? 0.0f : sum[k]) + out;
        if (r)
            r[k] -= out;
    }
}

static __device__ inline const float *node(const struct telu_stage *st, int bits, int prefix)
{
    return st->tree + ((size_t)(1 << bits) + prefix) * st->dim;
}

/* A warp: has the refined packet of that row room? If not, it becomes a base-only one. */
template <int ROWS>
static __device__ void settle(struct search_room<ROWS> *a, int i, struct telu_row *row,
                              const struct telu_model *m)
{
    const struct telu_choice choice = row->choice;
    int S = choice.stages, bits = 0;

    telu_plan_envelope(&row->plan, &m->tab, row->layers.codes, S);
    if (telu_rc_fits(&choice, &row->plan, &m->tab, telu_packet_head(S, m->n))) {
        if (TELU_LANE == 0)
            a->open[i] = 0;
        return;
    }
    telu_packet_room(choice.cap, m->cfg.stages, m->n, &S, &bits);
    if (TELU_LANE == 0) {
        a->open[i] = 0;
        a->stages[i] = row->layers.stages = S;
        a->bits[i] = row->layers.prefix_bits = bits;
        row->refined = 0;
    }
}

template <int ROWS>
static __global__ void __launch_bounds__(THREADS, 2) search_rows(struct telu_live l)
{
    __shared__ struct search_room<ROWS> a;
    const struct telu_model *m = l.tables;
    int t = threadIdx.x, warp = t / LIVE_WARP, first = blockIdx.x * ROWS;
    int latent = m->cfg.latent;

    if (t < ROWS) {
        struct telu_row *row = live_row(&l, first + t);
        int on = row && row->enc_age >= 0;

        a.stages[t] = on ? row->layers.stages : 0;
        a.bits[t] = on ? row->layers.prefix_bits : 0;
        a.open[t] = on && row->refined;
    }
    __syncthreads();
    for (int i = 0; i < ROWS; i++)
        for (int k = t; k < latent; k += THREADS) {
            int on = a.stages[i] + a.bits[i] > 0;

            a.r[i][k] = on ? l.latent[(size_t)(first + i) * latent + k] : 0.0f;
        }

    for (int s = 0; s <= m->cfg.stages; s++) {
        int codes = 0, prefixes = 0;

        __syncthreads();
        if (warp < ROWS && a.open[warp] && s == a.stages[warp])
            settle(&a, warp, &l.row[first + warp], m);
        __syncthreads();
        for (int i = 0; i < ROWS; i++) {
            codes |= s < a.stages[i];
            prefixes |= s == a.stages[i] && a.bits[i] > 0;
        }
        if (!codes && !prefixes)
            break;

        const struct telu_stage *st = &m->vq[s];

        project(&a, st, latent);
        __syncthreads();
        if (codes) {
            search(&a, st->tbook, m->cfg.codes, st->dim, 1, (size_t)m->cfg.codes);
            __syncthreads();
            for (int i = 0; i < ROWS; i++)
                if (s < a.stages[i]) {
                    add_stage(st, st->book + (size_t)a.code[i] * st->dim,
                              l.sum + (size_t)(first + i) * latent, a.r[i], latent, s == 0);
                    if (t == 0)
                        l.row[first + i].layers.codes[s] = a.code[i];
                }
        }
        /* Rarely: each row has another tree, so one after the other. */
        for (int i = 0; prefixes && i < ROWS; i++) {
            if (s != a.stages[i] || !a.bits[i])
                continue;
            __syncthreads();
            search(&a, node(st, a.bits[i], 0), 1 << a.bits[i], st->dim, (size_t)st->dim, 1);
            __syncthreads();
            add_stage(st, node(st, a.bits[i], a.code[i]),
                      l.sum + (size_t)(first + i) * latent, NULL, latent, s == 0);
            if (t == 0)
                l.row[first + i].layers.prefix = a.code[i];
        }
    }
}

/* A block to a row: the sum that its codes stand for, or where the network goes on with
 * the last one, that. */
static __global__ void __launch_bounds__(LIVE_THREADS) look_up(struct telu_live l)
{
    const struct telu_model *m = l.tables;
    struct telu_row *row = live_row(&l, blockIdx.x);
    int latent = m->cfg.latent;

    if (!row || row->dec_age < 0)
        return;
    float *sum = l.sum + (size_t)blockIdx.x * latent;
    float *last = (float *)((char *)row->slot + l.slots.past);
    const struct telu_layers *y = &row->layers;

    if (row->conceal) {
        for (int k = threadIdx.x; k < latent; k += LIVE_THREADS)
            sum[k] = last[k];
        return;
    }
    for (int s = 0; s < y->stages; s++)
        add_stage(&m->vq[s], m->vq[s].book + (size_t)y->codes[s] * m->vq[s].dim, sum, NULL,
                  latent, s == 0);
    if (y->prefix_bits > 0)
        add_stage(&m->vq[y->stages], node(&m->vq[y->stages], y->prefix_bits, y->prefix),
                  sum, NULL, latent, y->stages == 0);
    for (int k = threadIdx.x; k < latent; k += LIVE_THREADS)
        last[k] = sum[k];
}

int telu_live_search(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);

    if (!cuda)
        return -1;
    if (B <= LARGE)
        TELU_LAUNCH(search_rows<1>, B, THREADS, 0, cuda->stream, *l);
    else
        TELU_LAUNCH(search_rows<SEVERAL>, live_blocks(B, SEVERAL), THREADS, 0, cuda->stream,
                    *l);
    return telu_cuda_launched("code search");
}

int telu_live_lookup(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(look_up, B, LIVE_THREADS, 0, cuda->stream, *l);
    return telu_cuda_launched("codes to latent");
}
