/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8_simd.c - see linear8.h: a panel of 64 sums that stay in registers. One instruction
 * multiplies two inputs by their weights for each output and adds both products.
 */
#include "linear8_body.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

static void panel_plain(int32_t *restrict sum, const int8_t *restrict w,
                        const int16_t *restrict q, int pairs)
{
    memset(sum, 0, PANEL * sizeof(*sum));
    for (int i = 0; i < pairs; i++, w += PAIR)
        for (int j = 0; j < PANEL; j++)
            sum[j] += q[2 * i] * w[2 * j] + q[2 * i + 1] * w[2 * j + 1];
}

#ifdef X86
/* Bytes between the weights in use and those on their way from memory: the processor's own prefetch
 * stops at each page, and a layer is many. It may pass the end of an array. */
#define AHEAD 2048

static inline void prefetch(const int8_t *w)
{
    for (int i = 0; i < PAIR; i += 64)
        _mm_prefetch((const char *)w + AHEAD + i, _MM_HINT_T0);
}

static inline int32_t pair_of(const int16_t *q, int i)
{
    int32_t pair;

    memcpy(&pair, q + 2 * i, sizeof(pair));
    return pair;
}

__attribute__((target("avx2")))
static void panel_avx2(int32_t *sum, const int8_t *w, const int16_t *q, int pairs)
{
    __m256i s[PANEL / 8];

    for (int j = 0; j < PANEL / 8; j++)
        s[j] = _mm256_setzero_si256();
    for (int i = 0; i < pairs; i++, w += PAIR) {
        __m256i x = _mm256_set1_epi32(pair_of(q, i));

        prefetch(w);
        for (int j = 0; j < PANEL / 8; j++) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(w + 16 * j));

            s[j] = _mm256_add_epi32(s[j], _mm256_madd_epi16(_mm256_cvtepi8_epi16(v), x));
        }
    }
    for (int j = 0; j < PANEL / 8; j++)
        _mm256_storeu_si256((__m256i *)(void *)(sum + 8 * j), s[j]);
}

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

VNNI static inline __m512i add_pair(__m512i sum, const int8_t *w, __m512i x)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)w);

    return _mm512_dpwssd_epi32(sum, _mm512_cvtepi8_epi16(v), x);
}

VNNI static void panel_vnni(int32_t *sum, const int8_t *w, const int16_t *q, int pairs)
{
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;

    for (int i = 0; i < pairs; i++, w += PAIR) {
        __m512i x = _mm512_set1_epi32(pair_of(q, i));

        prefetch(w);
        a = add_pair(a, w, x);
        b = add_pair(b, w + 32, x);
        c = add_pair(c, w + 64, x);
        d = add_pair(d, w + 96, x);
    }
    _mm512_storeu_si512(sum, a);
    _mm512_storeu_si512(sum + 16, b);
    _mm512_storeu_si512(sum + 32, c);
    _mm512_storeu_si512(sum + 48, d);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

static bool has_vnni(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
}
#endif

#ifdef __aarch64__
static void panel_neon(int32_t *sum, const int8_t *w, const int16_t *q, int pairs)
{
    int32x4_t s[PANEL / 4];

    for (int j = 0; j < PANEL / 4; j++)
        s[j] = vdupq_n_s32(0);
    for (int i = 0; i < pairs; i++, w += PAIR) {
        int16x8_t x = vtrn1q_s16(vdupq_n_s16(q[2 * i]), vdupq_n_s16(q[2 * i + 1]));

        for (int j = 0; j < PANEL / 4; j++) {
            int16x8_t v = vmovl_s8(vld1_s8(w + 8 * j));

            s[j] = vaddq_s32(s[j], vpaddq_s32(vmull_s16(vget_low_s16(v), vget_low_s16(x)),
                                              vmull_high_s16(v, x)));
        }
    }
    for (int j = 0; j < PANEL / 4; j++)
        vst1q_s32(sum + 4 * j, s[j]);
}
#endif

static bool always(void)
{
    return true;
}

const struct telu_linear8_panel telu_linear8_panels[] = {
#ifdef X86
    { "vnni", panel_vnni, has_vnni },
    { "avx2", panel_avx2, has_avx2 },
#elif defined(__aarch64__)
    { "neon", panel_neon, always },
#endif
    { "plain", panel_plain, always },
};

TELU_TARGET_CLONES
static float quantise_row(int16_t *q, const float *x, int I)
{
    return quantise(q, x, I);
}

TELU_TARGET_CLONES
static void scale_panel(float *y, const int32_t *sum, float unit, const float *s, const float *b,
                        int n)
{
    scale_sums(y, sum, unit, s, b, n);
}

int telu_linear8_simd(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                      const float *s, const float *b, int R, int I, int O)
{
    const struct telu_linear8_panel *panel = telu_linear8_panels;
    int16_t q[TELU_LINEAR8_INPUTS + 1];
    int pairs = (I + 1) / 2;

    (void)ctx;
    while (!panel->available())
        panel++;
    for (int r = 0; r < R; r++, x += I, y += O) {
        const int8_t *p = w;
        float unit = quantise_row(q, x, I);

        for (int o = 0; o < O; o += PANEL, p += (size_t)pairs * PAIR) {
            int32_t sum[PANEL];

            panel->sum(sum, p, q, pairs);
            scale_panel(y + o, sum, unit, s + o, b ? b + o : NULL, O - o < PANEL ? O - o : PANEL);
        }
    }
    return 0;
}
