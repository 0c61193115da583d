/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse.cu - packets to rows, with the CPU's parser and range decoder: one thread to a
 * packet. It also settles what a lost or damaged one is replaced by. */
#define TELU_LANES 1
#include "coder.cuh"

#include "live.cuh"

#define THREADS 32             /* divergent, so rather on many SMs */

static __global__ void __launch_bounds__(THREADS) parse(struct telu_live l, int B)
{
    int r = blockIdx.x * THREADS + threadIdx.x;
    const struct telu_model *m = l.tables;

    if (r >= B)
        return;
    struct telu_row *row = live_row(&l, r);

    if (!row) {
        l.row[r].dec_age = -1;
        return;
    }
    const struct telu_ask *ask = live_ask(&l, r);
    char *place = live_slot(&l.slots, ask->slot);
    struct telu_dec_slot *slot = (struct telu_dec_slot *)place;
    int runs;

    if (ask->reset) {
        telu_plc_init(&slot->plc, slot->last);
        for (int i = 0; i < TELU_OVERLAP; i++)
            slot->tail[i] = 0.0f;
        slot->age = 0;
    }
    row->slot = slot;
    row->dec = (float *)(place + l.slots.past) + m->cfg.latent;
    row->gain = 1.0f;
    row->conceal = ask->bytes < 0 ||
        telu_packet_get(&row->layers, &row->plan,
                        (const uint8_t *)live_in(&l, r, (size_t)live_head(&l)->stride),
                        (size_t)ask->bytes, &m->tab, m->cfg.stages, m->n);
    if (row->conceal) {
        row->gain = telu_plc_lost(&slot->plc);
        runs = slot->plc.base && row->gain != 0.0f;
    } else {
        runs = row->layers.stages > 0 || row->layers.prefix_bits > 0;
        if (!runs)
            slot->age = 0;
    }
    row->dec_age = runs ? slot->age : -1;
}

int telu_live_parse(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(parse, live_blocks(B, THREADS), THREADS, 0, cuda->stream, *l, B);
    return telu_cuda_launched("parser");
}
