/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8_row.h - the arithmetic of linear8.h on one number, for host and device: both quantise an
 * input and scale a sum by these lines. */
#ifndef TELU_LINEAR8_ROW_H
#define TELU_LINEAR8_ROW_H

#include "linear8.h"

#include "approx.h"

#define LINEAR8_LEAST  1e-30f          /* a smaller row is silent; its inverse would overflow */
#define LINEAR8_ROUND  12582912.0f     /* 1.5 * 2^23: adding and taking it away rounds */
#define LINEAR8_FINITE 0x7f7fffffu     /* bits of FLT_MAX; those of infinities and NaNs are above */

/* Bits of a magnitude. Floats of one sign are ordered like their bits, so a loop finds the largest
 * by integers, which compilers vectorise. */
TELU_APPROX uint32_t linear8_magnitude(float x)
{
    return telu_float_bits(x) & 0x7fffffffu;
}

/* The step of a quantised row. */
struct linear8_scale {
    uint32_t most;             /* bits of its largest magnitude, or of FLT_MAX */
    float inverse, unit;       /* 2047 / m and m / 2047, or zeros */
};

TELU_APPROX struct linear8_scale linear8_scale_of(uint32_t largest)
{
    uint32_t most = largest < LINEAR8_FINITE ? largest : LINEAR8_FINITE;
    float m = telu_bits_float(most), limit = (float)TELU_LINEAR8_MOST;
    struct linear8_scale s = { most, 0.0f, 0.0f };

    if (!(m < LINEAR8_LEAST)) {
        s.inverse = limit / m;
        s.unit = m / limit;
    }
    return s;
}

/* q of an input. */
TELU_APPROX int32_t linear8_quantised(float x, uint32_t most, float inverse)
{
    uint32_t u = telu_float_bits(x), a = u & 0x7fffffffu;
    int32_t negative = -(int32_t)(u >> 31), n;

    a = a < most ? a : most;
    n = (int32_t)((telu_bits_float(a) * inverse + LINEAR8_ROUND) - LINEAR8_ROUND);
    return (n ^ negative) - negative;
}

/* Output of a sum; unit is the row's, s and b are the output's. */
TELU_APPROX float linear8_output(int32_t sum, float unit, float s, float b)
{
    return (float)sum * (unit * s) + b;
}

#endif
