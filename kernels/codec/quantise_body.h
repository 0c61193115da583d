/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quantise_body.h - coefficients to integers: the encoder's definitions of refine.h, for host and
 * device (host_device.h). */
#ifndef TELU_QUANTISE_BODY_H
#define TELU_QUANTISE_BODY_H

#include "refine_body.h"

#define LONE_ZONE  0.8f        /* steps below which a coefficient without neighbours is 0, */
#define LONE_SHARE 0.04f       /* less by this for each of neighbours_of() */

/* floor(a), TELU_MAX_Q at most, 0 for a NaN; a >= 0. It compares bits, whose order is that of
 * the numbers with NaNs above, because comparing floats would keep branches. */
TELU_INLINE int floor_to_most(float a)
{
    int bits = (int)(telu_float_bits(a) & 0x7fffffff);

    bits = bits > 0x7f800000 ? 0 : bits;
    bits = bits < 0x477fff00 ? bits : 0x477fff00;      /* 65535.0f */
    return (int)telu_bits_float((uint32_t)bits);
}

#if TELU_LANES > 1
TELU_NOINLINE int telu_refine_quantise(int *q, const struct telu_bands *p, const float *c,
                                       const float *base, float dead)
{
    int most = 0;

    for (int h = 0; h < TELU_COEFS; h += TELU_HOP) {
        TELU_UNROLL
        for (int k = TELU_LANE; k < TELU_HOP; k += TELU_LANES) {
            int b = telu_band_of[k], v, sign;
            float r = c[h + k] - p->gain[b] * base[h + k];

            v = floor_to_most(fabsf(r) * p->inverse[b] + (0.5f - dead));
            sign = -(int)(telu_float_bits(r) >> 31);
            q[h + k] = (v ^ sign) - sign;
            most = v > most ? v : most;
        }
    }
    TELU_SYNC_LANES();
    return telu_lanes_count(most == TELU_MAX_Q) > 0;
}
#else
TELU_VECTORS
int telu_refine_quantise(int *q, const struct telu_bands *p, const float *c, const float *base,
                         float dead)
{
    float gain[TELU_HOP], inverse[TELU_HOP];
    int most = 0;

    telu_spread(gain, p->gain);
    telu_spread(inverse, p->inverse);
    for (int h = 0; h < TELU_COEFS; h += TELU_HOP)
        for (int k = 0; k < TELU_HOP; k++) {
            float r = c[h + k] - gain[k] * base[h + k];
            int v = floor_to_most(fabsf(r) * inverse[k] + (0.5f - dead));
            int sign = -(int)(telu_float_bits(r) >> 31);

            q[h + k] = (v ^ sign) - sign;
            most = v > most ? v : most;
        }
    return most == TELU_MAX_Q;
}
#endif

/* Magnitudes around coefficient k of hop q; other: the other hop. */
TELU_STATIC int neighbours_of(const int *q, const int *other, int k)
{
    return lower_neighbours(q, k) + hop_neighbours(other, k) +
           (k < TELU_HOP - 1 ? 2 * abs(q[k + 1]) : 0) + (k < TELU_HOP - 2 ? abs(q[k + 2]) : 0);
}

TELU_NOINLINE void telu_refine_thin(int *q, const struct telu_bands *p, const float *c,
                                    const float *base)
{
    int kept[TELU_COEFS / TELU_LANES];

    TELU_UNROLL
    for (int i = 0; i < TELU_COEFS / TELU_LANES; i++) {
        int at = i * TELU_LANES + TELU_LANE, h = at < TELU_HOP ? 0 : TELU_HOP, k = at - h;
        int b = telu_band_of[k];
        float r = c[at] - p->gain[b] * base[at], zone;

        kept[i] = q[at];
        zone = LONE_ZONE - LONE_SHARE * (float)neighbours_of(q + h, q + TELU_HOP - h, k);
        if (abs(kept[i]) == 1 && fabsf(r) * p->inverse[b] < zone)
            kept[i] = 0;
    }
    TELU_SYNC_LANES();                 /* all lanes have read q */
    TELU_UNROLL
    for (int i = 0; i < TELU_COEFS / TELU_LANES; i++)
        q[i * TELU_LANES + TELU_LANE] = kept[i];
    TELU_SYNC_LANES();
}

#undef LONE_ZONE
#undef LONE_SHARE

#endif
