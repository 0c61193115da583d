/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counter_rng.h - random numbers as a function of seed, step, stage, code and a counter,
 * through the finaliser of splitmix64 (Steele, Lea, Flood 2014). A device's threads and a
 * loop on the CPU draw the same numbers in any order. */
#ifndef COUNTER_RNG_H
#define COUNTER_RNG_H

#include <stdint.h>

#ifdef __CUDACC__
#define COUNTER_RNG_FN static inline __host__ __device__
#else
#define COUNTER_RNG_FN static inline
#endif

/* Saved with the checkpoint. */
struct counter_rng {
    uint64_t key;              /* of the run */
    uint64_t step;             /* steps that have drawn */
};

COUNTER_RNG_FN uint64_t counter_rng_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Returns 64 random bits; stage < 2^16, code < 2^32, i < 2^16. */
COUNTER_RNG_FN uint64_t counter_rng_bits(struct counter_rng c, int stage, int code, int i)
{
    uint64_t at = (uint64_t)stage << 48 | (uint64_t)code << 16 | (uint64_t)i;

    return counter_rng_mix(counter_rng_mix(c.key + (c.step + 1) * 0x9e3779b97f4a7c15u) ^
                           counter_rng_mix(at + 0x9e3779b97f4a7c15u));
}

/* Returns 0 .. n-1. */
COUNTER_RNG_FN uint32_t counter_rng_below(uint64_t bits, uint32_t n)
{
    return (uint32_t)((bits >> 32) * n >> 32);
}

/* Returns a roughly normal number of deviation 1: four uniforms of 16 bits, summed as
 * integers, so that only the last product rounds. */
COUNTER_RNG_FN float counter_rng_normal(uint64_t bits)
{
    int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) +
                  (int32_t)(bits >> 32 & 0xffff) + (int32_t)(bits >> 48);

    return (float)(sum - 2 * 65535) * (1.7320508f / 65536.0f);
}

#endif
