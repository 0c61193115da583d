/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sound.cu - how a decoded packet ends on the device: coefficients, concealment, and the
 * overlap with the packet before. A warp to a row. What codec.c does in telu_decode() and
 * telu_conceal(). */
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
    int r = blockIdx.x * (LIVE_THREADS / LIVE_WARP) + threadIdx.x / LIVE_WARP;
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

static __global__ void __launch_bounds__(LIVE_THREADS) overlap(struct telu_live l)
{
    int r = blockIdx.x * (LIVE_THREADS / LIVE_WARP) + threadIdx.x / LIVE_WARP;
    struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    float *tail = ((struct telu_dec_slot *)row->slot)->tail;
    const float *x = l.wave + (size_t)r * TELU_WAVE + TELU_EDGE;
    float *pcm = (float *)live_out(&l, r, LIVE_PCM);

    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES)
        pcm[i] = i < TELU_OVERLAP ? x[i] + tail[i] : x[i];
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        tail[i] = x[TELU_PACKET + i];      /* the lane that has read it */
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

int telu_live_overlap(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(overlap, live_blocks(B, LIVE_THREADS / LIVE_WARP), LIVE_THREADS, 0,
                cuda->stream, *l);
    return telu_cuda_launched("overlap");
}
