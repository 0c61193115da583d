/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* noise.h - linear congruential generator (Knuth and Lewis) whose high bits give random signs,
 * see FORMAT.md. Integers give the same signs on every machine. */
#ifndef TELU_NOISE_H
#define TELU_NOISE_H

#include "host_device.h"

TELU_INLINE uint32_t telu_noise(uint32_t u)
{
    return 1664525u * u + 1013904223u;
}

/* telu_noise(), n times over. Applied twice, u -> a u + c is u -> a^2 u + (a + 1) c. */
TELU_INLINE uint32_t telu_noise_after(uint32_t u, uint32_t n)
{
    uint32_t a = 1664525u, c = 1013904223u;

    for (; n; n >>= 1) {
        if (n & 1)
            u = a * u + c;
        c *= a + 1;
        a *= a;
    }
    return u;
}

#endif
