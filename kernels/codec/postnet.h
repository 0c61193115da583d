/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* postnet.h - the post-network: a causal network behind the decoder that corrects the coefficients
 * of each packet. FORMAT.md, "Post-network", has all formulas.
 *
 *   c, base, prediction, q, steps --> features --> in --> blocks --> out --> change of c [320]
 *                                      1352                          960
 *
 * It sits outside the loop: packets do not depend on it, and a decoder without it still plays. It
 * replaces the rule of the long-term postfilter (Lee et al., "NoLACE", ICASSP 2024, place a network
 * likewise). A quantised coefficient moves by at most one step, and the energy of the others in
 * each band stays, up to 7.5 kHz: the change is bounded whatever the weights are.
 */
#ifndef TELU_POSTNET_H
#define TELU_POSTNET_H

#include "packet.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Coefficients of a hop from here on, 7.5 kHz, that have q = 0 become silent: half of the
 * recordings end there, as the filters of resamplers do, and no level of a band can follow that
 * edge. */
#define TELU_POSTNET_FILL_END 150

enum telu_postnet_kind {       /* one input each */
    TELU_POSTNET_BASE,         /* base layer alone: not corrected */
    TELU_POSTNET_LEVELED,      /* base layer and levels, or those expected of a cut packet */
    TELU_POSTNET_REFINED,
    TELU_POSTNET_CONCEALED,
    TELU_POSTNET_KINDS
};

/* A packet as the post-network sees it. Arrays belong to the caller. */
struct telu_postnet_packet {
    const float *c;            /* [320] dequantised coefficients */
    const float *base;         /* [320] of the decoder network; zeros without one */
    const float *prediction;   /* [320] of the waveform that ltpf.h predicts */
    const float *confidence;   /* [2] of that prediction, for each hop */
    const int *q;              /* [320], read when refined */
    const float *step;         /* [21] Delta[b], read when refined */
    enum telu_postnet_kind kind;
    int stages;                /* whole codes */
};

/* Kind of a packet; l NULL: it is concealed. */
TELU_INLINE enum telu_postnet_kind telu_postnet_kind_of(const struct telu_layers *l)
{
    return !l ? TELU_POSTNET_CONCEALED : l->refined ? TELU_POSTNET_REFINED
           : l->leveled || l->cut ? TELU_POSTNET_LEVELED : TELU_POSTNET_BASE;
}

/* 1 when the post-network corrects such a packet. It learnt what sounds right, so a packet tuned
 * for SNR keeps the postfilter. A base layer alone says too little: corrected, it lost DistillMOS
 * of 0.1. Once concealed packets are silent, the network waits. */
TELU_INLINE int telu_postnet_corrects(const struct telu_layers *l)
{
    return !l || (l->refined ? l->shape != 0 : l->leveled || l->cut);
}

/* f [TELU_POSTNET_FEATURES]: inputs of the network. */
TELU_PUBLIC void telu_postnet_features(float *f, const struct telu_postnet_packet *p);

/* Computes change [320] from the network's outputs o [TELU_POSTNET_OUTPUTS]: the sum of p->c and
 * change is the corrected packet. change may be p->base or p->prediction. */
TELU_PUBLIC void telu_postnet_change(float *change, const float *o,
                                     const struct telu_postnet_packet *p);

#ifdef __cplusplus
}
#endif
#endif
