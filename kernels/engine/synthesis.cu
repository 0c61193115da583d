/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.cu - decoded rows to samples: coefficients, concealment, inverse MDCT, long-term
 * postfilter, overlap. One warp per row; small batches take synthesis_few.cu. Corresponds to
 * synthesis.c and to the ends of telu_decode() and telu_conceal() in codec.c.
 */
#include "coder.cuh"

#include "live.cuh"

#include "synthesis.cuh"

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
coefficients(struct telu_live l)
{
    int r = live_warp_row();
    struct telu_row *row = live_row(&l, r);

    if (row)
        synthesise_row(&l, r, &row->layers, &row->bands, l.c + (size_t)r * TELU_COEFS,
                       l.base + (size_t)r * TELU_COEFS);
}

/* Writes the postfilter's input to h, previous and present packet; the slot keeps the present. */
static __global__ void __launch_bounds__(LIVE_THREADS) postfilter_input(struct telu_live l)
{
    int r = live_warp_row();
    struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    struct telu_dec_slot *slot = (struct telu_dec_slot *)row->slot;
    const float *x = l.wave + (size_t)r * TELU_WAVE + TELU_EDGE;
    float *u = l.h + (size_t)r * TELU_LTPF_SPAN;

    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES) {
        float sample = i < TELU_OVERLAP ? x[i] + slot->tail[i] : x[i];

        u[i] = slot->previous[i];              /* the same lane reads and writes */
        u[TELU_LTPF_MAX_LAG + i] = slot->previous[i] = sample;
    }
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        slot->tail[i] = x[TELU_PACKET + i];
}

/* Replaces the predicted coefficients in base by the postfilter's change of c. */
static __global__ void __launch_bounds__(LIVE_THREADS) postfilter_change(struct telu_live l)
{
    int r = live_warp_row();
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
    int r = live_warp_row();
    struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    struct telu_dec_slot *slot = (struct telu_dec_slot *)row->slot;
    const float *x = l.prediction + (size_t)r * TELU_WAVE + TELU_EDGE;
    float *pcm = (float *)live_out(&l, r, LIVE_PCM);

    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES)
        pcm[i] = (i < TELU_OVERLAP ? slot->previous[i] + slot->change_tail[i]
                                   : slot->previous[i]) + x[i];
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        slot->change_tail[i] = x[TELU_PACKET + i];       /* the lane that read it above */
}

/* Large batches: one launch per step. */
static int synthesis_large(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    cudaStream_t stream = telu_cuda_from_ctx(ctx)->stream;
    unsigned blocks = live_blocks(B, LIVE_THREADS / LIVE_WARP);

    TELU_LAUNCH(coefficients, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("coefficients") || telu_imdct_cuda(ctx, l->wave, l->c, B, 2))
        return -1;
    TELU_LAUNCH(postfilter_input, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("sound before") ||
        telu_ltpf_cuda(ctx, l->prediction, l->confidence, l->h, B) ||
        telu_mdct_cuda(ctx, l->base, l->prediction, 2 * B, 1))
        return -1;
    TELU_LAUNCH(postfilter_change, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("postfilter") || telu_imdct_cuda(ctx, l->prediction, l->base, B, 2))
        return -1;
    TELU_LAUNCH(overlap, blocks, LIVE_THREADS, 0, stream, *l);
    return telu_cuda_launched("overlap");
}

int telu_live_synthesis(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    if (!telu_cuda_from_ctx(ctx))
        return -1;
    return B <= TELU_SMALL_ROW_BLOCKS ? telu_live_synthesis_few(ctx, l, B)
                                      : synthesis_large(ctx, l, B);
}
