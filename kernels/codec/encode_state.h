/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encode_state.h - decisions of an encoder about one packet, for host and device:
 *
 *   begin    rate control chooses the budget, and which codes to search
 *   settle   the codes are known: refinement and levels fit, or the packet becomes base-only
 *   finish   chooses the step, writes the packet, updates rate control
 *
 * Between them the caller runs the networks and the code search.
 */
#ifndef TELU_ENCODE_STATE_H
#define TELU_ENCODE_STATE_H

#include "packet.h"
#include "ratecontrol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Input samples are limited to +48 dB over full scale, so that later numbers are finite. */
#define TELU_MAX_INPUT 256.0f

/* Limits a sample; 0 for one that is not finite. */
TELU_INLINE float telu_encode_limit(float v)
{
    /* NaN and infinity have no finite difference to themselves. */
    v = v - v == 0.0f ? v : 0.0f;
    return v < -TELU_MAX_INPUT ? -TELU_MAX_INPUT : v > TELU_MAX_INPUT ? TELU_MAX_INPUT : v;
}

/* Sets budget and all of l but codes, step, levels and q, for a packet of samples pcm [320];
 * overwrites bands. Returns 1 when the packet
 * has codes, so that the networks run, else 0. */
TELU_PUBLIC int telu_encode_begin(struct telu_rc *rc, struct telu_budget *budget,
                                  struct telu_layers *l, struct telu_bands *bands,
                                  const struct telu_model *m, const float *pcm);

/* Call it when the codes of a packet with refinement or levels are known. Returns 1 when these fit;
 * bands then have the envelope, with refinement. Returns 0 otherwise; l is then base-only with as
 * many codes, or more, to search. */
TELU_PUBLIC int telu_encode_settle(const struct telu_budget *budget, struct telu_layers *l,
                                   struct telu_bands *bands, const struct telu_model *m);

/* Writes the packet and returns its bytes. c [320] original; base [320] base layer, read for a
 * packet with refinement or levels only; points as in telu_rc_step(); y [320]: scratch. */
TELU_PUBLIC int telu_encode_finish(struct telu_rc *rc, const struct telu_budget *budget,
                                   struct telu_layers *l, struct telu_bands *bands,
                                   const struct telu_model *m, const float *c,
                                   const float *base, const float *points, float *y,
                                   uint8_t *packet);

/* 1 for a packet whose codes the range coder writes: the search then minds their cost. */
TELU_INLINE int telu_encode_coded(const struct telu_layers *l)
{
    return l->refined || l->leveled;
}

/* Result of telu_encoder_info() and telu_decoder_info() for a packet. */
TELU_INLINE struct telu_info telu_layers_info(const struct telu_layers *l, int bytes)
{
    struct telu_info info = { 0, 0, 0, 0, 0, { 0, 0, 0 } };

    info.stages = l->stages;
    info.refined = l->refined;
    info.step = l->step;
    info.shape = l->shape;
    info.bytes = bytes;
    return info;
}

#ifdef __cplusplus
}
#endif
#endif
