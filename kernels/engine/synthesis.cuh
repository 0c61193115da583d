/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.cuh - coefficients of a decoded or concealed packet. Include after coder.cuh and
 * live.cuh.
 */
#ifndef SYNTHESIS_CUH
#define SYNTHESIS_CUH

static __device__ inline void conceal(float *c, const struct telu_row *row,
                                      struct telu_plc *plc, const float *base)
{
    if (row->gain != 0.0f && row->dec_age < 0)
        telu_plc_repeat(plc, c);
    else if (row->gain != 0.0f)
        telu_plc_extrapolate(plc, c, base);
    for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
        c[k] = row->gain == 0.0f ? 0.0f : c[k] * row->gain;
}

/* One warp writes row r's coefficients to c, fills its response head and updates its slot. y and
 * bands: the row's; c, base [320]: the row's own; all may lie in any memory. */
static __device__ inline void synthesise_row(const struct telu_live *l, int r,
                                             const struct telu_layers *y,
                                             const struct telu_bands *bands, float *c, float *base)
{
    const struct telu_row *row = &l->row[r];
    const struct telu_model *m = l->tables;
    struct telu_dec_slot *slot = (struct telu_dec_slot *)row->slot;
    struct telu_plc plc = slot->plc;       /* each lane holds the same copy */
    struct telu_response_head *response = live_response(l, r);
    struct telu_info info = {};
    int bytes = live_request(l, r)->bytes;

    if (row->dec_age < 0)
        for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
            base[k] = 0.0f;
    TELU_SYNC_LANES();
    if (row->conceal) {
        conceal(c, row, &plc, base);
    } else {
        telu_dequantise_packet(c, y, bands, &m->tab, base, &slot->deficit);
        telu_plc_received(&plc, c, row->dec_age >= 0);
        info.stages = y->stages;
        info.refined = y->refined;
        info.step = y->step;
        info.shape = y->shape;
        info.bytes = bytes;
    }
    TELU_SYNC_LANES();                           /* all lanes have read the slot */
    if (TELU_LANE == 0) {
        slot->plc = plc;
        if (row->dec_age >= 0)
            slot->age = live_next_age(row->dec_age, m->cfg.kernel);
        if (row->post_age >= 0)
            slot->post_age = live_next_age(row->post_age, m->cfg.kernel);
        response->bytes = bytes;
        response->result = row->conceal && bytes >= 0;
        response->info = info;
    }
}

#endif
