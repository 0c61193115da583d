/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encode_state_body.h - definitions of encode_state.h, for host and device (host_device.h). */
#ifndef TELU_ENCODE_STATE_BODY_H
#define TELU_ENCODE_STATE_BODY_H

#include "encode_state.h"

#define DROP_COEFS 8           /* coefficients of a hop dropped at a time */

/* Sets l to a base-only packet of the budget's bytes. */
TELU_STATIC void encode_base_only(const struct telu_budget *budget, struct telu_layers *l,
                                  const struct telu_model *m)
{
    int stages, prefix_bits;

    telu_packet_capacity(budget->cap, m->cfg.stages, m->n, &stages, &prefix_bits);
    if (TELU_LANE == 0) {
        l->stages = stages;
        l->prefix_bits = prefix_bits;
        l->refined = l->shape = l->step = 0;
    }
}

/* Returns 1 when the refinement fits together with the codes of l; sets the envelope of bands. */
TELU_STATIC int encode_fits(const struct telu_budget *budget, const struct telu_layers *l,
                            struct telu_bands *bands, const struct telu_model *m)
{
    telu_bands_envelope(bands, &m->tab, l->codes, budget->stages);
    return telu_rc_fits(budget, bands, &m->tab,
                        telu_packet_header_bytes(budget->stages, m->n));
}

TELU_PUBLIC int telu_encode_begin(struct telu_rc *rc, struct telu_budget *budget,
                                  struct telu_layers *l, struct telu_bands *bands,
                                  const struct telu_model *m)
{
    int refined;

    *budget = telu_rc_budget(rc, m);
    refined = budget->refined && (budget->stages || encode_fits(budget, l, bands, m));
    if (TELU_LANE == 0)
        l->prefix = 0;
    if (!refined) {
        encode_base_only(budget, l, m);
    } else if (TELU_LANE == 0) {
        l->stages = budget->stages;
        l->prefix_bits = l->step = 0;
        l->refined = 1;
        l->shape = budget->shape;
    }
    TELU_SYNC_LANES();
    return !refined || budget->stages;
}

TELU_PUBLIC int telu_encode_settle(const struct telu_budget *budget, struct telu_layers *l,
                                   struct telu_bands *bands, const struct telu_model *m)
{
    int fits = encode_fits(budget, l, bands, m);

    if (!fits)
        encode_base_only(budget, l, m);
    return fits;
}

/* Writes a packet that fits with some step. Returns its bytes. */
TELU_STATIC int encode_refined(struct telu_rc *rc, const struct telu_budget *budget,
                               struct telu_layers *l, struct telu_bands *bands,
                               const struct telu_model *m, const float *c,
                               const float *base, const float *points, uint8_t *packet)
{
    const struct telu_tables *t = &m->tab;
    int head = telu_packet_header_bytes(budget->stages, m->n), coded = TELU_HOP, step, n;

    step = telu_rc_step(rc, budget, bands, t, head, c, base, l->q, points);
    for (;;) {
        if (TELU_LANE == 0)
            l->step = step;
        TELU_SYNC_LANES();
        n = (int)telu_packet_put(packet, (size_t)budget->cap, budget->bytes, l, bands, t, m->n);
        if (n)
            return n;

        /* Estimates may be a byte short: the loop tries the next coarser step, and past the
         * coarsest it drops the highest coefficients. */
        if (step < TELU_STEPS - 1) {
            telu_bands_step(bands, t, ++step, budget->shape);
            telu_refine_quantise(l->q, bands, t, c, base, telu_rc_dead_zone(rc->rate.tune));
        } else {
            coded -= DROP_COEFS;
            for (int k = coded + TELU_LANE; k < TELU_HOP; k += TELU_LANES)
                l->q[k] = l->q[TELU_HOP + k] = 0;
            TELU_SYNC_LANES();
        }
    }
}

TELU_PUBLIC int telu_encode_finish(struct telu_rc *rc, const struct telu_budget *budget,
                                   struct telu_layers *l, struct telu_bands *bands,
                                   const struct telu_model *m, const float *c,
                                   const float *base, const float *points,
                                   uint8_t *packet)
{
    int n = budget->cap;

    if (l->refined)
        n = encode_refined(rc, budget, l, bands, m, c, base, points, packet);
    else
        telu_packet_put_base(packet, n, l, m->n);
    telu_rc_update(rc, budget, n);
    return n;
}

#undef DROP_COEFS

#endif
