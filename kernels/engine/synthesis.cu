/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.cu - how a decoded packet ends on the device: coefficients, concealment, long-term
 * postfilter, and the overlap with the packet before. A warp to a row; few rows go to
 * synthesis_few.cu. What codec.c does at the end of telu_decode() and telu_conceal(), and synthesis.c. */
#include "coder.cuh"

#include "live.cuh"

#include "synthesis.cuh"

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
coefficients(struct telu_live l)
{
    int r = live_mine();
    struct telu_row *row = live_row(&l, r);

    if (row)
        sound_of(&l, r, &row->layers, &row->bands, l.c + (size_t)r * TELU_COEFS,
                 l.base + (size_t)r * TELU_COEFS);
}

/* Sound for ltpf, to h: the packet before and this one, which the slot keeps. */
static __global__ void __launch_bounds__(LIVE_THREADS) recall(struct telu_live l)
{
    int r = live_mine();
    struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    struct telu_dec_slot *slot = (struct telu_dec_slot *)row->slot;
    const float *x = l.wave + (size_t)r * TELU_WAVE + TELU_EDGE;
    float *u = l.h + (size_t)r * TELU_LTPF_SPAN;

    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES) {
        float now = i < TELU_OVERLAP ? x[i] + slot->tail[i] : x[i];

        u[i] = slot->past[i];              /* read and written by the same lane */
        u[TELU_LTPF_MAX_LAG + i] = slot->past[i] = now;
    }
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        slot->tail[i] = x[TELU_PACKET + i];
}

/* In base: coefficients that ltpf is for -> what they change. */
static __global__ void __launch_bounds__(LIVE_THREADS) change(struct telu_live l)
{
    int r = live_mine();
    const struct telu_row *row = live_row(&l, r);
    float *d = l.base + (size_t)r * TELU_COEFS;

    if (!row)
        return;
    if (!row->conceal && row->layers.refined)
        telu_postfilter_change(d, l.c + (size_t)r * TELU_COEFS, d, l.confidence + 2 * (size_t)r,
                           &row->bands, row->layers.shape);
    else
        for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
            d[k] = 0.0f;
}

static __global__ void __launch_bounds__(LIVE_THREADS) overlap(struct telu_live l)
{
    int r = live_mine();
    struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    struct telu_dec_slot *slot = (struct telu_dec_slot *)row->slot;
    const float *x = l.prediction + (size_t)r * TELU_WAVE + TELU_EDGE;
    float *pcm = (float *)live_out(&l, r, LIVE_PCM);

    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES)
        pcm[i] = (i < TELU_OVERLAP ? slot->past[i] + slot->added[i] : slot->past[i]) + x[i];
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        slot->added[i] = x[TELU_PACKET + i];       /* the lane that has read it */
}

/* Of many rows, step by step. */
static int sound_together(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    cudaStream_t stream = telu_cuda_from_ctx(ctx)->stream;
    unsigned blocks = live_blocks(B, LIVE_THREADS / LIVE_WARP);

    TELU_LAUNCH(coefficients, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("coefficients") || telu_imdct_cuda(ctx, l->wave, l->c, B, 2))
        return -1;
    TELU_LAUNCH(recall, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("sound before") ||
        telu_ltpf_cuda(ctx, l->prediction, l->confidence, l->h, B) ||
        telu_mdct_cuda(ctx, l->base, l->prediction, 2 * B, 1))
        return -1;
    TELU_LAUNCH(change, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("postfilter") || telu_imdct_cuda(ctx, l->prediction, l->base, B, 2))
        return -1;
    TELU_LAUNCH(overlap, blocks, LIVE_THREADS, 0, stream, *l);
    return telu_cuda_launched("overlap");
}

int telu_live_synthesis(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    if (!telu_cuda_from_ctx(ctx))
        return -1;
    return B <= LIVE_ALONE ? telu_live_synthesis_few(ctx, l, B) : sound_together(ctx, l, B);
}
