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

#define INFINITE 0x7f800000u   /* bits of infinity; a NaN's are above */

/* Bits of the largest magnitude of a row, or of FLT_MAX. Floats of one sign are ordered like their
 * bits, and a loop over integers is one that compilers vectorise. */
TELU_ALWAYS_INLINE uint32_t largest(const float *x, int I)
{
    uint32_t most = 0;

    for (int i = 0; i < I; i++) {
        uint32_t u = telu_float_bits(x[i]) & 0x7fffffffu;

        most = u > most ? u : most;
    }
    return most < INFINITE ? most : INFINITE - 1;
}

/* q: I numbers, and a zero behind an odd number of them. Returns the unit. */
TELU_ALWAYS_INLINE float quantise(int16_t *q, const float *x, int I)
{
    uint32_t most = largest(x, I);
    float m = telu_bits_float(most), inverse = m < LEAST ? 0.0f : MOST / m;

    for (int i = 0; i < I; i++) {
        uint32_t u = telu_float_bits(x[i]), a = u & 0x7fffffffu;
        int32_t negative = -(int32_t)(u >> 31), n;

        a = a < most ? a : most;
        n = (int32_t)((telu_bits_float(a) * inverse + ROUND) - ROUND);
        q[i] = (int16_t)((n ^ negative) - negative);
    }
    if (I % 2)
        q[I] = 0;
    return m < LEAST ? 0.0f : m / MOST;
}

/* Writes n outputs of a panel from their sums. */
TELU_ALWAYS_INLINE void scale_sums(float *y, const int32_t *sum, float unit, const float *s,
                                   const float *b, int n)
{
    for (int j = 0; j < n; j++)
        y[j] = (float)sum[j] * (unit * s[j]) + (b ? b[j] : 0.0f);
}

#endif
