/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8_body.h - the loops that the versions of linear8 share: a row in, and a panel out. */
#ifndef TELU_LINEAR8_BODY_H
#define TELU_LINEAR8_BODY_H

#include "linear8.h"

#include "approx.h"
#include "target_clones.h"

#define PANEL  TELU_LINEAR8_PANEL
#define MOST   ((float)TELU_LINEAR8_MOST)
#define LEAST  1e-30f          /* a smaller row is silent; its inverse would overflow */
#define ROUND  12582912.0f     /* 1.5 * 2^23: adding and taking it away rounds to an integer */

/* Bytes of a panel's row. */
#define PAIR   (2 * PANEL)

/* Largest magnitude of a row. For floats of one sign the integers of their bits are in the same
 * order, and integers have a maximum that compilers vectorise. */
TELU_ALWAYS_INLINE float largest(const float *x, int I)
{
    uint32_t most = 0;

    for (int i = 0; i < I; i++) {
        uint32_t u = telu_float_bits(x[i]) & 0x7fffffffu;

        most = u > most ? u : most;
    }
    return telu_bits_float(most < 0x7f7fffffu ? most : 0x7f7fffffu);
}

/* q: I numbers, and a zero behind an odd number of them. */
TELU_ALWAYS_INLINE float quantise(int16_t *restrict q, const float *restrict x, int I)
{
    float m = largest(x, I), inverse = m < LEAST ? 0.0f : MOST / m;

    for (int i = 0; i < I; i++) {
        float v = x[i] * inverse;

        v = v < MOST ? v : MOST;           /* a NaN too */
        v = v > -MOST ? v : -MOST;
        q[i] = (int16_t)(int32_t)((v + ROUND) - ROUND);
    }
    if (I % 2)
        q[I] = 0;
    return m < LEAST ? 0.0f : m / MOST;
}

/* Writes n outputs of a panel from their sums. */
TELU_ALWAYS_INLINE void scale_sums(float *restrict y, const int32_t *restrict sum,
                                   float unit, const float *restrict s,
                                   const float *restrict b, int n)
{
    for (int j = 0; j < n; j++)
        y[j] = (float)sum[j] * (unit * s[j]) + (b ? b[j] : 0.0f);
}

#endif
