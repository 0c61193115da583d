/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sha256.c - see sha256.h; the names are those of FIPS 180-4. */
#include "sha256.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <cpuid.h>
#include <immintrin.h>
#endif

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

#ifdef X86
/* The same for n blocks by the processor's SHA instructions, which do two rounds each and keep the
 * state as words (a, b, e, f) and (c, d, g, h). */
__attribute__((target("sha,sse4.1")))
static void compress_x86(uint32_t state[8], const uint8_t *block, size_t n)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i *at = (__m128i *)(void *)state;
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(at), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(at + 1), 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

    for (; n; n--, block += 64) {
        const __m128i abef0 = abef, cdgh0 = cdgh;
        __m128i w[4];

        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)block + i),
                                    big_endian);
        for (int i = 0; i < 16; i++) {     /* four rounds each, with words 4i .. 4i + 3 */
            __m128i *now = &w[i % 4], last = w[(i + 3) % 4];
            __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i));

            k = _mm_add_epi32(k, *now);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
            *now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) % 4]),
                                 _mm_alignr_epi8(last, w[(i + 2) % 4], 4));
            *now = _mm_sha256msg2_epu32(*now, last);
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    cdab = _mm_shuffle_epi32(abef, 0x1b);              /* f e b a, from the lowest */
    efgh = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(at, _mm_blend_epi16(cdab, efgh, 0xf0));
    _mm_storeu_si128(at + 1, _mm_alignr_epi8(efgh, cdab, 8));
}

/* A virtual machine takes microseconds for CPUID, so the answer is kept: 1 no, 2 yes. */
static int has_sha(void)
{
    static int known;
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    unsigned a, b, c, d;

    if (!answer) {
        answer = __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
                 b >> 29 & 1 ? 2 : 1;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer == 2;
}
#endif

static void compress_all(struct telu_sha256 *s, const uint8_t *block, size_t n)
{
#ifdef X86
    if (!s->plain && has_sha()) {
        compress_x86(s->state, block, n);
        return;
    }
#endif
    for (; n; n--, block += 64)
        compress(s->state, block);
}

void telu_sha256_init(struct telu_sha256 *s)
{
    static const uint32_t first[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19,
    };

    memcpy(s->state, first, sizeof(first));
    s->bytes = 0;
    s->plain = 0;
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
        compress_all(s, s->block, 1);
        at += k;
        n -= k;
    }
    compress_all(s, at, n / 64);
    memcpy(s->block, at + n / 64 * 64, n % 64);
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
