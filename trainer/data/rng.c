/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rng.c - see rng.h. */
#include "rng.h"

void rng_seed(struct rng *r, uint64_t seed)
{
    /* splitmix64 spreads any seed, also 0, over the state */
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->s[i] = z ^ (z >> 31);
    }
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)rng_next(r) * n) >> 64);
}

float rng_uniform(struct rng *r, float a, float b)
{
    return a + (b - a) * ((float)(rng_next(r) >> 40) * 0x1p-24f);
}

float rng_normal(struct rng *r)
{
    float sum = -6.0f;

    for (int i = 0; i < 12; i++)
        sum += rng_uniform(r, 0.0f, 1.0f);
    return sum;
}
