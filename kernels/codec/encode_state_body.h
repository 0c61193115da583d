/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encode_state_body.h - definitions of encode_state.h, for host and device (host_device.h). */
#ifndef TELU_ENCODE_STATE_BODY_H
#define TELU_ENCODE_STATE_BODY_H

#include "encode_state.h"

#define DROP_COEFS 8           /* coefficients of a hop dropped at a time */
#define MAX_DEAD   160.0f      /* a dead zone in which every level is 0 */

/* Sets l to a base-only packet of the budget's bytes. */
TELU_STATIC void encode_base_only(const struct telu_budget *budget, struct telu_layers *l,
                                  const struct telu_model *m)
{
    int stages, prefix_bits;

    telu_packet_capacity(budget->cap, m->cfg.stages, m->n, &stages, &prefix_bits);
    if (TELU_LANE == 0) {
        l->stages = stages;
        l->prefix_bits = prefix_bits;
        l->refined = l->leveled = l->shape = l->step = 0;
    }
}

/* Returns 1 when refinement and levels fit together with the codes of l; sets the envelope of
 * bands of a refined packet. */
TELU_STATIC int encode_fits(const struct telu_budget *budget, const struct telu_layers *l,
                            struct telu_bands *bands, const struct telu_model *m)
{
    if (budget->refined)
        telu_bands_envelope(bands, &m->tab, l->codes, budget->stages);
    return telu_rc_fits(budget, l->codes, bands, m);
}

TELU_PUBLIC int telu_encode_begin(struct telu_rc *rc, struct telu_budget *budget,
                                  struct telu_layers *l, struct telu_bands *bands,
                                  const struct telu_model *m, const float *pcm)
{
    int refined;

    *budget = telu_rc_budget(rc, m, pcm);
    refined = budget->refined && (budget->stages || encode_fits(budget, l, bands, m));
    if (TELU_LANE == 0)
        l->prefix = 0;
    if (!refined && (budget->refined || !budget->leveled)) {
        encode_base_only(budget, l, m);
    } else if (TELU_LANE == 0) {
        l->stages = budget->stages;
        l->prefix_bits = 0;
        l->step = 0;
        l->refined = refined;
        l->leveled = budget->leveled;
        l->shape = refined ? budget->shape : TELU_SHAPE_LEVELS;
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
                               const float *base, const float *points, float *y,
                               uint8_t *packet)
{
    const struct telu_tables *t = &m->tab;
    float dead = telu_rc_level_dead_zone(l->stages, 1);
    float head = telu_packet_header_bytes(l->codes, l->stages, 1, t);
    int coded = TELU_HOP, step, n;

    step = telu_rc_step(rc, budget, bands, t, head, c, base, l->q, points);
    for (;;) {
        if (TELU_LANE == 0)
            l->step = step;
        TELU_SYNC_LANES();
        if (l->leveled) {
            telu_dequantise_plain(y, l, bands, t, base);
            telu_level_choose(l->level, c, y, l->q, dead);
        }
        n = (int)telu_packet_put(packet, (size_t)budget->cap, budget->bytes, l, bands, t);
        if (n) {
            telu_rc_code_cost(rc, m, l->stages, telu_code_cost(l->codes, l->stages, t));
            if (l->leveled)
                telu_rc_level_cost(rc, telu_level_cost(l->level, l->q, l->stages, t));
            return n;
        }

        /* Estimates may be some bytes short: the loop tries the next coarser step, and past the
         * coarsest it sets the levels to 0 and drops the highest coefficients. */
        if (step < TELU_STEPS - 1) {
            telu_bands_step(bands, t, ++step, budget->shape);
            telu_rc_quantise(l->q, bands, c, base, &rc->rate);
        } else {
            dead = MAX_DEAD;
            coded -= DROP_COEFS;
            for (int k = coded + TELU_LANE; k < TELU_HOP; k += TELU_LANES)
                l->q[k] = l->q[TELU_HOP + k] = 0;
            TELU_SYNC_LANES();
        }
    }
}

/* Writes a packet of base layer and levels, coarser ones until it fits. Returns its bytes. */
TELU_STATIC int encode_levels(struct telu_rc *rc, const struct telu_budget *budget,
                              struct telu_layers *l, const struct telu_bands *bands,
                              const struct telu_model *m, const float *c, const float *base,
                              float *y, uint8_t *packet)
{
    const struct telu_tables *t = &m->tab;
    float dead = telu_rc_level_dead_zone(l->stages, 0) + telu_rc_level_debt(rc);
    int n;

    telu_dequantise_plain(y, l, bands, t, base);
    for (;; dead *= 1.25f) {
        telu_level_choose(l->level, c, y, NULL, dead);
        n = (int)telu_packet_put_levels(packet, (size_t)budget->cap, budget->bytes, l, t);
        if (n || dead > MAX_DEAD)
            break;
        TELU_SYNC_LANES();                 /* all lanes have read the levels */
    }
    telu_rc_code_cost(rc, m, l->stages, telu_code_cost(l->codes, l->stages, t));
    telu_rc_level_cost(rc, telu_level_cost(l->level, NULL, l->stages, t));
    return n;
}

TELU_PUBLIC int telu_encode_finish(struct telu_rc *rc, const struct telu_budget *budget,
                                   struct telu_layers *l, struct telu_bands *bands,
                                   const struct telu_model *m, const float *c,
                                   const float *base, const float *points, float *y,
                                   uint8_t *packet)
{
    int n = budget->cap;

    if (l->refined)
        n = encode_refined(rc, budget, l, bands, m, c, base, points, y, packet);
    else if (l->leveled)
        n = encode_levels(rc, budget, l, bands, m, c, base, y, packet);
    else
        telu_packet_put_base(packet, n, l, m->n);
    telu_rc_update(rc, budget, n);
    return n;
}

#undef DROP_COEFS
#undef MAX_DEAD

#endif
