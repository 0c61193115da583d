/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear8_simd.c - see linear8.h: a panel of 64 outputs, whose sums stay in registers. One
 * instruction multiplies two inputs by their weights for each output and adds both products. A
 * weight that was loaded and widened serves up to four rows.
 */
#include "linear8_body.h"

#include "unroll.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define ROWS         TELU_LINEAR8_ROWS
#define BLOCK_ROWS   16
#define BLOCK_INPUTS (3 * TELU_LINEAR8_INPUTS)         /* 24 KB of the stack */

static void panel_plain(int32_t *restrict sum, const int8_t *restrict w,
                        const int16_t *restrict q, int stride, int pairs, int rows)
{
    memset(sum, 0, (size_t)rows * PANEL * sizeof(*sum));
    for (int r = 0; r < rows; r++, sum += PANEL, q += stride)
        for (int i = 0; i < pairs; i++)
            for (int j = 0; j < PANEL; j++)
                sum[j] += q[2 * i] * w[i * PAIR + 2 * j] + q[2 * i + 1] * w[i * PAIR + 2 * j + 1];
}

/* Defines NAME, a panel for 1 to ROWS rows. Each number of rows has a function of its own: its sums
 * are as many as the registers hold, `vectors` of outputs side by side for each row. */
#define TILE(NAME, TARGET, rows, vectors) \
    TARGET static void NAME##_##rows(int32_t *sum, const int8_t *w, const int16_t *q, int stride, \
                                     int pairs) \
    { \
        NAME##_tile(sum, w, q, stride, pairs, rows, vectors); \
    }
#define TILES(NAME, TARGET, one, two, three, four) \
    TILE(NAME, TARGET, 1, one) \
    TILE(NAME, TARGET, 2, two) \
    TILE(NAME, TARGET, 3, three) \
    TILE(NAME, TARGET, 4, four) \
    static void NAME(int32_t *sum, const int8_t *w, const int16_t *q, int stride, int pairs, \
                     int rows) \
    { \
        static void (*const tiles[])(int32_t *, const int8_t *, const int16_t *, int, int) = { \
            NAME##_1, NAME##_2, NAME##_3, NAME##_4 \
        }; \
        tiles[rows - 1](sum, w, q, stride, pairs); \
    }

TELU_ALWAYS_INLINE int32_t pair_of(const int16_t *q, int i)
{
    int32_t pair;

    memcpy(&pair, q + 2 * i, sizeof(pair));
    return pair;
}

#ifdef X86
/* Bytes between the weights in use and those on their way from memory: the processor's own prefetch
 * stops at each page, and a layer is many. It may pass the end of an array. */
#define AHEAD 2048

TELU_ALWAYS_INLINE void prefetch(const int8_t *w)
{
    for (int i = 0; i < PAIR; i += 64)
        _mm_prefetch((const char *)w + AHEAD + i, _MM_HINT_T0);
}

#define AVX2 __attribute__((target("avx2")))

AVX2 TELU_ALWAYS_INLINE
void panel_avx2_tile(int32_t *sum, const int8_t *w, const int16_t *q, int stride, int pairs,
                     int rows, int vectors)
{
    for (int first = 0; first < PANEL / 8; first += vectors) {
        const int8_t *at = w + 16 * first;
        __m256i s[ROWS][PANEL / 8];

        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < vectors; v++)
                s[r][v] = _mm256_setzero_si256();
        for (int i = 0; i < pairs; i++, at += PAIR) {
            __m256i x[ROWS];

            if (first == 0)
                prefetch(at);
            UNROLL for (int r = 0; r < rows; r++)
                x[r] = _mm256_set1_epi32(pair_of(q + r * stride, i));
            UNROLL for (int v = 0; v < vectors; v++) {
                __m256i weights = _mm256_cvtepi8_epi16(
                    _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * v)));

                UNROLL for (int r = 0; r < rows; r++)
                    s[r][v] = _mm256_add_epi32(s[r][v], _mm256_madd_epi16(weights, x[r]));
            }
        }
        UNROLL for (int r = 0; r < rows; r++) {
            int32_t *to = sum + r * PANEL + 8 * first;

            UNROLL for (int v = 0; v < vectors; v++)
                _mm256_storeu_si256((__m256i *)(void *)(to + 8 * v), s[r][v]);
        }
    }
}

TILES(panel_avx2, AVX2, 8, 4, 2, 2)

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

VNNI TELU_ALWAYS_INLINE
void panel_vnni_tile(int32_t *sum, const int8_t *w, const int16_t *q, int stride, int pairs,
                     int rows, int vectors)
{
    __m512i s[ROWS][PANEL / 16];

    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            s[r][v] = _mm512_setzero_si512();
    for (int i = 0; i < pairs; i++, w += PAIR) {
        __m512i weights[PANEL / 16];

        prefetch(w);
        UNROLL for (int v = 0; v < vectors; v++)
            weights[v] = _mm512_cvtepi8_epi16(
                _mm256_loadu_si256((const __m256i *)(const void *)(w + 32 * v)));
        UNROLL for (int r = 0; r < rows; r++) {
            __m512i x = _mm512_set1_epi32(pair_of(q + r * stride, i));

            UNROLL for (int v = 0; v < vectors; v++)
                s[r][v] = _mm512_dpwssd_epi32(s[r][v], weights[v], x);
        }
    }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            _mm512_storeu_si512(sum + r * PANEL + 16 * v, s[r][v]);
}

TILES(panel_vnni, VNNI, 4, 4, 4, 4)

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
/* Loads that part even inputs from odd ones, so that each product is added at once. */
TELU_ALWAYS_INLINE
void panel_neon_tile(int32_t *sum, const int8_t *w, const int16_t *q, int stride, int pairs,
                     int rows, int vectors)
{
    for (int first = 0; first < PANEL / 4; first += vectors) {
        const int8_t *at = w + 8 * first;
        int32x4_t s[ROWS][PANEL / 4];

        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < vectors; v++)
                s[r][v] = vdupq_n_s32(0);
        for (int i = 0; i < pairs; i++, at += PAIR)
            UNROLL for (int n = 0; n < vectors / 2; n++) {
                const int v = 2 * n;
                int8x8x2_t both = vld2_s8(at + 8 * v);
                int16x8_t even = vmovl_s8(both.val[0]), odd = vmovl_s8(both.val[1]);

                UNROLL for (int r = 0; r < rows; r++) {
                    int16x4_t x = vreinterpret_s16_s32(vdup_n_s32(pair_of(q + r * stride, i)));

                    s[r][v] = vmlal_lane_s16(s[r][v], vget_low_s16(even), x, 0);
                    s[r][v] = vmlal_lane_s16(s[r][v], vget_low_s16(odd), x, 1);
                    s[r][v + 1] = vmlal_high_lane_s16(s[r][v + 1], even, x, 0);
                    s[r][v + 1] = vmlal_high_lane_s16(s[r][v + 1], odd, x, 1);
                }
            }
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < vectors; v++)
                vst1q_s32(sum + r * PANEL + 4 * (first + v), s[r][v]);
    }
}

TILES(panel_neon, , 16, 8, 4, 4)
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

/* A block of rows passes a layer's panels together: each panel comes from memory once. */
static void block(const struct telu_linear8_panel *panel, float *y, const float *x, const int8_t *w,
                  const float *s, const float *b, int rows, int I, int O)
{
    const int pairs = (I + 1) / 2, stride = 2 * pairs;
    int16_t q[BLOCK_INPUTS];
    float unit[BLOCK_ROWS];

    for (int r = 0; r < rows; r++)
        unit[r] = quantise_row(q + r * stride, x + (size_t)r * I, I);
    for (int o = 0; o < O; o += PANEL, w += (size_t)pairs * PAIR)
        for (int r = 0; r < rows; r += ROWS) {
            int32_t sum[ROWS * PANEL];
            int n = rows - r < ROWS ? rows - r : ROWS;

            panel->sum(sum, w, q + r * stride, stride, pairs, n);
            for (int k = 0; k < n; k++)
                scale_panel(y + (size_t)(r + k) * O + o, sum + k * PANEL, unit[r + k], s + o,
                            b ? b + o : NULL, O - o < PANEL ? O - o : PANEL);
        }
}

int telu_linear8_simd(struct telu_ctx *ctx, float *y, const float *x, const int8_t *w,
                      const float *s, const float *b, int R, int I, int O)
{
    const struct telu_linear8_panel *panel = telu_linear8_panels;
    int most = BLOCK_INPUTS / (I + I % 2);

    (void)ctx;
    most = most < BLOCK_ROWS ? most : BLOCK_ROWS;
    while (!panel->available())
        panel++;
    for (int r = 0; r < R; r += most)
        block(panel, y + (size_t)r * O, x + (size_t)r * I, w, s, b, R - r < most ? R - r : most, I,
              O);
    return 0;
}
