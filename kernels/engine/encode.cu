/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encode.cu - how a packet to encode begins on the device: window, and the choice of what
 * it is to hold. A warp to a row. What codec.c does in telu_encode() before its networks;
 * after them comes pack.cu.
 */
#include "coder.cuh"

#include "live.cuh"

/* As in codec.c: louder than any sound, so that all numbers stay finite. */
#define MAX_INPUT 256.0f

static __device__ inline float heard(float v)
{
    v = isfinite(v) ? v : 0.0f;
    return v < -MAX_INPUT ? -MAX_INPUT : v > MAX_INPUT ? MAX_INPUT : v;
}

/* wave: 40 zeros, the end of the packet before, this packet, 40 zeros. */
static __device__ void push_input(float *wave, float *overlap, const float *pcm, int reset)
{
    float *x = wave + TELU_EDGE + TELU_OVERLAP;

    for (int i = TELU_LANE; i < TELU_EDGE; i += TELU_LANES)
        wave[i] = wave[TELU_WAVE - 1 - i] = 0.0f;
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        wave[TELU_EDGE + i] = reset ? 0.0f : overlap[i];
    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES)
        x[i] = heard(pcm[i]);
    TELU_SYNC_LANES();
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        overlap[i] = x[TELU_PACKET - TELU_OVERLAP + i];
}

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
window(struct telu_live l, int B)
{
    int r = live_warp_row();
    const struct telu_model *m = l.tables;

    if (r >= B)
        return;
    struct telu_row *row = live_row(&l, r);

    if (!row) {
        l.row[r].enc_age = l.row[r].dec_age = -1;
        return;
    }
    const struct telu_request_head *ask = live_request(&l, r);
    char *place = live_slot(&l.slots, ask->slot);
    struct telu_enc_slot *slot = (struct telu_enc_slot *)place;
    struct telu_rc rc = slot->rc;          /* every lane has its own, all alike */

    push_input(l.wave + (size_t)r * TELU_WAVE, slot->overlap,
            (const float *)live_in(&l, r, LIVE_PCM), ask->reset);
    if (ask->reset)
        memset(&rc, 0, sizeof(rc));
    telu_rc_set(&rc, &ask->rate);

    struct telu_budget budget = telu_rc_budget(&rc, m);
    int refined = budget.refined, stages = budget.stages, prefix_bits = 0, listen = 1;
    int enc_age = ask->reset ? 0 : slot->enc_age, dec_age = ask->reset ? 0 : slot->dec_age;

    if (refined && !stages) {              /* no codes: no networks, if it fits */
        telu_bands_envelope(&row->bands, &m->tab, NULL, 0);
        refined = telu_rc_fits(&budget, &row->bands, &m->tab, telu_packet_header_bytes(0, m->n));
        listen = !refined;
    }
    if (!refined)
        telu_packet_capacity(budget.cap, m->cfg.stages, m->n, &stages, &prefix_bits);
    TELU_SYNC_LANES();                           /* all have read the slot */
    if (TELU_LANE == 0) {
        row->slot = slot;
        row->enc = (float *)(place + l.slots.history);
        row->dec = row->enc + live_history_floats(&m->cfg, m->cfg.enc_width, m->cfg.enc_blocks);
        row->enc_age = listen ? enc_age : -1;
        row->dec_age = listen ? dec_age : -1;
        row->budget = budget;
        row->refined = refined;
        row->layers.stages = stages;
        row->layers.prefix_bits = prefix_bits;
        row->layers.prefix = 0;
        slot->rc = rc;
    }
}

int telu_live_window(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(window, live_blocks(B, LIVE_THREADS / LIVE_WARP), LIVE_THREADS, 0,
                cuda->stream, *l, B);
    return telu_cuda_launched("window");
}
