/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* budget_body.h - rate control before the networks run, levels tracked and budgets granted:
 * definitions of ratecontrol.h, for host and device (host_device.h). Times are in packets, levels
 * in steps (8 to the octave of amplitude, 0.75 dB). */
#ifndef TELU_BUDGET_BODY_H
#define TELU_BUDGET_BODY_H

#include "ratecontrol.h"

#include "approx.h"
#include "packet.h"

#include <string.h>

#define RATE_PER_BYTE   400     /* bit/s that make one byte per packet */
#define HEADER_BYTES    2       /* first byte and step */
#define SLACK_BYTES     4       /* bytes by which an estimate may be short */
#define MAX_RATIO       4       /* largest packet / average one */

/* Shape indices: a flat step is best for SNR; noise that follows the speech a little
 * sounds best, by PESQ the same shape from 6 to 32 kbit/s. */
#define SHAPE_FLAT      0
#define SHAPE_SPEECH    2

#define DEAD_NARROW     0.13f   /* dead zone beyond half a step, at low bitrates */
#define DEAD_WIDE       0.19f   /* at high ones */
#define DEAD_SNR        0.12f   /* tuned for SNR */
#define NARROW_TO       12000   /* bit/s */
#define WIDE_FROM       16000

#define LOUDEST_DECAY   0.02f   /* share of its distance to the level that loudest falls by */

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
    return tune == TELU_SNR ? DEAD_SNR : DEAD_WIDE;
}

/* The coarser the step, the more is heard of what a wide dead zone leaves out. */
TELU_STATIC float rc_dead_zone_at(const struct telu_rate *rate)
{
    float x = (float)(rate->bitrate - NARROW_TO) / (WIDE_FROM - NARROW_TO);

    if (rate->tune == TELU_SNR)
        return DEAD_SNR;
    return DEAD_NARROW + (DEAD_WIDE - DEAD_NARROW) * (x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x);
}

TELU_PUBLIC int telu_rc_quantise(int *q, const struct telu_bands *p, const float *c,
                                 const float *base, const struct telu_rate *rate)
{
    int clamped = telu_refine_quantise(q, p, c, base, rc_dead_zone_at(rate));

    if (rate->tune == TELU_SNR)
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
    return (TELU_RC_PRIOR + rc->shares) / (TELU_RC_PRIOR + rc->seen);
}

TELU_STATIC void rc_track_share(struct telu_rc *rc, float share)
{
    rc->shares += share - rc->shares / (4.0f * TELU_RC_PRIOR);
    rc->seen += 1.0f - rc->seen / (4.0f * TELU_RC_PRIOR);
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
    int quiet = rc->packets > 0 && level < rc->loudest - TELU_RC_ACTIVE, most, prefix_bits;

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

#undef RATE_PER_BYTE
#undef HEADER_BYTES
#undef SLACK_BYTES
#undef MAX_RATIO
#undef SHAPE_FLAT
#undef SHAPE_SPEECH
#undef DEAD_NARROW
#undef DEAD_WIDE
#undef DEAD_SNR
#undef NARROW_TO
#undef WIDE_FROM
#undef LOUDEST_DECAY
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

#endif
