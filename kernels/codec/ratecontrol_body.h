/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ratecontrol_body.h - definitions of ratecontrol.h, for host and device (host_device.h).
 * Times are in packets, levels in steps (8 to the octave of amplitude, 0.75 dB). */
#ifndef TELU_RATECONTROL_BODY_H
#define TELU_RATECONTROL_BODY_H

#include "ratecontrol.h"

#include "approx.h"
#include "packet.h"

#include <string.h>

#define PER_BYTE 400           /* bit/s that make one byte per packet */
#define SLACK    4             /* bytes by which an estimate may be short */
#define SPACING  8             /* steps between points of a curve */
#define MOST     4             /* times the average: no packet is larger */

/* Shape indices: a flat step is best for SNR; noise that follows the speech a little
 * sounds best, by PESQ the same shape from 6 to 32 kbit/s. */
#define FLAT     0
#define SHAPED   2

#define MEMORY   150.0f        /* packets over which a curve averages */
#define PRIOR    150.0f        /* packets that the prior counts for */
#define QUIET    0.33f         /* share of quiet packets in the prior */
#define RANGE    40.0f         /* active is within this of the loudest: 30 dB */
#define HALVES   3.0f          /* a rise by this halves the past */
#define SINK     0.02f         /* the loudest sinks by this part of the distance */
#define SLOW     70.0f         /* packets over which credit is spent */
#define DEBT     26.0f         /* packets of debt to aim at, if pauses are free */
#define FADE     300.0f        /* packets after which the debt is half as large */
#define CREDIT   60.0f         /* packets of credit kept, at most */
#define FIRST    0.03f         /* part of the rate that a first packet gets */
#define SETTLED  100.0f        /* packets after which all of it is spent */
#define MOVED    60.0f         /* or the level has moved by this: 45 dB */
#define LEAST    0.5f          /* of the rate is wanted, at least, whatever is owed */
#define LARGEST  2.0f          /* at most, whatever is saved */

TELU_PUBLIC void telu_rc_reset(struct telu_rc *rc)
{
    struct telu_rate rate = rc->rate;

    memset(rc, 0, sizeof(*rc));
    rc->rate = rate;
}

TELU_PUBLIC void telu_rc_set(struct telu_rc *rc, const struct telu_rate *rate)
{
    if (rate->bitrate != rc->rate.bitrate || rate->mode != rc->rate.mode) {
        rc->carry = 0;
        rc->credit = 0.0f;
    }
    rc->rate = *rate;
}

TELU_PUBLIC float telu_rc_dead_zone(enum telu_tune tune)
{
    return tune == TELU_SNR ? 0.12f : 0.19f;
}

TELU_PUBLIC int telu_rc_shape(enum telu_tune tune)
{
    return tune == TELU_SNR ? FLAT : SHAPED;
}

TELU_STATIC float average(const struct telu_rc *rc)
{
    return (float)rc->rate.bitrate / PER_BYTE;
}

/* --- Before the networks -------------------------------------------------- */

/* Where the rate stands in telu_split_rate[], on a scale of ratios. */
TELU_STATIC int nearest_rate(int bitrate)
{
    int i = 0;

    while (i < TELU_SPLIT_RATES - 1 &&
           (int64_t)bitrate * bitrate >
           (int64_t)telu_split_rate[i] * telu_split_rate[i + 1])
        i++;
    return i;
}

/* Bytes of a base-only packet. Fractions are carried over, so that 500 bit/s are
 * packets of one byte and, each fourth, of two. */
TELU_STATIC int base_bytes(struct telu_rc *rc, const struct telu_model *m)
{
    int most = (1 + m->cfg.stages * m->n + 7) / 8, bytes;

    if (rc->rate.mode == TELU_CBR) {
        bytes = rc->rate.bitrate / PER_BYTE;
    } else {
        rc->carry += rc->rate.bitrate;
        bytes = rc->carry / PER_BYTE;
        rc->carry -= bytes * PER_BYTE;
    }
    return bytes < most ? bytes : most;
}

TELU_PUBLIC int telu_rc_max_bytes(const struct telu_rate *rate)
{
    int most = MOST * (rate->bitrate / PER_BYTE);

    return most < TELU_MAX_PACKET ? most : TELU_MAX_PACKET;
}

TELU_PUBLIC struct telu_budget telu_rc_budget(struct telu_rc *rc, const struct telu_model *m)
{
    int bytes = rc->rate.bitrate / PER_BYTE;
    int split = m->tab.split[(rc->rate.tune == TELU_SNR) * TELU_SPLIT_RATES +
                             nearest_rate(rc->rate.bitrate)];
    struct telu_budget c = { 0, 0, 0, 0, 0 };

    c.refined = rc->rate.refinement && split != TELU_SPLIT_BASE_ONLY;
    if (!c.refined) {
        c.bytes = c.cap = base_bytes(rc, m);
        return c;
    }
    c.stages = split < m->cfg.stages ? split : m->cfg.stages;

    /* Whatever the table says, something is left for the refinement. */
    while (c.stages > 0 && telu_packet_header_bytes(c.stages, m->n) + SLACK > bytes)
        c.stages--;
    c.shape = telu_rc_shape(rc->rate.tune);
    c.bytes = rc->rate.mode == TELU_CBR ? bytes : 0;
    c.cap = rc->rate.mode == TELU_CBR ? bytes : telu_rc_max_bytes(&rc->rate);
    return c;
}

TELU_CONST int nothing[TELU_COEFS] = { 0 };

TELU_PUBLIC int telu_rc_fits(const struct telu_budget *budget, struct telu_bands *bands,
                 const struct telu_tables *t, int head)
{
    int64_t room = (int64_t)(budget->cap - head - SLACK) * 512;

    if (room <= 0)
        return 0;
    telu_bands_step(bands, t, TELU_STEPS - 1, budget->shape);
    return telu_refine_cost(nothing, bands, t) <= room;
}

/* --- Curves --------------------------------------------------------------- */

struct packet {
    struct telu_bands *bands;
    const struct telu_tables *t;
    const float *c, *base;
    int *q, shape, head;
    float dead;
};

/* Quantises with that step; what the packet would take, in bytes. */
TELU_STATIC float try_step(const struct packet *p, int step)
{
    telu_bands_step(p->bands, p->t, step, p->shape);
    telu_refine_quantise(p->q, p->bands, p->t, p->c, p->base, p->dead);
    return (float)telu_refine_cost(p->q, p->bands, p->t) / 512.0f + (float)p->head +
           0.5f;
}

/* This packet's bytes at each point, or those known already; where they leave what
 * matters, straight on. */
TELU_STATIC void measure(const struct packet *p, const float *known, float most, float *bytes)
{
    int i = TELU_RC_GRID - 1;

    TELU_ROLLED
    for (;; i--) {
        bytes[i] = known ? known[i] : try_step(p, i * SPACING);
        if (i < TELU_RC_GRID - 1 && bytes[i] < bytes[i + 1])
            bytes[i] = bytes[i + 1];
        if (i == 0 || !(bytes[i] < most))
            break;
    }
    TELU_ROLLED
    for (; i > 0; i--) {
        float more = i < TELU_RC_GRID - 1 ? bytes[i] - bytes[i + 1] : 0.0f;

        bytes[i - 1] = bytes[i] + more;
    }
}

TELU_STATIC void scale(struct telu_rc_curve *c, float by)
{
    for (int i = 0; i < TELU_RC_GRID; i++)
        c->bytes[i] *= by;
    c->weight *= by;
}

TELU_STATIC void add(struct telu_rc_curve *c, const float *bytes, float weight)
{
    for (int i = 0; i < TELU_RC_GRID; i++)
        c->bytes[i] += bytes[i];
    c->weight += weight;
}

TELU_STATIC float level(const float *c)
{
    float sum = 0.0f;

    TELU_UNROLL
    for (int k = 0; k < TELU_COEFS; k++)
        sum += c[k] * c[k];
    return 4.0f / 0.69314718f * telu_log(sum / TELU_COEFS + 1e-14f);
}

TELU_STATIC void listen(struct telu_rc *rc, const float *c, const float *bytes)
{
    float now = level(c), rise = now - rc->loudest;

    if (rc->heard == 0) {
        rc->loudest = rc->softest = now;
    } else if (rise > 0.0f) {
        float past = telu_exp(-0.69314718f / HALVES * rise);

        if (rise > RANGE) {            /* what was active is now seen to be quiet */
            add(&rc->quiet, rc->active.bytes, rc->active.weight);
            memset(&rc->active, 0, sizeof(rc->active));
        }
        scale(&rc->active, past);
        scale(&rc->quiet, past);
        rc->loudest = now;
    } else {
        rc->loudest += SINK * rise;
    }
    rc->softest = now < rc->softest ? now : rc->softest;
    rc->heard += rc->heard < 1000000;

    /* Both fade together, so that their shares stay; never into nothing. */
    if (rc->active.weight + rc->quiet.weight > 1.0f) {
        scale(&rc->active, 1.0f - 1.0f / MEMORY);
        scale(&rc->quiet, 1.0f - 1.0f / MEMORY);
    }
    add(now > rc->loudest - RANGE ? &rc->active : &rc->quiet, bytes, 1.0f);
}

/* Bytes of a quiet packet: as heard, or no more than the head. */
TELU_STATIC float pause_at(const struct telu_rc *rc, int i, float head)
{
    return rc->quiet.weight > 1e-12f ? rc->quiet.bytes[i] / rc->quiet.weight
                                     : head + 1.0f;
}

/* Mean bytes of the packets to come, at point i. */
TELU_STATIC float predicted(const struct telu_rc *rc, int i, float head)
{
    float prior, seen;

    if (rc->active.weight <= 1e-12f)
        return pause_at(rc, i, head);
    prior = QUIET * pause_at(rc, i, head) +
            (1.0f - QUIET) * rc->active.bytes[i] / rc->active.weight;
    if (rc->rate.mode == TELU_VBR)
        return prior;
    seen = rc->active.weight + rc->quiet.weight;
    return (rc->active.bytes[i] + rc->quiet.bytes[i] + PRIOR * prior) / (seen + PRIOR);
}

/* The step at which `want` bytes are predicted, and what a pause takes there. */
TELU_STATIC int solve(struct telu_rc *rc, float want, float head)
{
    int i = 0;
    float fine, coarse, at;

    TELU_ROLLED
    while (i < TELU_RC_GRID - 1 && predicted(rc, i, head) > want)
        i++;
    coarse = predicted(rc, i, head);
    rc->pause = pause_at(rc, i, head);
    if (coarse > want)
        return TELU_STEPS - 1;
    if (i == 0)
        return 0;

    /* Between two points bytes fall by an equal ratio for each step. */
    fine = predicted(rc, i - 1, head);
    at = telu_log(fine / want) / telu_log(fine / coarse);
    rc->pause += (1.0f - at) * (pause_at(rc, i - 1, head) - rc->pause);
    return (int)((float)(SPACING * (i - 1)) + SPACING * at + 0.5f);
}

/* Bytes that packets like those heard should take now, on average. */
TELU_STATIC float wanted(const struct telu_rc *rc)
{
    float rate = average(rc), want = 1.0f;
    float settled = (float)rc->heard / SETTLED;
    float moved = (rc->loudest - rc->softest) / MOVED;

    if (rc->rate.mode == TELU_CONSTRAINED_VBR) {
        float saved = rc->pause < rate ? 1.0f - rc->pause / rate : 0.0f;
        float debt = DEBT * FADE / (FADE + (float)rc->heard) * saved;

        want += (rc->credit / rate + debt) / SLOW;
        want = want < LEAST ? LEAST : want > LARGEST ? LARGEST : want;
    }
    moved = moved > settled ? moved : settled;
    return rate * want * (moved < 1.0f ? FIRST + (1.0f - FIRST) * moved : 1.0f);
}

/* --- One packet ----------------------------------------------------------- */

/* The finest step from `least` on with which the packet fits. */
TELU_STATIC int finest(const struct packet *p, int least, float most)
{
    int coarsest = TELU_STEPS - 1;

    TELU_ROLLED
    while (least < coarsest) {
        int step = (least + coarsest) / 2;

        if (try_step(p, step) <= most)
            coarsest = step;
        else
            least = step + 1;
    }
    return least;
}

TELU_PUBLIC float telu_rc_point(const struct telu_rate *rate, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, int head,
                 const float *c, const float *base, int *q, int point)
{
    struct packet p = { bands, t, c, base, q, budget->shape, head, telu_rc_dead_zone(rate->tune) };

    return try_step(&p, point * SPACING);
}

TELU_PUBLIC int telu_rc_step(struct telu_rc *rc, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, int head,
                 const float *c, const float *base, int *q, const float *points)
{
    struct packet p = { bands, t, c, base, q, budget->shape, head,
                        telu_rc_dead_zone(rc->rate.tune) };
    int step = 0;

    if (rc->rate.mode != TELU_CBR) {
        float bytes[TELU_RC_GRID];

        measure(&p, points, 6.0f * average(rc), bytes);
        listen(rc, c, bytes);
        step = solve(rc, wanted(rc), (float)head);
    }
    if (try_step(&p, step) > (float)budget->cap) {
        step = finest(&p, step, (float)budget->cap);
        try_step(&p, step);
    }
    return step;
}

TELU_PUBLIC void telu_rc_update(struct telu_rc *rc, const struct telu_budget *budget, int bytes)
{
    float most = CREDIT * average(rc);

    if (!budget->refined)
        return;
    rc->credit += average(rc) - (float)bytes;
    rc->credit = rc->credit > most ? most : rc->credit < -4.0f * most ? -4.0f * most
                                                                       : rc->credit;
}

#undef PER_BYTE
#undef SLACK
#undef SPACING
#undef MOST
#undef FLAT
#undef SHAPED
#undef MEMORY
#undef PRIOR
#undef QUIET
#undef RANGE
#undef HALVES
#undef SINK
#undef SLOW
#undef DEBT
#undef FADE
#undef CREDIT
#undef FIRST
#undef SETTLED
#undef MOVED
#undef LEAST
#undef LARGEST

#endif
