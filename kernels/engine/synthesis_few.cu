/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis_few.cu - all steps of synthesis.cu in one kernel, for small batches. One block per row
 * keeps its packet in shared memory. Sums and their order are those of synthesis.cu.
 */
#include "coder.cuh"

#include "live.cuh"

#include "dct.cuh"
#include "ltpf.cuh"
#include "synthesis.cuh"

#define THREADS LTPF_THREADS

/* A packet's hops: samples, and outputs of the DCT between two hops of zeros. */
struct dct_hops {
    float u[TELU_HOP][2];
    __align__(16) float v[4][TELU_HOP];
};

struct synthesis_scratch {
    struct ltpf_scratch ltpf;
    float prediction[2 * 2 * TELU_HOP], confidence[2];
    struct dct_hops dct;
    struct telu_layers layers;
    struct telu_bands bands;
    float c[TELU_COEFS], base[TELU_COEFS], change[TELU_COEFS];
    float wave[TELU_WAVE];
};

/* Two hops at once, by 80 threads. */
static __device__ inline void both_hops(float (*v)[TELU_HOP], const float (*u)[2],
                                        const struct dct_table *t)
{
    int h = threadIdx.x / DCT_FOURS, q = threadIdx.x % DCT_FOURS;
    float4 sum;

    __syncthreads();
    if (h < 2) {
        dct<1>(&sum, u[0] + h, 2, t, q);
        store_float4(v[h], q, sum);
    }
    __syncthreads();
}

/* Two hops: windows [2][320] -> coefficients [320], as telu_mdct_cuda(). Barriers at both
 * ends. */
static __device__ inline void forward_mdct(float *c, const float *windows, struct dct_hops *s,
                                           const struct dct_table *t)
{
    __syncthreads();
    for (int i = threadIdx.x; i < TELU_COEFS; i += THREADS)
        s->u[i % TELU_HOP][i / TELU_HOP] = dct_fold(t, windows + i / TELU_HOP * 2 * TELU_HOP,
                                                    i % TELU_HOP);
    both_hops(s->v + 1, s->u, t);
    for (int i = threadIdx.x; i < TELU_COEFS; i += THREADS)
        c[i] = s->v[1 + i / TELU_HOP][i % TELU_HOP];
    __syncthreads();
}

/* Coefficients [320] -> wave [480], as telu_imdct_cuda(). Barriers at both ends. */
static __device__ inline void inverse_mdct(float *wave, const float *c, struct dct_hops *s,
                                           const struct dct_table *t)
{
    __syncthreads();
    for (int i = threadIdx.x; i < TELU_COEFS; i += THREADS)
        s->u[i % TELU_HOP][i / TELU_HOP] = c[i];
    for (int i = threadIdx.x; i < TELU_HOP; i += THREADS)
        s->v[0][i] = s->v[3][i] = 0.0f;
    both_hops(s->v + 1, s->u, t);
    for (int i = threadIdx.x; i < TELU_WAVE; i += THREADS)
        wave[i] = dct_unfold(t, s->v[i / TELU_HOP], s->v[i / TELU_HOP + 1], i % TELU_HOP);
    __syncthreads();
}

static __global__ void __launch_bounds__(THREADS) synthesis(struct telu_live l)
{
    __shared__ __align__(16) struct synthesis_scratch s;
    int r = blockIdx.x, t = threadIdx.x, first = t < TELU_OVERLAP;
    struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    struct telu_dec_slot *slot = (struct telu_dec_slot *)row->slot;
    float *pcm = (float *)live_out(&l, r, LIVE_PCM), *u = s.ltpf.u;
    const float *x = s.wave + TELU_EDGE;
    float tail = first ? slot->tail[t] : 0.0f, added = first ? slot->change_tail[t] : 0.0f;
    int refined = !row->conceal && row->layers.refined;

    copy_share(s.base, l.base + (size_t)r * TELU_COEFS, sizeof(s.base), t, THREADS);
    copy_share(u, slot->previous, sizeof(slot->previous), t, THREADS);
    if (!row->conceal) {
        copy_share(&s.layers, &row->layers, sizeof(s.layers), t, THREADS);
        copy_share(&s.bands, &row->bands, sizeof(s.bands), t, THREADS);
    }
    __syncthreads();
    if (t < LIVE_WARP)
        synthesise_row(&l, r, &s.layers, &s.bands, s.c, s.base);
    inverse_mdct(s.wave, s.c, &s.dct, l.dct);

    float *now = u + TELU_LTPF_MAX_LAG;

    for (int i = t; i < TELU_PACKET; i += THREADS)
        slot->previous[i] = now[i] = i < TELU_OVERLAP ? x[i] + tail : x[i];
    if (first)
        slot->tail[t] = x[TELU_PACKET + t];
    if (refined) {
        __syncthreads();
        predict(s.prediction, s.confidence, &s.ltpf);
        forward_mdct(s.change, s.prediction, &s.dct, l.dct);
        if (t < LIVE_WARP)
            telu_postfilter_change(s.change, s.c, s.change, s.confidence, &s.bands,
                                   s.layers.shape);
        inverse_mdct(s.wave, s.change, &s.dct, l.dct);
    }
    for (int i = t; i < TELU_PACKET; i += THREADS) {
        float y = i < TELU_OVERLAP ? now[i] + added : now[i];

        pcm[i] = refined ? y + x[i] : y;
    }
    if (first)
        slot->change_tail[t] = refined ? x[TELU_PACKET + t] : 0.0f;
}

int telu_live_synthesis_few(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(synthesis, B, THREADS, 0, cuda->stream, *l);
    return telu_cuda_launched("synthesis");
}
