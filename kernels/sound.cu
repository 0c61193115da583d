/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sound.cu - how a decoded packet ends on the device: coefficients, concealment, long-term
 * postfilter, and the overlap with the packet before. A warp to a row. What codec.c does at the
 * end of telu_decode() and telu_conceal(), and sound.c. */
#include "coder.cuh"

#include "live.cuh"

static __device__ void conceal(float *c, const struct telu_row *row, struct telu_plc *plc,
                               const float *base)
{
    if (row->gain != 0.0f && row->dec_age < 0)
        telu_plc_repeat(plc, c);
    else if (row->gain != 0.0f)
        telu_plc_go_on(plc, c, base);
    for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
        c[k] = row->gain == 0.0f ? 0.0f : c[k] * row->gain;
}

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
sound(struct telu_live l)
{
    int r = live_mine();
    struct telu_row *row = live_row(&l, r);
    const struct telu_model *m = l.tables;

    if (!row)
        return;
    struct telu_dec_slot *slot = (struct telu_dec_slot *)row->slot;
    struct telu_plc plc = slot->plc;       /* every lane has its own, all alike */
    struct telu_answer *answer = live_answer(&l, r);
    float *c = l.c + (size_t)r * TELU_COEFS, *base = l.base + (size_t)r * TELU_COEFS;
    const struct telu_layers *y = &row->layers;
    struct telu_info info = {};
    int bytes = live_ask(&l, r)->bytes;

    if (row->conceal) {
        conceal(c, row, &plc, base);
    } else {
        if (row->dec_age < 0)
            for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
                base[k] = 0.0f;
        TELU_MEET();
        if (y->refined)
            telu_refine_dequantise(c, y->q, &row->plan, &m->tab, base, y->shape);
        else
            telu_packet_sound(c, y, base);
        telu_plc_heard(&plc, c, row->dec_age >= 0);
        info.stages = y->stages;
        info.refined = y->refined;
        info.step = y->step;
        info.shape = y->shape;
        info.bytes = bytes;
    }
    TELU_MEET();                           /* all have read the slot */
    if (TELU_LANE == 0) {
        slot->plc = plc;
        if (row->dec_age >= 0)
            slot->age = live_older(row->dec_age, m->cfg.kernel);
        answer->bytes = bytes;
        answer->result = row->conceal && bytes >= 0;
        answer->info = info;
    }
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
    float *u = l.h + (size_t)r * TELU_LTPF_SOUND;

    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES) {
        float now = i < TELU_OVERLAP ? x[i] + slot->tail[i] : x[i];

        u[i] = slot->past[i];              /* read and written by the same lane */
        u[TELU_LTPF_FAR + i] = slot->past[i] = now;
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
        telu_refine_soften(d, l.c + (size_t)r * TELU_COEFS, d, l.trust + 2 * (size_t)r,
                           &row->plan, row->layers.shape);
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
    const float *x = l.again + (size_t)r * TELU_WAVE + TELU_EDGE;
    float *pcm = (float *)live_out(&l, r, LIVE_PCM);

    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES)
        pcm[i] = (i < TELU_OVERLAP ? slot->past[i] + slot->added[i] : slot->past[i]) + x[i];
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        slot->added[i] = x[TELU_PACKET + i];       /* the lane that has read it */
}

int telu_live_sound(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(sound, live_blocks(B, LIVE_THREADS / LIVE_WARP), LIVE_THREADS, 0,
                cuda->stream, *l);
    return telu_cuda_launched("coefficients");
}

int telu_live_soften(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    unsigned blocks = live_blocks(B, LIVE_THREADS / LIVE_WARP);

    if (!cuda)
        return -1;
    TELU_LAUNCH(recall, blocks, LIVE_THREADS, 0, cuda->stream, *l);
    if (telu_cuda_launched("sound before") ||
        telu_ltpf_cuda(ctx, l->again, l->trust, l->h, B) ||
        telu_mdct_cuda(ctx, l->base, l->again, 2 * B, 1))
        return -1;
    TELU_LAUNCH(change, blocks, LIVE_THREADS, 0, cuda->stream, *l);
    return telu_cuda_launched("postfilter") || telu_imdct_cuda(ctx, l->again, l->base, B, 2) ?
           -1 : 0;
}

int telu_live_overlap(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(overlap, live_blocks(B, LIVE_THREADS / LIVE_WARP), LIVE_THREADS, 0,
                cuda->stream, *l);
    return telu_cuda_launched("overlap");
}
