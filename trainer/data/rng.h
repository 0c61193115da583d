/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rng.h - random numbers in sequence (xoshiro256**, Blackman and Vigna 2018). The state is
 * a plain struct, saved with the checkpoint. */
#ifndef RNG_H
#define RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);

/* Returns 0 .. n-1. */
uint64_t rng_below(struct rng *r, uint64_t n);

/* Returns a value, a <= value < b. */
float rng_uniform(struct rng *r, float a, float b);

/* Returns a roughly normal number of deviation 1: a sum of twelve uniforms. */
float rng_normal(struct rng *r);

#endif
