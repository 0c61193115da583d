/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ratecontrol.h - how many base stages, which step, how many bytes.
 *
 * One step for a whole utterance is what gives the least error for its bits: every
 * coefficient then ends at the same noise. The encoder neither knows the utterance
 * nor may wait, so it guesses that step from what it has heard, and corrects slowly.
 *
 * What it has heard are two curves, bytes of a packet against step, averaged over
 * some seconds: one of the active packets (within 30 dB of the loudest), one of the
 * quiet ones. Their sum predicts the mean rate at any step. Curves need no absolute
 * level: speech at -50 and at 0 dB of full scale gets the same bytes.
 *
 *   constrained VBR   solves  predicted(step) = rate (1 + (credit + debt) / slow),
 *                     credit being the bytes saved so far. It aims at a small debt,
 *                     because an utterance ends, and a talker stops, with a pause that
 *                     needs no bytes; the mean over an utterance then meets the rate.
 *   VBR               the same without the credit: the rate is met while somebody
 *                     speaks in the usual way, quality stays, and pauses are saved.
 *   CBR               the finest step with which this packet fits.
 *
 * Three things are settled by measurement on speech, for the start is what is hard:
 * - a part of the prediction is a prior: usual speech is one third quiet;
 * - when a packet is louder than all before, what came before counts less (half per
 *   2.3 dB), so a cough or a silent lead-in does not set the step of the speech;
 * - until the level has moved by 45 dB or 2 s have passed, less than the rate is
 *   spent: a stream usually begins with room noise, which deserves no bits yet.
 */
#ifndef TELU_RATECONTROL_H
#define TELU_RATECONTROL_H

#include "refine.h"
#include "weights.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_RC_GRID 16        /* points of a curve: steps 0, 8 .. 120 */

struct telu_rc_curve {
    float bytes[TELU_RC_GRID]; /* summed, each packet with its weight */
    float weight;
};

struct telu_rc {
    struct telu_rate rate;
    int carry;                 /* 1/400 byte owed to base-only packets */
    struct telu_rc_curve active, quiet;
    float loudest, softest;    /* levels, in steps of 0.75 dB */
    int heard;                 /* packets, as far as that matters */
    float credit;              /* bytes saved, negative: owed */
    float pause;               /* bytes of a quiet packet at the last step */
};

/* What is settled before the networks run. */
struct telu_budget {
    int refined;
    int stages;                /* of a refined packet */
    int shape;
    int bytes;                 /* exactly so many; 0: free up to cap */
    int cap;
};

/* Back to the start of a stream, keeping the rate. */
TELU_PUBLIC void telu_rc_reset(struct telu_rc *rc);

/* What has been heard stays, so that the new rate is met at once. */
TELU_PUBLIC void telu_rc_set(struct telu_rc *rc, const struct telu_rate *rate);

/* Bytes that no packet of that rate exceeds. */
TELU_PUBLIC int telu_rc_max_bytes(const struct telu_rate *rate);

TELU_PUBLIC struct telu_budget telu_rc_budget(struct telu_rc *rc, const struct telu_model *m);

/* Whether a packet that codes nothing but zeros, at the coarsest step, has room: if
 * so, there is a packet. plan has its envelope; head as of telu_packet_header_bytes(). */
TELU_PUBLIC int telu_rc_fits(const struct telu_budget *budget, struct telu_bands *bands,
                 const struct telu_tables *t, int head);

/* Chooses the step of a refined packet: plan is completed with it, q is what it
 * makes of c - base. Returns the step. points: what telu_rc_point() says of each point,
 * or NULL, and only those needed are tried. */
TELU_PUBLIC int telu_rc_step(struct telu_rc *rc, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, int head,
                 const float *c, const float *base, int *q, const float *points);

/* What the packet would take at a point of a curve, in bytes; plan and q are used up. */
TELU_PUBLIC float telu_rc_point(const struct telu_rate *rate, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, int head,
                 const float *c, const float *base, int *q, int point);

/* The dead zone and the shape index of a tuning; the tables are fitted with the same. */
TELU_PUBLIC float telu_rc_dead_zone(enum telu_tune tune);
TELU_PUBLIC int telu_rc_shape(enum telu_tune tune);

/* The packet has been written. */
TELU_PUBLIC void telu_rc_update(struct telu_rc *rc, const struct telu_budget *budget, int bytes);

#ifdef __cplusplus
}
#endif
#endif
