/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encode.cu - begins a packet on the device: input window, budget and layers, one warp per row.
 * It matches telu_encode() in encode_pass.c before the networks; pack.cu follows them.
 */
#include "coder.cuh"

#include "live.cuh"

/* wave: 40 zeros, the end of the packet before, this packet, 40 zeros. */
static __device__ void push_input(float *wave, float *overlap, struct telu_highpass *highpass,
                                  const float *pcm, const struct telu_request_head *request)
{
    float *x = wave + TELU_EDGE + TELU_OVERLAP;

    for (int i = TELU_LANE; i < TELU_EDGE; i += TELU_LANES)
        wave[i] = wave[TELU_WAVE - 1 - i] = 0.0f;
    for (int i = TELU_LANE; i < TELU_OVERLAP; i += TELU_LANES)
        wave[TELU_EDGE + i] = request->reset ? 0.0f : overlap[i];
    for (int i = TELU_LANE; i < TELU_PACKET; i += TELU_LANES)
        x[i] = telu_encode_limit(pcm[i]);
    TELU_SYNC_LANES();
    telu_highpass_run(highpass, x, telu_highpass_wanted(&request->rate));
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
    const struct telu_request_head *request = live_request(&l, r);
    char *memory = live_slot(&l.slots, request->slot);
    struct telu_enc_slot *slot = (struct telu_enc_slot *)memory;
    struct telu_rc rc = slot->rc;          /* a copy in each lane, all equal */
    struct telu_highpass highpass = slot->highpass;        /* likewise */

    if (request->reset) {
        memset(&rc, 0, sizeof(rc));
        memset(&highpass, 0, sizeof(highpass));
    }
    push_input(l.wave + (size_t)r * TELU_WAVE, slot->overlap, &highpass,
               (const float *)live_in(&l, r, LIVE_PCM), request);
    telu_rc_set(&rc, &request->rate);

    struct telu_budget budget;
    int runs = telu_encode_begin(&rc, &budget, &row->layers, &row->bands, m,
                                 l.wave + (size_t)r * TELU_WAVE + TELU_EDGE + TELU_OVERLAP);
    int enc_age = request->reset ? 0 : slot->enc_age, dec_age = request->reset ? 0 : slot->dec_age;

    TELU_SYNC_LANES();                           /* all lanes have read the slot */
    if (TELU_LANE == 0) {
        row->slot = slot;
        row->enc = (float *)(memory + l.slots.history);
        row->dec = row->enc + live_history_floats(&m->cfg, m->cfg.enc_width, m->cfg.enc_blocks);
        row->enc_age = runs ? enc_age : -1;
        row->dec_age = runs ? dec_age : -1;
        row->budget = budget;
        slot->rc = rc;
        slot->highpass = highpass;
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
