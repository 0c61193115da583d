/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ratecontrol_body.h - curves of bytes and the step chosen by them: the other definitions of
 * ratecontrol.h, for host and device (host_device.h). Times are in packets, levels in steps (8 to
 * the octave of amplitude, 0.75 dB). */
#ifndef TELU_RATECONTROL_BODY_H
#define TELU_RATECONTROL_BODY_H

#include "budget_body.h"

#define POINT_STEPS     8       /* steps between points of a curve */
#define CLAMPED_BYTES   1e6f    /* stands for the bytes of a packet with a clamped magnitude */
#define STEP_FOLLOWS    0.2f    /* share of a packet's distance to the mean level that its step
                                 * follows, */
#define STEP_MOST       8.0f    /* by so many steps at most */
#define CURVE_MEMORY    150.0f  /* packets over which a curve averages */
#define PRIOR_QUIET     0.33f   /* share of quiet packets in the prior */
#define HALVING_RISE    3.0f    /* a rise by this halves the curves */
#define CREDIT_TIME     70.0f   /* packets over which credit is spent */
#define TARGET_DEBT     26.0f   /* packets of debt to aim at when pauses take no bytes */
#define DEBT_HALVING    300.0f  /* packets until the target debt is half as large */
#define MAX_CREDIT      60.0f   /* packets of credit kept, at most */
#define FIRST_SHARE     0.03f   /* share of the rate that a first packet gets */
#define SETTLED_PACKETS 100.0f  /* packets until the whole rate is spent */
#define SETTLED_RISE    60.0f   /* or until the level has moved by this: 45 dB */
#define MIN_SHARE       0.5f    /* least share of the rate to aim at, whatever the debt */
#define MAX_SHARE       2.0f    /* largest share, whatever the credit */
#define MAX_CODE_CREDIT 12.0f   /* packets of a base layer's credit kept, at most */

/* --- Curves --------------------------------------------------------------- */

struct rc_packet {
    struct telu_bands *bands;
    const struct telu_tables *t;
    const float *c, *base;
    int *q, shape;
    float head;
    const struct telu_rate *rate;
};

/* Quantises with that step. Returns the bytes that the packet would have. A step too fine for the
 * largest coefficient gets CLAMPED_BYTES and fits nowhere: it would save bytes, but lose the
 * sound. */
TELU_STATIC float rc_try_step(const struct rc_packet *p, int step)
{
    telu_bands_step(p->bands, p->t, step, p->shape);
    if (telu_rc_quantise(p->q, p->bands, p->c, p->base, p->rate))
        return CLAMPED_BYTES;
    return (float)telu_refine_cost(p->q, p->bands, p->t) / 512.0f + p->head + 0.5f;
}

/* Sets bytes to this packet's size at each point, measured or from known. Above `most` bytes, and
 * where a magnitude is clamped, the curve goes on with its last slope. */
TELU_STATIC void rc_measure(const struct rc_packet *p, const float *known, float most, float *bytes)
{
    int i = TELU_RC_GRID - 1;

    TELU_ROLLED
    for (;; i--) {
        bytes[i] = known ? known[i] : rc_try_step(p, i * POINT_STEPS);
        if (bytes[i] >= CLAMPED_BYTES) {
            i += i < TELU_RC_GRID - 1;
            bytes[i] = bytes[i] < most ? bytes[i] : most;
            break;
        }
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

TELU_STATIC void rc_scale_curve(struct telu_rc_curve *c, float by)
{
    for (int i = 0; i < TELU_RC_GRID; i++)
        c->bytes[i] *= by;
    c->weight *= by;
}

TELU_STATIC void rc_add_to_curve(struct telu_rc_curve *c, const float *bytes, float weight)
{
    for (int i = 0; i < TELU_RC_GRID; i++)
        c->bytes[i] += bytes[i];
    c->weight += weight;
}

/* Both curves fade together, so their shares stay. */
TELU_STATIC void rc_fade(struct telu_rc *rc, float by)
{
    rc_scale_curve(&rc->active, by);
    rc_scale_curve(&rc->quiet, by);
    rc->level *= by;
}

/* Steps by which a packet of level `now` departs from the step of the utterance. */
TELU_STATIC int rc_offset(const struct telu_rc *rc, float now)
{
    float by = 0.0f;

    if (rc->rate.tune != TELU_SNR && rc->active.weight > 1e-12f)
        by = STEP_FOLLOWS * (now - rc->level / rc->active.weight);
    by = by < -STEP_MOST ? -STEP_MOST : by > STEP_MOST ? STEP_MOST : by;
    return (int)(by + 128.5f) - 128;
}

/* Moves a packet's curve by `by` steps, so that point i has its bytes with a step that is so much
 * coarser. Between points bytes fall by an equal ratio for each step; outside, by that of the last
 * two. */
TELU_STATIC void rc_shift(float *bytes, int by)
{
    float logs[TELU_RC_GRID];

    TELU_ROLLED
    for (int i = 0; i < TELU_RC_GRID; i++)
        logs[i] = telu_log(bytes[i]);
    TELU_ROLLED
    for (int i = 0; i < TELU_RC_GRID; i++) {
        int at = POINT_STEPS * i + by, low = at < 0 ? 0 : at / POINT_STEPS;
        float more;

        low = low < TELU_RC_GRID - 1 ? low : TELU_RC_GRID - 2;
        more = (logs[low + 1] - logs[low]) * (float)(at - POINT_STEPS * low) / POINT_STEPS;
        bytes[i] = telu_exp(logs[low] + more);
    }
}

/* Adds a packet's curve, moved by its offset, to that of the active or of the quiet packets.
 * Returns the offset. */
TELU_STATIC_NOINLINE int rc_update_curves(struct telu_rc *rc, const float *c, float *bytes)
{
    float now = rc_level(c, TELU_COEFS), rise = now - rc->loudest;
    int active, by;

    if (rc->packets > 0 && rise > 0.0f) {
        float past = telu_exp(-0.69314718f / HALVING_RISE * rise);

        if (rise > TELU_RC_ACTIVE) {         /* active packets turn out to be quiet */
            rc_add_to_curve(&rc->quiet, rc->active.bytes, rc->active.weight);
            memset(&rc->active, 0, sizeof(rc->active));
            rc->level = 0.0f;
        }
        rc_fade(rc, past);
    }
    rc_track_level(rc, now);

    /* A weight of 1 remains. */
    if (rc->active.weight + rc->quiet.weight > 1.0f)
        rc_fade(rc, 1.0f - 1.0f / CURVE_MEMORY);
    by = rc_offset(rc, now);
    if (by)
        rc_shift(bytes, by);
    active = now > rc->loudest - TELU_RC_ACTIVE;
    rc_add_to_curve(active ? &rc->active : &rc->quiet, bytes, 1.0f);
    if (active)
        rc->level += now;
    return by;
}

/* Mean bytes of quiet packets at point i; without any, one byte after the header. */
TELU_STATIC float rc_quiet_bytes(const struct telu_rc *rc, int i, float head)
{
    return rc->quiet.weight > 1e-12f ? rc->quiet.bytes[i] / rc->quiet.weight
                                     : head + 1.0f;
}

/* Predicted mean bytes of the next packets, at point i. */
TELU_STATIC float rc_predicted_bytes(const struct telu_rc *rc, int i, float head)
{
    float prior, seen;

    if (rc->active.weight <= 1e-12f)
        return rc_quiet_bytes(rc, i, head);
    prior = PRIOR_QUIET * rc_quiet_bytes(rc, i, head) +
            (1.0f - PRIOR_QUIET) * rc->active.bytes[i] / rc->active.weight;
    if (rc->rate.mode == TELU_VBR)
        return prior;
    seen = rc->active.weight + rc->quiet.weight;
    return (rc->active.bytes[i] + rc->quiet.bytes[i] + TELU_RC_PRIOR * prior) /
           (seen + TELU_RC_PRIOR);
}

/* Returns the step with a prediction of `want` bytes; sets the bytes of a pause at that step. */
TELU_STATIC int rc_solve_step(struct telu_rc *rc, float want, float head)
{
    int i = 0;
    float fine, coarse, at;

    TELU_ROLLED
    while (i < TELU_RC_GRID - 1 && rc_predicted_bytes(rc, i, head) > want)
        i++;
    coarse = rc_predicted_bytes(rc, i, head);
    rc->pause = rc_quiet_bytes(rc, i, head);
    if (coarse > want)
        return TELU_STEPS - 1;
    if (i == 0)
        return 0;

    /* Between two points bytes fall by an equal ratio for each step. */
    fine = rc_predicted_bytes(rc, i - 1, head);
    at = telu_log(fine / want) / telu_log(fine / coarse);
    rc->pause += (1.0f - at) * (rc_quiet_bytes(rc, i - 1, head) - rc->pause);
    return (int)((float)(POINT_STEPS * (i - 1)) + POINT_STEPS * at + 0.5f);
}

/* Mean bytes that packets like those so far should have now. */
TELU_STATIC float rc_wanted_bytes(const struct telu_rc *rc)
{
    float rate = rc_average_bytes(rc), want = 1.0f;
    float settled = (float)rc->packets / SETTLED_PACKETS;
    float moved = (rc->loudest - rc->softest) / SETTLED_RISE;

    if (rc->rate.mode == TELU_CONSTRAINED_VBR) {
        float saved = rc->pause < rate ? 1.0f - rc->pause / rate : 0.0f;
        float debt = TARGET_DEBT * DEBT_HALVING / (DEBT_HALVING + (float)rc->packets) * saved;

        want += (rc->credit / rate + debt) / CREDIT_TIME;
        want = want < MIN_SHARE ? MIN_SHARE : want > MAX_SHARE ? MAX_SHARE : want;
    }
    moved = moved > settled ? moved : settled;
    return rate * want * (moved < 1.0f ? FIRST_SHARE + (1.0f - FIRST_SHARE) * moved : 1.0f);
}

/* --- One packet ----------------------------------------------------------- */

/* Finest step from `least` on with which the packet fits. */
TELU_STATIC int rc_finest_step(const struct rc_packet *p, int least, float most)
{
    int coarsest = TELU_STEPS - 1;

    TELU_ROLLED
    while (least < coarsest) {
        int step = (least + coarsest) / 2;

        if (rc_try_step(p, step) <= most)
            coarsest = step;
        else
            least = step + 1;
    }
    return least;
}

TELU_PUBLIC float telu_rc_point(const struct telu_rate *rate, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, float head,
                 const float *c, const float *base, int *q, int point)
{
    struct rc_packet p = { bands, t, c, base, q, budget->shape, head,
                           rate };

    return rc_try_step(&p, point * POINT_STEPS);
}

TELU_PUBLIC int telu_rc_step(struct telu_rc *rc, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, float head,
                 const float *c, const float *base, int *q, const float *points)
{
    struct rc_packet p = { bands, t, c, base, q, budget->shape, head,
                           &rc->rate };
    float room = (float)budget->cap - (budget->leveled ? rc_level_bytes(rc) : 0.0f);
    int step = 0;

    if (rc->rate.mode != TELU_CBR) {
        float bytes[TELU_RC_GRID];

        rc_measure(&p, points, 6.0f * rc_average_bytes(rc), bytes);
        if (budget->leveled)
            for (int i = 0; i < TELU_RC_GRID; i++)
                bytes[i] += rc_level_bytes(rc);
        step = rc_update_curves(rc, c, bytes);
        step += rc_solve_step(rc, rc_wanted_bytes(rc), head);
        step = step < 0 ? 0 : step < TELU_STEPS - 1 ? step : TELU_STEPS - 1;
    } else {
        rc_track_level(rc, rc_level(c, TELU_COEFS));
    }
    if (rc_try_step(&p, step) > room) {
        step = rc_finest_step(&p, step, room);
        rc_try_step(&p, step);
    }
    return step;
}

TELU_PUBLIC void telu_rc_update(struct telu_rc *rc, const struct telu_budget *budget, int bytes)
{
    float most = (budget->refined ? MAX_CREDIT : MAX_CODE_CREDIT) * rc_average_bytes(rc);

    rc->credit += rc_average_bytes(rc) - (float)bytes;
    rc->credit = rc->credit > most ? most : rc->credit < -4.0f * most ? -4.0f * most
                                                                       : rc->credit;
}

#undef POINT_STEPS
#undef CLAMPED_BYTES
#undef STEP_FOLLOWS
#undef STEP_MOST
#undef CURVE_MEMORY
#undef PRIOR_QUIET
#undef HALVING_RISE
#undef CREDIT_TIME
#undef TARGET_DEBT
#undef DEBT_HALVING
#undef MAX_CREDIT
#undef FIRST_SHARE
#undef SETTLED_PACKETS
#undef SETTLED_RISE
#undef MIN_SHARE
#undef MAX_SHARE
#undef MAX_CODE_CREDIT

#endif
