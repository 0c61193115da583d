/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse.cu - parses packets to rows with the CPU's parser and range decoder: one warp per packet,
 * which it copies to shared memory. It also decides how to conceal a lost or damaged packet, and
 * whether the post-network corrects a row. */
#include "coder.cuh"

#include "live.cuh"

#define WARPS       (LIVE_THREADS / LIVE_WARP)
#define FEW_THREADS 256        /* threads of a row with its own block */

struct parse_scratch {
    struct telu_layers layers;
    struct telu_bands bands;
    __align__(16) uint8_t packet[TELU_MAX_PACKET + 16];
};

/* A warp reads the packet of row r < B. */
static __device__ void read_packet(const struct telu_live *l, int r, struct parse_scratch *p)
{
    const struct telu_model *m = l->tables;
    struct telu_row *row = live_row(l, r);

    if (!row) {
        if (TELU_LANE == 0)
            l->row[r].dec_age = l->row[r].post_age = -1;
        return;
    }
    const struct telu_request_head *request = live_request(l, r);
    char *memory = live_slot(&l->slots, request->slot);
    struct telu_dec_slot *slot = (struct telu_dec_slot *)memory;
    struct telu_plc plc = slot->plc;       /* a copy in each lane, all equal */
    int age = slot->age, post_age = slot->post_age, runs, conceal;
    float gain = 1.0f;

    if (request->bytes > 0)
        copy(p->packet, live_in(l, r, (size_t)live_head(l)->stride),
             live_round((size_t)min(request->bytes, TELU_MAX_PACKET)));
    TELU_SYNC_LANES();                           /* all lanes have read the slot */
    if (request->reset) {
        telu_plc_init(&plc, slot->last);
        telu_deficit_reset(&slot->deficit);
        for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
            slot->tail[i] = slot->change_tail[i] = 0.0f;
        for (int i = TELU_LANE; i < TELU_LTPF_MAX_LAG; i += TELU_LANES)
            slot->previous[i] = 0.0f;
        age = post_age = 0;
    }
    conceal = request->bytes < 0 ||
              telu_packet_get(&p->layers, &p->bands, p->packet, (size_t)request->bytes, &m->tab,
                              m->cfg.stages, m->n);
    if (conceal) {
        gain = telu_plc_next_gain(&plc);
        runs = plc.base && gain != 0.0f;
    } else {
        runs = p->layers.stages > 0 || p->layers.prefix_bits > 0;
        age = runs ? age : 0;
        post_age = telu_postnet_corrects(&p->layers) ? post_age : 0;
        copy(&row->layers, &p->layers, sizeof(p->layers));
        copy(&row->bands, &p->bands, sizeof(p->bands));
    }
    if (TELU_LANE != 0)
        return;
    row->slot = slot;
    row->dec = (float *)(memory + l->slots.history) + m->cfg.latent;
    row->conceal = conceal;
    row->gain = gain;
    row->dec_age = runs ? age : -1;
    row->post = (float *)(memory + l->slots.history) + live_post_offset(&m->cfg);
    row->post_age = m->post.blocks && gain != 0.0f &&
                    telu_postnet_corrects(conceal ? NULL : &p->layers) ? post_age : -1;
    slot->plc = plc;
    slot->age = age;
    slot->post_age = post_age;
}

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
parse(struct telu_live l, int B)
{
    __shared__ struct parse_scratch scratch[WARPS];
    int warp = threadIdx.x / LIVE_WARP, r = blockIdx.x * WARPS + warp;

    if (r < B)
        read_packet(&l, r, &scratch[warp]);
}

/* Prefetches the table rows that a packet of `stages` codes may need, with threads `first` ..
 * `first + n - 1` of a block; the decoding warp would wait for them one by one. */
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
    asm volatile("" : : "r"(sum));         /* keeps the loads */
}

static __global__ void __launch_bounds__(FEW_THREADS) parse_few(struct telu_live l)
{
    __shared__ struct parse_scratch scratch;
    int r = blockIdx.x;

    if (threadIdx.x < LIVE_WARP) {
        read_packet(&l, r, &scratch);
    } else if (live_row(&l, r) && live_request(&l, r)->bytes > 0) {
        const uint8_t *packet = (const uint8_t *)live_in(&l, r, (size_t)live_head(&l)->stride);
        const struct telu_model *m = l.tables;
        struct telu_packet_header h;

        if (telu_packet_peek(&h, packet, (size_t)live_request(&l, r)->bytes, m->cfg.stages,
                             m->n) == 0 && h.refined)
            prefetch_table(&m->tab, h.stages, LIVE_WARP, FEW_THREADS - LIVE_WARP);
    }
}

int telu_live_parse(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    if (B <= TELU_SMALL_ROW_BLOCKS)
        TELU_LAUNCH(parse_few, B, FEW_THREADS, 0, cuda->stream, *l);
    else
        TELU_LAUNCH(parse, live_blocks(B, WARPS), LIVE_THREADS, 0, cuda->stream, *l, B);
    return telu_cuda_launched("parser");
}
