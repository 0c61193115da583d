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

struct synthesis_scratch {
    struct ltpf_scratch ltpf;
    float prediction[2 * 2 * TELU_HOP], confidence[2];
    struct dct_scratch<2> dct;
    struct telu_layers layers;
    struct telu_bands bands;
    float c[TELU_COEFS], base[TELU_COEFS], change[TELU_COEFS];
    float wave[TELU_WAVE];
};

/* Index of sample n of a hop in the DCT's order, see dct.cuh. */
static __device__ inline int dct_index(int n)
{
    return n % 2 ? TELU_HOP - 1 - n / 2 : n / 2;
}

/* Two hops: windows [2][320] -> coefficients [320], as telu_mdct_cuda(). Barriers at both
 * ends. */
static __device__ inline void forward_mdct(float *c, const float *windows,
                                           struct dct_scratch<2> *s, const struct dct_table *t)
{
    const float *w = t->window;

    __syncthreads();
    for (int i = threadIdx.x; i < TELU_COEFS; i += THREADS) {
        int h = i / TELU_HOP, n = i % TELU_HOP;
        const float *x = windows + h * 2 * TELU_HOP;
        const int mirror = 3 * TELU_HALF - 1 - n;
        float u = -w[mirror] * x[mirror];

        if (n < TELU_EDGE)
            u += -w[3 * TELU_HALF + n] * x[3 * TELU_HALF + n];
        else if (n >= TELU_FLAT)
            u += w[n - TELU_HALF] * x[n - TELU_HALF];
        s->u[h][dct_index(n)] = u;
    }
    dct<2, THREADS>(s, t);
    for (int i = threadIdx.x; i < TELU_COEFS; i += THREADS)
        c[i] = s->u[i / TELU_HOP][dct_index(i % TELU_HOP)];
    __syncthreads();
}

/* Coefficients [320] -> wave [480], as telu_imdct_cuda(). Barriers at both ends. */
static __device__ inline void inverse_mdct(float *wave, const float *c, struct dct_scratch<2> *s,
                                           const struct dct_table *t)
{
    const float *w = t->window;

    __syncthreads();
    for (int i = threadIdx.x; i < TELU_COEFS; i += THREADS)
        s->u[i / TELU_HOP][dct_index(i % TELU_HOP)] = c[i];
    dct<2, THREADS>(s, t);
    for (int i = threadIdx.x; i < TELU_WAVE; i += THREADS) {
        int h = i / TELU_HOP, n = i % TELU_HOP, early = n < TELU_HOP / 2;
        float y = 0.0f;

        if (h > 0 && n < TELU_FLAT)
            y = -w[TELU_HOP + n] *
                s->u[h - 1][dct_index(early ? TELU_HALF - 1 - n : n - TELU_HALF)];
        if (h < 2 && n >= TELU_EDGE)
            y += early ? w[n] * s->u[h][dct_index(TELU_HALF + n)]
                       : -w[n] * s->u[h][dct_index(3 * TELU_HALF - 1 - n)];
        wave[i] = y;
    }
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
