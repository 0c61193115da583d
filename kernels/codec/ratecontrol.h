/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ratecontrol.h - chooses base stages, step and bytes of each packet.
 *
 * Without refinement loud packets get more bytes than soft ones: shares of the mean rate that fall
 * with the level. With it:
 *
 * One step for a whole utterance gives the least error for its bits: every coefficient then
 * has the same noise. The ear asks for a little more: less noise where the speech is soft. So the
 * step of a packet departs from that of the utterance by a fifth of its distance to the mean level
 * of active packets, by 6 dB at most (not with TELU_SNR). The encoder neither knows the utterance
 * nor may wait, so it guesses that step from the packets so far and corrects slowly.
 *
 * Two curves describe those packets: bytes of a packet against the utterance's step, averaged over
 * some seconds, one of the active packets (within 30 dB of the loudest), one of the quiet ones.
 * Their sum predicts the mean rate at any step. Curves need no absolute level: speech at -50
 * and at 0 dB of full scale gets the same bytes.
 *
 *   constrained VBR   solves  predicted(step) = rate (1 + (credit + debt) / slow),
 *                     credit being the bytes saved so far. It aims at a small debt,
 *                     because an utterance ends, and a talker stops, with a pause that
 *                     needs no bytes; the mean over an utterance then meets the rate.
 *   VBR               the same without the credit: usual speech meets the rate, quality
 *                     stays, and pauses save bytes.
 *   CBR               the finest step with which this packet fits.
 *
 * Measurements on speech settled three rules for the start, which is the hard part:
 * - a part of the prediction is a prior: usual speech is one third quiet;
 * - a packet louder than all before reduces the weight of the earlier ones (half per 2.3 dB),
 *   so a cough or a silent lead-in does not set the step of the speech;
 * - the encoder spends less than the rate until the level has moved by 45 dB or 2 s have
 *   passed: a stream usually begins with room noise, which deserves no bits yet.
 */
#ifndef TELU_RATECONTROL_H
#define TELU_RATECONTROL_H

#include "refine.h"
#include "weights.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_RC_GRID   16      /* points of a curve: steps 0, 8 .. 120 */
#define TELU_RC_ACTIVE 40.0f   /* active is within so many steps of the loudest: 30 dB */
#define TELU_RC_PRIOR  150.0f  /* packets that the prior counts for */

struct telu_rc_curve {
    float bytes[TELU_RC_GRID]; /* summed, each packet with its weight */
    float weight;
};

struct telu_rc {
    struct telu_rate rate;
    int carry;                 /* 1/400 byte owed to base-only packets, within a full one */
    struct telu_rc_curve active, quiet;
    float level;               /* of active packets, summed as their curve */
    float loudest, softest;    /* levels, in steps of 0.75 dB */
    int packets;               /* so far, 1000000 at most */
    float credit;              /* bytes saved, negative: owed */
    float pause;               /* bytes of a quiet packet at the last step */
    float code_bits;           /* mean bits of a code, over those expected at first */
    float level_bytes;         /* mean bytes of a packet's levels, over those expected at first */
    float shares, seen;        /* of packets without refinement: shares of the rate, number; fade */
};

/* Decisions about a packet before the networks run. */
struct telu_budget {
    int refined;
    int leveled;               /* 1: has levels */
    int stages;                /* of a packet with refinement or levels */
    int shape;
    int bytes;                 /* exact size; 0: free up to cap */
    int cap;
};

/* Returns to the start of a stream and keeps the rate. */
TELU_PUBLIC void telu_rc_reset(struct telu_rc *rc);

/* Sets the rate. The curves stay, so the next packet meets it; the credit stays, in packets. */
TELU_PUBLIC void telu_rc_set(struct telu_rc *rc, const struct telu_rate *rate);

/* Largest packet at that rate, in bytes. */
TELU_PUBLIC int telu_rc_max_bytes(const struct telu_rate *rate);

/* Chooses the budget of the next packet, whose samples are pcm [320]. */
TELU_PUBLIC struct telu_budget telu_rc_budget(struct telu_rc *rc, const struct telu_model *m,
                                              const float *pcm);

/* Dead zone for telu_level_choose(): wide with few codes, since there codes pay more. refined: 1
 * for a packet with refinement, of any number of codes. The fit of the tables uses the same: levels
 * other than those counted would cost many bits. */
TELU_PUBLIC float telu_rc_level_dead_zone(int stages, int refined);

/* Wider by this where levels have taken more bytes than the rate has; 0 otherwise. */
TELU_PUBLIC float telu_rc_level_debt(const struct telu_rc *rc);

/* Accounts for the S codes of a packet, of `cost` / 64 bits. */
TELU_PUBLIC void telu_rc_code_cost(struct telu_rc *rc, const struct telu_model *m, int S,
                                   uint32_t cost);

/* Accounts for the levels of a packet, of `cost` / 64 bits. */
TELU_PUBLIC void telu_rc_level_cost(struct telu_rc *rc, uint32_t cost);

/* Returns 1 when a packet with these codes, coefficients of 0 at the coarsest step and levels of 0
 * fits, so that some packet does. bands have their envelope, when the budget is refined. */
TELU_PUBLIC int telu_rc_fits(const struct telu_budget *budget, const int *codes,
                             struct telu_bands *bands, const struct telu_model *m);

/* Chooses the step of a refined packet, completes bands with it and quantises c - base to q. head:
 * telu_packet_header_bytes().
 * Returns the step. points [TELU_RC_GRID]: telu_rc_point() of each point; NULL computes only
 * those needed. */
TELU_PUBLIC int telu_rc_step(struct telu_rc *rc, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, float head,
                 const float *c, const float *base, int *q, const float *points);

/* Returns the bytes of the packet at a point of a curve; overwrites bands and q. */
TELU_PUBLIC float telu_rc_point(const struct telu_rate *rate, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, float head,
                 const float *c, const float *base, int *q, int point);

/* Shape index of a tuning and its dead zone, that of high bitrates; for the fit of the tables. */
TELU_PUBLIC float telu_rc_dead_zone(enum telu_tune tune);
TELU_PUBLIC int telu_rc_shape(enum telu_tune tune);

/* Quantises as bitrate and tuning want it: telu_refine_quantise() and, for SNR,
 * telu_refine_thin(), which would cost 0.01 PESQ where zeros are filled in. */
TELU_PUBLIC int telu_rc_quantise(int *q, const struct telu_bands *p, const float *c,
                                 const float *base, const struct telu_rate *rate);

/* Accounts for a written packet. */
TELU_PUBLIC void telu_rc_update(struct telu_rc *rc, const struct telu_budget *budget, int bytes);

#ifdef __cplusplus
}
#endif
#endif
