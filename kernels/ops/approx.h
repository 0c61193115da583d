/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* approx.h - exp and log as short polynomials. They give the same bits on every machine, device
 * and vector width, unlike libm. exp is within 3e-7, relative; log of 1e-30 .. 1e30 is within
 * 3e-7 and a rounding to float; tests/ops/test_approx.c. Compile with -ffp-contract=off, and
 * with -fmad=false for devices. */
#ifndef TELU_APPROX_H
#define TELU_APPROX_H

#include <stdint.h>
#include <string.h>

#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "floats have more digits than float32 between operations: on x86 add -msse2 -mfpmath=sse"
#endif

#ifdef __CUDACC__
#define TELU_APPROX static inline __host__ __device__
#else
#define TELU_APPROX static inline
#endif

TELU_APPROX float telu_bits_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof(f));
    return f;
}

TELU_APPROX uint32_t telu_float_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof(u));
    return u;
}

/* e^x; x is clamped to [-87, 88]. A NaN gives e^-87. */
TELU_APPROX float telu_exp(float x)
{
    x = x > -87.0f ? x : -87.0f;
    x = x < 88.0f ? x : 88.0f;

    /* x = n ln2 + r, |r| <= ln2 / 2; the constant rounds n to nearest. */
    float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666657f +
              r * (0.0416665795f + r * (0.00833345205f + r * 0.00139304355f)))));

    return p * telu_bits_float((uint32_t)((int32_t)n + 127) << 23);
}

/* ln x for normal x > 0. Any x below 1.18e-38 gives ln 1.18e-38; infinity and a NaN that is not
 * negative give ln 3.4e38. The bits of a NaN differ among machines. */
TELU_APPROX float telu_log(float x)
{
    /* Integer comparisons: for floats the compiler keeps a branch, which prevents vectors. */
    int32_t bits = (int32_t)telu_float_bits(x);
    bits = bits > 0x00800000 ? bits : 0x00800000;
    bits = bits < 0x7f7fffff ? bits : 0x7f7fffff;

    /* x = 2^e m with m in [sqrt(1/2), sqrt(2)) */
    uint32_t u = (uint32_t)bits - 0x3f3504f3u;
    float e = (float)((int32_t)u >> 23);
    float m = telu_bits_float((u & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float z = m * m;
    float p = m * (3.3333331174e-1f + m * (-2.4999993993e-1f +
              m * (2.0000714765e-1f + m * (-1.6668057665e-1f +
              m * (1.4249322787e-1f + m * (-1.2420140846e-1f +
              m * (1.1676998740e-1f + m * (-1.1514610310e-1f +
              m * 7.0376836292e-2f))))))));

    return e * 0.693359375f + (m + (z * p - 0.5f * z + e * -2.12194440e-4f));
}

#endif
