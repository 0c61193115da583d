/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.cu - decoded rows to samples: coefficients, concealment, inverse MDCT, long-term
 * postfilter or post-network, overlap. One warp per row; small batches take synthesis_few.cu when
 * the model has no post-network. Corresponds to synthesis.c and to the ends of telu_decode() and
 * telu_conceal() in decode_pass.c.
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

/* Writes the prediction's input to h, previous and present packet; the slot keeps the present. */
static __global__ void __launch_bounds__(LIVE_THREADS) prediction_input(struct telu_live l)
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

/* Writes the postfilter's change of c to base. prediction: its coefficients; may be base. */
static __device__ inline void postfilter(const struct telu_live *l, int r,
                                         const struct telu_row *row, const float *prediction)
{
    size_t at = (size_t)r * TELU_COEFS;

    if (!row->conceal && row->layers.refined)
        telu_postfilter_change(l->base + at, l->c + at, prediction + at,
                               l->confidence + 2 * (size_t)r, &row->bands, row->layers.shape);
    else
        for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
            l->base[at + k] = 0.0f;
}

static __global__ void __launch_bounds__(LIVE_THREADS) postfilter_change(struct telu_live l)
{
    int r = live_warp_row();
    const struct telu_row *row = live_row(&l, r);

    if (row)
        postfilter(&l, r, row, l.base);
}

/* --- Post-network ------------------------------------------------------------------ */

static __device__ inline struct telu_postnet_packet
postnet_packet(const struct telu_live *l, int r, const struct telu_row *row)
{
    const struct telu_layers *y = &row->layers;
    size_t at = (size_t)r * TELU_COEFS;
    struct telu_postnet_packet p = { l->c + at, l->base + at, l->wave + at,
                                     l->confidence + 2 * (size_t)r, y->q, row->bands.step };

    p.kind = telu_postnet_kind_of(row->conceal ? NULL : y);
    p.stages = row->conceal ? 0 : y->stages;
    return p;
}

/* Writes the features to h. */
static __global__ void __launch_bounds__(LIVE_THREADS) postnet_features(struct telu_live l)
{
    int r = live_warp_row();
    const struct telu_row *row = live_row(&l, r);

    if (!row || row->post_age < 0)
        return;
    struct telu_postnet_packet p = postnet_packet(&l, r, row);

    telu_postnet_features(l.h + (size_t)r * TELU_POSTNET_FEATURES, &p);
}

/* Replaces base by the change of c: of the network, whose outputs lie in h, or of the postfilter
 * for rows that skip it. */
static __global__ void __launch_bounds__(LIVE_THREADS) postnet_change(struct telu_live l)
{
    int r = live_warp_row();
    const struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    if (row->post_age < 0) {
        postfilter(&l, r, row, l.wave);
        return;
    }
    struct telu_postnet_packet p = postnet_packet(&l, r, row);

    telu_postnet_change(l.base + (size_t)r * TELU_COEFS,
                        l.h + (size_t)r * TELU_POSTNET_OUTPUTS, &p);
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

/* --- Steps --------------------------------------------------------------------------- */

/* Replaces base by the coefficients of what corrects c. */
static int correction(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    cudaStream_t stream = telu_cuda_from_ctx(ctx)->stream;
    unsigned blocks = live_blocks(B, LIVE_THREADS / LIVE_WARP);
    int post = l->m->post.blocks > 0;

    if (telu_mdct_cuda(ctx, post ? l->wave : l->base, l->prediction, 2 * B, 1))
        return -1;
    if (!post) {
        TELU_LAUNCH(postfilter_change, blocks, LIVE_THREADS, 0, stream, *l);
        return telu_cuda_launched("postfilter");
    }
    TELU_LAUNCH(postnet_features, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("features") || telu_live_postnet(ctx, l, B))
        return -1;
    TELU_LAUNCH(postnet_change, blocks, LIVE_THREADS, 0, stream, *l);
    return telu_cuda_launched("post-network");
}

/* One launch per step. */
static int synthesis_large(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    cudaStream_t stream = telu_cuda_from_ctx(ctx)->stream;
    unsigned blocks = live_blocks(B, LIVE_THREADS / LIVE_WARP);

    TELU_LAUNCH(coefficients, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("coefficients") || telu_imdct_cuda(ctx, l->wave, l->c, B, 2))
        return -1;
    TELU_LAUNCH(prediction_input, blocks, LIVE_THREADS, 0, stream, *l);
    if (telu_cuda_launched("sound before") ||
        telu_ltpf_cuda(ctx, l->prediction, l->confidence, l->h, B) || correction(ctx, l, B) ||
        telu_imdct_cuda(ctx, l->prediction, l->base, B, 2))
        return -1;
    TELU_LAUNCH(overlap, blocks, LIVE_THREADS, 0, stream, *l);
    return telu_cuda_launched("overlap");
}

int telu_live_synthesis(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    if (!telu_cuda_from_ctx(ctx))
        return -1;
    return B <= TELU_SMALL_ROW_BLOCKS && !l->m->post.blocks ? telu_live_synthesis_few(ctx, l, B)
                                                            : synthesis_large(ctx, l, B);
}
