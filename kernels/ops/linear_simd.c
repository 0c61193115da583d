/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear_simd.c - see linear.h: many outputs at once, each summed in order of i. */
#include "linear.h"

#include "target_clones.h"

#include <string.h>

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
