/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear_simd.c - see linear.h: many outputs at once, each summed in order of i. */
#include "linear.h"

#include "approx.h"
#include "target_clones.h"

#include <string.h>

#define HALF  32               /* words in a row of a panel */
#define PANEL 64               /* outputs of a panel */
#define QUADS 4                /* groups of four outputs summed side by side */

typedef float quad __attribute__((vector_size(16)));

TELU_ALWAYS_INLINE quad load(const float *p)
{
    quad v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* Adds four inputs to four sums. w (O, I) is contiguous in i, but a vector holds neighbours in o,
 * so 4 x 4 weights are transposed. */
TELU_ALWAYS_INLINE quad transpose_and_add(quad sum, const float *x, const float *w, size_t I)
{
    quad a = load(w), b = load(w + I), c = load(w + 2 * I), d = load(w + 3 * I);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);

    sum += x[0] * __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    sum += x[1] * __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    sum += x[2] * __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    return sum + x[3] * __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

/* Computes 4 * quads outputs of one row of x. */
TELU_ALWAYS_INLINE void outputs(float *restrict y, const float *restrict x,
                       const float *restrict w, int I, int quads)
{
    quad sum[QUADS];
    int i = 0;

    memcpy(sum, y, (size_t)quads * sizeof(*sum));
    for (; i + 4 <= I; i += 4)
        for (int q = 0; q < quads; q++)
            sum[q] = transpose_and_add(sum[q], x + i, w + (size_t)4 * q * I + i, I);
    memcpy(y, sum, (size_t)quads * sizeof(*sum));
    for (; i < I; i++)
        for (int o = 0; o < 4 * quads; o++)
            y[o] += x[i] * w[(size_t)o * I + i];
}

TELU_TARGET_CLONES
int telu_linear_simd(struct telu_ctx *ctx, float *y, const float *x,
                     const float *w, const float *b, int R, int I, int O)
{
    (void)ctx;
    for (int r = 0; r < R; r++, x += I, y += O) {
        int o = 0;

        for (int j = 0; j < O; j++)
            y[j] = b ? b[j] : 0.0f;
        for (; o + 4 * QUADS <= O; o += 4 * QUADS)
            outputs(y + o, x, w + (size_t)o * I, I, QUADS);
        for (; o + 4 <= O; o += 4)
            outputs(y + o, x, w + (size_t)o * I, I, 1);
        for (; o < O; o++)
            for (int i = 0; i < I; i++)
                y[o] += x[i] * w[(size_t)o * I + i];
    }
    return 0;
}

/* One row times one panel: 64 sums that stay in registers. */
TELU_ALWAYS_INLINE void panel(float *restrict lo, float *restrict hi,
                     const float *restrict x, const uint32_t *restrict w, int I)
{
    float a[HALF], c[HALF];

    memcpy(a, lo, sizeof(a));
    memcpy(c, hi, sizeof(c));
    for (int i = 0; i < I; i++, w += HALF) {
        float xi = x[i];

        for (int j = 0; j < HALF; j++) {
            a[j] += xi * telu_bits_float(w[j] << 16);
            c[j] += xi * telu_bits_float(w[j] & 0xffff0000u);
        }
    }
    memcpy(lo, a, sizeof(a));
    memcpy(hi, c, sizeof(c));
}

TELU_TARGET_CLONES
int telu_linear16_simd(struct telu_ctx *ctx, float *y, const float *x,
                       const uint32_t *w, const float *b, int R, int I, int O)
{
    (void)ctx;
    for (int r = 0; r < R; r++, x += I, y += O) {
        const uint32_t *p = w;

        for (int o = 0; o < O; o += PANEL, p += (size_t)I * HALF) {
            int n = O - o < PANEL ? O - o : PANEL;
            float sum[PANEL] = { 0 };

            if (b)
                memcpy(sum, b + o, (size_t)n * sizeof(*b));
            panel(sum, sum + HALF, x, p, I);
            memcpy(y + o, sum, (size_t)n * sizeof(*y));
        }
    }
    return 0;
}
