/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse.cu - packets to rows, with the CPU's parser and range decoder: a warp to a packet,
 * which it reads into shared memory. It also settles what a lost or damaged one is
 * replaced by. */
#include "coder.cuh"

#include "live.cuh"

#define WARPS  (LIVE_THREADS / LIVE_WARP)
#define HELPED 256             /* threads of a row that has a block */

struct parsed {
    struct telu_layers layers;
    struct telu_bands bands;
    __align__(16) uint8_t packet[TELU_MAX_PACKET + 16];
};

/* A warp reads row r, < B. */
static __device__ void read(const struct telu_live *l, int r, struct parsed *p)
{
    const struct telu_model *m = l->tables;
    struct telu_row *row = live_row(l, r);

    if (!row) {
        if (TELU_LANE == 0)
            l->row[r].dec_age = -1;
        return;
    }
    const struct telu_request_head *ask = live_request(l, r);
    char *place = live_slot(&l->slots, ask->slot);
    struct telu_dec_slot *slot = (struct telu_dec_slot *)place;
    struct telu_plc plc = slot->plc;       /* every lane has its own, all alike */
    int age = slot->age, runs, conceal;
    float gain = 1.0f;

    if (ask->bytes > 0)
        copy(p->packet, live_in(l, r, (size_t)live_head(l)->stride),
             live_round((size_t)min(ask->bytes, TELU_MAX_PACKET)));
    TELU_SYNC_LANES();                           /* and all have read the slot */
    if (ask->reset) {
        telu_plc_init(&plc, slot->last);
        for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
            slot->tail[i] = slot->change_tail[i] = 0.0f;
        for (int i = TELU_LANE; i < TELU_LTPF_MAX_LAG; i += TELU_LANES)
            slot->previous[i] = 0.0f;
        age = 0;
    }
    conceal = ask->bytes < 0 || telu_packet_get(&p->layers, &p->bands, p->packet,
                                                (size_t)ask->bytes, &m->tab, m->cfg.stages,
                                                m->n);
    if (conceal) {
        gain = telu_plc_lost(&plc);
        runs = plc.base && gain != 0.0f;
    } else {
        runs = p->layers.stages > 0 || p->layers.prefix_bits > 0;
        age = runs ? age : 0;
        copy(&row->layers, &p->layers, sizeof(p->layers));
        copy(&row->bands, &p->bands, sizeof(p->bands));
    }
    if (TELU_LANE != 0)
        return;
    row->slot = slot;
    row->dec = (float *)(place + l->slots.history) + m->cfg.latent;
    row->conceal = conceal;
    row->gain = gain;
    row->dec_age = runs ? age : -1;
    slot->plc = plc;
    slot->age = age;
}

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
parse(struct telu_live l, int B)
{
    __shared__ struct parsed scratch[WARPS];
    int warp = threadIdx.x / LIVE_WARP, r = blockIdx.x * WARPS + warp;

    if (r < B)
        read(&l, r, &scratch[warp]);
}

/* Threads `first` .. `first + n - 1` of a block prefetch_table the rows of the table that such a
 * packet can need near, for the warp that will wait for them one by one. */
static __device__ void prefetch_table(const struct telu_tables *t, int stages, int first, int n)
{
    const int words = (stages ? TELU_C_BASE : TELU_C_NO_BASE) * (TELU_SYMBOLS + 1);
    const int from = telu_refine_first_class(stages);
    const int each = (words + 15) / 16;    /* sectors of 32 bytes */
    int sum = 0;

    #pragma unroll 4
    for (int i = threadIdx.x - first; i < TELU_CONTEXTS / TELU_C_CLASSES * each; i += n) {
        const uint16_t *row = t->cumul + ((i / each) * TELU_C_CLASSES + from) *
                              (TELU_SYMBOLS + 1);

        sum += row[min(i % each * 16, words - 1)];
    }
    asm volatile("" : : "r"(sum));         /* or nothing would be read */
}

static __global__ void __launch_bounds__(HELPED) parse_alone(struct telu_live l)
{
    __shared__ struct parsed scratch;
    int r = blockIdx.x;

    if (threadIdx.x < LIVE_WARP) {
        read(&l, r, &scratch);
    } else if (live_row(&l, r) && live_request(&l, r)->bytes > 0) {
        const uint8_t *packet = (const uint8_t *)live_in(&l, r, (size_t)live_head(&l)->stride);
        const struct telu_model *m = l.tables;
        struct telu_packet_header h;

        if (telu_packet_peek(&h, packet, (size_t)live_request(&l, r)->bytes, m->cfg.stages,
                             m->n) == 0 && h.refined)
            prefetch_table(&m->tab, h.stages, LIVE_WARP, HELPED - LIVE_WARP);
    }
}

int telu_live_parse(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    if (B <= TELU_SMALL_ROW_BLOCKS)
        TELU_LAUNCH(parse_alone, B, HELPED, 0, cuda->stream, *l);
    else
        TELU_LAUNCH(parse, live_blocks(B, WARPS), LIVE_THREADS, 0, cuda->stream, *l, B);
    return telu_cuda_launched("parser");
}
