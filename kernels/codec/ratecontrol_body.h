/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ratecontrol_body.h - definitions of ratecontrol.h, for host and device (host_device.h).
 * Times are in packets, levels in steps (8 to the octave of amplitude, 0.75 dB). */
#ifndef TELU_RATECONTROL_BODY_H
#define TELU_RATECONTROL_BODY_H

#include "ratecontrol.h"

#include "approx.h"
#include "packet.h"

#include <string.h>

#define RATE_PER_BYTE   400     /* bit/s that make one byte per packet */
#define HEADER_BYTES    2       /* first byte and step */
#define SLACK_BYTES     4       /* bytes by which an estimate may be short */
#define POINT_STEPS     8       /* steps between points of a curve */
#define MAX_RATIO       4       /* largest packet / average one */
#define CLAMPED_BYTES   1e6f    /* stands for the bytes of a packet with a clamped magnitude */
#define STEP_FOLLOWS    0.2f    /* share of a packet's distance to the mean level that its step
                                 * follows, */
#define STEP_MOST       8.0f    /* by so many steps at most */

/* Shape indices: a flat step is best for SNR; noise that follows the speech a little
 * sounds best, by PESQ the same shape from 6 to 32 kbit/s. */
#define SHAPE_FLAT      0
#define SHAPE_SPEECH    2

#define CURVE_MEMORY    150.0f  /* packets over which a curve averages */
#define PRIOR_WEIGHT    150.0f  /* packets that the prior counts for */
#define PRIOR_QUIET     0.33f   /* share of quiet packets in the prior */
#define ACTIVE_RANGE    40.0f   /* active is within this of the loudest: 30 dB */
#define HALVING_RISE    3.0f    /* a rise by this halves the curves */
#define LOUDEST_DECAY   0.02f   /* share of its distance to the level that loudest falls by */
#define CREDIT_TIME     70.0f   /* packets over which credit is spent */
#define TARGET_DEBT     26.0f   /* packets of debt to aim at when pauses take no bytes */
#define DEBT_HALVING    300.0f  /* packets until the target debt is half as large */
#define MAX_CREDIT      60.0f   /* packets of credit kept, at most */
#define FIRST_SHARE     0.03f   /* share of the rate that a first packet gets */
#define SETTLED_PACKETS 100.0f  /* packets until the whole rate is spent */
#define SETTLED_RISE    60.0f   /* or until the level has moved by this: 45 dB */
#define MIN_SHARE       0.5f    /* least share of the rate to aim at, whatever the debt */
#define MAX_SHARE       2.0f    /* largest share, whatever the credit */

#define CODE_SHARE      0.85f   /* bits of a code, of its n, that are expected at first */
#define CODE_END        32      /* bits behind the codes that make them certain, at most */
#define LEVEL_BYTES     4.5f    /* bytes that a packet's levels are expected to take at first */
#define LEVEL_MEMORY    32.0f   /* packets over which their mean is taken */
#define LEVEL_DEAD      0.65f   /* dead zone of levels, in steps, with many codes */
#define LEVEL_DEAD_FEW  2.0f    /* with up to FEW_CODES */
#define FREE_DEBT       2.0f    /* packets of debt from which on it widens, */
#define DEAD_PER_DEBT   0.5f    /* by so many steps per packet */
#define FEW_CODES       3
#define MANY_CODES      7
#define QUIET_STAGES    2       /* codes of a pause beside refinement */
#define BASE_MOST       1.8f    /* share of the mean rate that the loudest packet gets, */
#define BASE_FALL       0.03f   /* less by this for each step below, */
#define BASE_LEAST      0.25f   /* least share, and that of a pause; without levels */
#define CODE_MOST       1.3f    /* the same with levels */
#define CODE_FALL       0.01f
#define CODE_LEAST      0.5f
#define CODE_FRAME      1.5f    /* bytes of header and the range coder's end */
#define CBR_MARGIN      1.0f    /* bytes kept for levels that take more than their mean */
#define CODE_CREDIT     25.0f   /* packets over which a base layer's credit is spent */
#define MAX_CODE_CREDIT 12.0f   /* packets of it kept, at most */

TELU_PUBLIC void telu_rc_reset(struct telu_rc *rc)
{
    struct telu_rate rate = rc->rate;

    memset(rc, 0, sizeof(*rc));
    rc->rate = rate;
}

TELU_PUBLIC void telu_rc_set(struct telu_rc *rc, const struct telu_rate *rate)
{
    int was = rc->rate.bitrate;

    if (rate->bitrate != was || rate->mode != rc->rate.mode)
        rc->carry = 0;
    /* The debt stays, in packets: forgiven at each change, it would be made again, and a rate that
     * changes each second be exceeded by a quarter. */
    if (rate->mode != rc->rate.mode)
        rc->credit = 0.0f;
    else if (rate->bitrate != was && was > 0)
        rc->credit *= (float)rate->bitrate / (float)was;
    rc->rate = *rate;
}

TELU_PUBLIC float telu_rc_dead_zone(enum telu_tune tune)
{
    return tune == TELU_SNR ? 0.12f : 0.19f;
}

TELU_PUBLIC int telu_rc_quantise(int *q, const struct telu_bands *p, const float *c,
                                 const float *base, enum telu_tune tune)
{
    int clamped = telu_refine_quantise(q, p, c, base, telu_rc_dead_zone(tune));

    if (tune == TELU_SNR)
        telu_refine_thin(q, p, c, base);
    return clamped;
}

TELU_PUBLIC int telu_rc_shape(enum telu_tune tune)
{
    return tune == TELU_SNR ? SHAPE_FLAT : SHAPE_SPEECH;
}

TELU_STATIC float rc_average_bytes(const struct telu_rc *rc)
{
    return (float)rc->rate.bitrate / RATE_PER_BYTE;
}

TELU_CONST int rc_zeros[TELU_COEFS] = { 0 };

/* --- Before the networks -------------------------------------------------- */

/* Index of the nearest rate, by ratio, in telu_split_rate[]. */
TELU_STATIC int rc_split_index(int bitrate)
{
    int i = 0;

    while (i < TELU_SPLIT_RATES - 1 &&
           (int64_t)bitrate * bitrate >
           (int64_t)telu_split_rate[i] * telu_split_rate[i + 1])
        i++;
    return i;
}

TELU_PUBLIC int telu_rc_max_bytes(const struct telu_rate *rate)
{
    int most = MAX_RATIO * (rate->bitrate / RATE_PER_BYTE);

    return most < TELU_MAX_PACKET ? most : TELU_MAX_PACKET;
}

/* Level of the n numbers of c, in steps of 0.75 dB. */
TELU_STATIC float rc_level(const float *c, int n)
{
    float sum = 0.0f;

    TELU_UNROLL
    for (int k = 0; k < n; k++)
        sum += c[k] * c[k];
    return 4.0f / 0.69314718f * telu_log(sum / (float)n + 1e-14f);
}

/* Follows the loudest and the softest level. */
TELU_STATIC void rc_track_level(struct telu_rc *rc, float now)
{
    float rise = now - rc->loudest;

    if (rc->packets == 0)
        rc->loudest = rc->softest = now;
    else
        rc->loudest = rise > 0.0f ? now : rc->loudest + LOUDEST_DECAY * rise;
    rc->softest = now < rc->softest ? now : rc->softest;
    rc->packets += rc->packets < 1000000;
}

/* --- Packets without refinement --------------------------------------------- */

/* Share of the mean rate that a packet without refinement gets. Loud packets carry what is
 * heard; with bytes dealt by level, the same mean sounds better than with equal packets. */
TELU_STATIC float rc_share(const struct telu_rc *rc, float level, int quiet, int leveled)
{
    float below = rc->packets > 0 && rc->loudest > level ? rc->loudest - level : 0.0f;
    float least = leveled ? CODE_LEAST : BASE_LEAST;
    float share = leveled ? CODE_MOST - CODE_FALL * below : BASE_MOST - BASE_FALL * below;

    return quiet || share < least ? least : share;
}

/* Mean share to expect: that of usual speech and that of the packets so far. */
TELU_STATIC float rc_mean_share(const struct telu_rc *rc)
{
    return (PRIOR_WEIGHT + rc->shares) / (PRIOR_WEIGHT + rc->seen);
}

TELU_STATIC void rc_track_share(struct telu_rc *rc, float share)
{
    rc->shares += share - rc->shares / (4.0f * PRIOR_WEIGHT);
    rc->seen += 1.0f - rc->seen / (4.0f * PRIOR_WEIGHT);
}

/* Bytes of a base-only packet. Fractions are carried over: of four equal packets at 500 bit/s,
 * three have one byte and one has two. So is what a packet cannot take or do without, but within
 * bounds: in an hour it would add up. */
TELU_STATIC int rc_base_bytes(struct telu_rc *rc, const struct telu_model *m, float share)
{
    int most = (1 + m->cfg.stages * m->n + 7) / 8, bytes;
    float want = rc_average_bytes(rc);

    if (rc->rate.mode == TELU_CBR || want >= (float)most) {
        bytes = rc->rate.bitrate / RATE_PER_BYTE;
    } else {
        if (rc->rate.mode == TELU_CONSTRAINED_VBR)
            want += rc->credit / CODE_CREDIT;
        want *= share / rc_mean_share(rc);
        rc->carry += (int)(RATE_PER_BYTE * (want > 0.0f ? want : 0.0f) + 0.5f);
        bytes = rc->carry / RATE_PER_BYTE;
        bytes = bytes < 1 ? 1 : bytes < most ? bytes : most;
        rc->carry -= bytes * RATE_PER_BYTE;
        rc->carry = rc->carry < -RATE_PER_BYTE ? -RATE_PER_BYTE
                    : rc->carry < most * RATE_PER_BYTE ? rc->carry : most * RATE_PER_BYTE;
    }
    return bytes < most ? bytes : most;
}

/* Expected bytes of a packet's levels. */
TELU_STATIC float rc_level_bytes(const struct telu_rc *rc)
{
    return LEVEL_BYTES + rc->level_bytes;
}

TELU_PUBLIC float telu_rc_level_dead_zone(int stages, int refined)
{
    float part = (float)(MANY_CODES - stages) / (MANY_CODES - FEW_CODES);

    part = refined || part < 0.0f ? 0.0f : part > 1.0f ? 1.0f : part;
    return LEVEL_DEAD + part * (LEVEL_DEAD_FEW - LEVEL_DEAD);
}

/* With a base layer that fits a sound badly, levels alone may take more than the rate. */
TELU_PUBLIC float telu_rc_level_debt(const struct telu_rc *rc)
{
    float debt = -rc->credit / rc_average_bytes(rc) - FREE_DEBT;

    return rc->rate.mode == TELU_CONSTRAINED_VBR && debt > 0.0f ? DEAD_PER_DEBT * debt : 0.0f;
}

TELU_PUBLIC void telu_rc_level_cost(struct telu_rc *rc, uint32_t cost)
{
    rc->level_bytes += ((float)cost / 512.0f - rc_level_bytes(rc)) / LEVEL_MEMORY;
}

/* Expected bits of a code. */
TELU_STATIC float rc_code_bits(const struct telu_rc *rc, const struct telu_model *m)
{
    return CODE_SHARE * (float)m->n + rc->code_bits;
}

TELU_PUBLIC void telu_rc_code_cost(struct telu_rc *rc, const struct telu_model *m, int S,
                                   uint32_t cost)
{
    if (S > 0)
        rc->code_bits += ((float)cost / (64.0f * (float)S) - rc_code_bits(rc, m)) / LEVEL_MEMORY;
}

/* 1 when S codes of `cost` / 64 bits and levels of 0 fit into `bytes`. */
TELU_STATIC int rc_levels_fit(const struct telu_model *m, int S, uint32_t cost, int bytes)
{
    uint32_t behind = telu_level_cost(rc_zeros, NULL, S, &m->tab) + 8 * 64;

    behind = behind > CODE_END * 64 ? behind : CODE_END * 64;
    return bytes > 1 && cost + behind <= 512u * (uint32_t)(bytes - 1);
}

/* Chooses the number of codes of a packet of base layer and levels. */
TELU_STATIC int rc_code_stages(const struct telu_rc *rc, const struct telu_model *m, float share)
{
    float want = rc_average_bytes(rc), stages;
    int S;

    if (rc->rate.mode == TELU_CONSTRAINED_VBR)
        want += rc->credit / CODE_CREDIT;
    if (rc->rate.mode == TELU_CBR)
        want -= CBR_MARGIN;
    stages = 8.0f * (want - CODE_FRAME - rc_level_bytes(rc)) / rc_code_bits(rc, m);
    if (rc->rate.mode != TELU_CBR)
        stages *= share / rc_mean_share(rc);
    S = (int)(stages + 0.5f);
    return S < 1 ? 1 : S > m->cfg.stages ? m->cfg.stages : S;
}

/* Expected cost, in 1/64 bit, of S codes. */
TELU_STATIC uint32_t rc_expected_codes(const struct telu_rc *rc, const struct telu_model *m, int S)
{
    return (uint32_t)(64.0f * (float)S * rc_code_bits(rc, m));
}

TELU_PUBLIC struct telu_budget telu_rc_budget(struct telu_rc *rc, const struct telu_model *m,
                                              const float *pcm)
{
    int bytes = rc->rate.bitrate / RATE_PER_BYTE;
    int split = m->tab.split[(rc->rate.tune == TELU_SNR) * TELU_SPLIT_RATES +
                             rc_split_index(rc->rate.bitrate)];
    struct telu_budget c = { 0, 0, 0, 0, 0, 0 };
    float level = rc_level(pcm, TELU_PACKET);
    int quiet = rc->packets > 0 && level < rc->loudest - ACTIVE_RANGE, most, prefix_bits;

    c.refined = rc->rate.refinement && split <= m->cfg.stages;
    if (!c.refined) {
        float share;

        c.leveled = split != TELU_SPLIT_BASE_ONLY && rc->rate.tune != TELU_SNR;
        share = rc_share(rc, level, quiet, c.leveled);
        c.cap = TELU_MAX_PACKET;
        if (c.leveled)
            c.stages = rc_code_stages(rc, m, share);
        if (c.leveled && rc->rate.mode == TELU_CBR) {
            c.bytes = c.cap = bytes;
            telu_packet_capacity(bytes, m->cfg.stages, m->n, &most, &prefix_bits);
            c.stages = c.stages < most ? c.stages : most;
            while (c.stages > 0 && !rc_levels_fit(m, c.stages, rc_expected_codes(rc, m, c.stages),
                                                  bytes))
                c.stages--;
            c.leveled = c.stages > 0;  /* else the packet is too small for levels */
        }
        if (!c.leveled)
            c.bytes = c.cap = rc_base_bytes(rc, m, share);
        rc_track_level(rc, level);
        rc_track_share(rc, share);
        return c;
    }
    c.stages = split;

    /* The refinement keeps some bytes, whatever the table says. */
    while (c.stages > 0 && HEADER_BYTES + SLACK_BYTES +
           (int)(rc_expected_codes(rc, m, c.stages) / 512) >= bytes)
        c.stages--;
    c.shape = telu_rc_shape(rc->rate.tune);
    if (quiet && c.shape != 0 && c.stages > QUIET_STAGES)
        c.stages = QUIET_STAGES;
    c.leveled = telu_packet_leveled(c.shape, c.stages);
    c.bytes = rc->rate.mode == TELU_CBR ? bytes : 0;
    c.cap = rc->rate.mode == TELU_CBR ? bytes : telu_rc_max_bytes(&rc->rate);
    return c;
}

TELU_PUBLIC int telu_rc_fits(const struct telu_budget *budget, const int *codes,
                             struct telu_bands *bands, const struct telu_model *m)
{
    const struct telu_tables *t = &m->tab;
    uint32_t cost = telu_code_cost(codes, budget->stages, t);
    int64_t room = (int64_t)(budget->cap - HEADER_BYTES - SLACK_BYTES) * 512 - cost;

    if (!budget->refined)
        return rc_levels_fit(m, budget->stages, cost, budget->cap);
    if (room <= 0)
        return 0;
    telu_bands_step(bands, t, TELU_STEPS - 1, budget->shape);
    if (budget->leveled)
        room -= telu_level_cost(rc_zeros, rc_zeros, budget->stages, t);
    return telu_refine_cost(rc_zeros, bands, t) <= room;
}

/* --- Curves --------------------------------------------------------------- */

struct rc_packet {
    struct telu_bands *bands;
    const struct telu_tables *t;
    const float *c, *base;
    int *q, shape;
    float head;
    enum telu_tune tune;
};

/* Quantises with that step. Returns the bytes that the packet would have. A step too fine for the
 * largest coefficient gets CLAMPED_BYTES and fits nowhere: it would save bytes, but lose the
 * sound. */
TELU_STATIC float rc_try_step(const struct rc_packet *p, int step)
{
    telu_bands_step(p->bands, p->t, step, p->shape);
    if (telu_rc_quantise(p->q, p->bands, p->c, p->base, p->tune))
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

        if (rise > ACTIVE_RANGE) {         /* active packets turn out to be quiet */
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
    active = now > rc->loudest - ACTIVE_RANGE;
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
    return (rc->active.bytes[i] + rc->quiet.bytes[i] + PRIOR_WEIGHT * prior) /
           (seen + PRIOR_WEIGHT);
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
                           rate->tune };

    return rc_try_step(&p, point * POINT_STEPS);
}

TELU_PUBLIC int telu_rc_step(struct telu_rc *rc, const struct telu_budget *budget,
                 struct telu_bands *bands, const struct telu_tables *t, float head,
                 const float *c, const float *base, int *q, const float *points)
{
    struct rc_packet p = { bands, t, c, base, q, budget->shape, head,
                           rc->rate.tune };
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

#undef RATE_PER_BYTE
#undef HEADER_BYTES
#undef SLACK_BYTES
#undef POINT_STEPS
#undef MAX_RATIO
#undef CLAMPED_BYTES
#undef STEP_FOLLOWS
#undef STEP_MOST
#undef SHAPE_FLAT
#undef SHAPE_SPEECH
#undef CURVE_MEMORY
#undef PRIOR_WEIGHT
#undef PRIOR_QUIET
#undef ACTIVE_RANGE
#undef HALVING_RISE
#undef LOUDEST_DECAY
#undef CREDIT_TIME
#undef TARGET_DEBT
#undef DEBT_HALVING
#undef MAX_CREDIT
#undef FIRST_SHARE
#undef SETTLED_PACKETS
#undef SETTLED_RISE
#undef MIN_SHARE
#undef MAX_SHARE
#undef CODE_SHARE
#undef CODE_END
#undef LEVEL_BYTES
#undef LEVEL_MEMORY
#undef LEVEL_DEAD
#undef LEVEL_DEAD_FEW
#undef FREE_DEBT
#undef DEAD_PER_DEBT
#undef FEW_CODES
#undef MANY_CODES
#undef QUIET_STAGES
#undef BASE_MOST
#undef BASE_FALL
#undef BASE_LEAST
#undef CODE_MOST
#undef CODE_FALL
#undef CODE_LEAST
#undef CODE_FRAME
#undef CBR_MARGIN
#undef CODE_CREDIT
#undef MAX_CODE_CREDIT

#endif
