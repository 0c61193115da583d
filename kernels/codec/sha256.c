/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sha256.c - see sha256.h; the names are those of FIPS 180-4. */
#include "sha256.h"

#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void schedule(uint32_t w[64], const uint8_t *block)
{
    for (int t = 0; t < 16; t++, block += 4)
        w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 |
               block[3];
    for (int t = 16; t < 64; t++) {
        const uint32_t x = w[t - 15], y = w[t - 2];

        w[t] = (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10) + w[t - 7] +
               (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) + w[t - 16];
    }
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4],
             f = state[5], g = state[6], h = state[7];

    schedule(w, block);
    for (int t = 0; t < 64; t++) {
        const uint32_t t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) +
                            K[t] + w[t];
        const uint32_t t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) +
                            ((a & b) ^ (a & c) ^ (b & c));

        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void telu_sha256_init(struct telu_sha256 *s)
{
    static const uint32_t first[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19,
    };

    memcpy(s->state, first, sizeof(first));
    s->bytes = 0;
}

void telu_sha256_add(struct telu_sha256 *s, const void *data, size_t n)
{
    const uint8_t *at = data;
    const size_t used = s->bytes % 64;

    if (!n)
        return;
    s->bytes += n;
    if (used) {
        const size_t k = n < 64 - used ? n : 64 - used;

        memcpy(s->block + used, at, k);
        if (used + k < 64)
            return;
        compress(s->state, s->block);
        at += k;
        n -= k;
    }
    for (; n >= 64; n -= 64, at += 64)
        compress(s->state, at);
    memcpy(s->block, at, n);
}

void telu_sha256_hex(struct telu_sha256 *s, char hex[65])
{
    static const char digit[] = "0123456789abcdef";
    const uint64_t bits = 8 * s->bytes;
    const size_t zeros = (119 - s->bytes % 64) % 64;
    uint8_t end[72] = { 0x80 };

    for (int i = 0; i < 8; i++)
        end[1 + zeros + i] = (uint8_t)(bits >> (56 - 8 * i));
    telu_sha256_add(s, end, 1 + zeros + 8);
    for (int i = 0; i < 64; i++)
        hex[i] = digit[s->state[i / 8] >> (28 - i % 8 * 4) & 15];
    hex[64] = 0;
}
