/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse.cu - packets to rows, with the CPU's parser and range decoder: a warp to a packet,
 * which it reads into shared memory. It also settles what a lost or damaged one is
 * replaced by. */
#include "coder.cuh"

#include "live.cuh"

#define WARPS (LIVE_THREADS / LIVE_WARP)

struct parsed {
    struct telu_layers layers;
    struct telu_plan plan;
};

/* By words. */
static __device__ inline void copy(void *to, const void *from, size_t bytes)
{
    for (size_t i = TELU_LANE; i < bytes / sizeof(int); i += TELU_LANES)
        ((int *)to)[i] = ((const int *)from)[i];
}

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
parse(struct telu_live l, int B)
{
    __shared__ struct parsed room[WARPS];
    struct parsed *p = &room[threadIdx.x / LIVE_WARP];
    int r = blockIdx.x * WARPS + threadIdx.x / LIVE_WARP;
    const struct telu_model *m = l.tables;

    if (r >= B)
        return;
    struct telu_row *row = live_row(&l, r);

    if (!row) {
        if (TELU_LANE == 0)
            l.row[r].dec_age = -1;
        return;
    }
    const struct telu_ask *ask = live_ask(&l, r);
    char *place = live_slot(&l.slots, ask->slot);
    struct telu_dec_slot *slot = (struct telu_dec_slot *)place;
    struct telu_plc plc = slot->plc;       /* every lane has its own, all alike */
    int age = slot->age, runs, conceal;
    float gain = 1.0f;

    TELU_MEET();                           /* all have read the slot */
    if (ask->reset) {
        telu_plc_init(&plc, slot->last);
        for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
            slot->tail[i] = 0.0f;
        age = 0;
    }
    conceal = ask->bytes < 0 ||
        telu_packet_get(&p->layers, &p->plan,
                        (const uint8_t *)live_in(&l, r, (size_t)live_head(&l)->stride),
                        (size_t)ask->bytes, &m->tab, m->cfg.stages, m->n);
    if (conceal) {
        gain = telu_plc_lost(&plc);
        runs = plc.base && gain != 0.0f;
    } else {
        runs = p->layers.stages > 0 || p->layers.prefix_bits > 0;
        age = runs ? age : 0;
        copy(&row->layers, &p->layers, sizeof(p->layers));
        copy(&row->plan, &p->plan, sizeof(p->plan));
    }
    if (TELU_LANE != 0)
        return;
    row->slot = slot;
    row->dec = (float *)(place + l.slots.past) + m->cfg.latent;
    row->conceal = conceal;
    row->gain = gain;
    row->dec_age = runs ? age : -1;
    slot->plc = plc;
    slot->age = age;
}

int telu_live_parse(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(parse, live_blocks(B, WARPS), LIVE_THREADS, 0, cuda->stream, *l, B);
    return telu_cuda_launched("parser");
}
