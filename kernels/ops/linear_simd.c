/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear_simd.c - see linear.h: many outputs at once, each summed in order of i. Rows share weights
 * that were transposed. */
#include "linear.h"

#include "target_clones.h"
#include "unroll.h"

#include <string.h>

#define QUADS 4                /* groups of four outputs summed side by side */
#define WIDE  (4 * QUADS)
#define DEEP  128              /* inputs of transposed weights: 8 KB */
#define ROWS  4                /* with sums in registers */

typedef float quad __attribute__((vector_size(16)));
typedef float eight __attribute__((vector_size(32)));

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

TELU_ALWAYS_INLINE void one_row(float *y, const float *x, const float *w, int I, int O)
{
    int o = 0;

    for (; o + WIDE <= O; o += WIDE)
        outputs(y + o, x, w + (size_t)o * I, I, QUADS);
    for (; o + 4 <= O; o += 4)
        outputs(y + o, x, w + (size_t)o * I, I, 1);
    for (; o < O; o++)
        for (int i = 0; i < I; i++)
            y[o] += x[i] * w[(size_t)o * I + i];
}

/* --- Rows side by side -------------------------------------------------------- */

/* t [n][WIDE] = the first n weights of `outs` outputs, zeros for others. */
TELU_ALWAYS_INLINE void transpose(float *restrict t, const float *restrict w, int I, int n,
                                  int outs)
{
    int o = 0;

    for (; o + 4 <= outs; o += 4) {
        int i = 0;

        for (; i + 4 <= n; i += 4) {
            const float *from = w + (size_t)o * I + i;
            quad a = load(from), b = load(from + I), c = load(from + 2 * (size_t)I),
                 d = load(from + 3 * (size_t)I);
            quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
            quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
            quad out[4];

            out[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
            out[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
            ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
            cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
            out[2] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
            out[3] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
            for (int k = 0; k < 4; k++)
                memcpy(t + (i + k) * WIDE + o, &out[k], sizeof(out[k]));
        }
        for (; i < n; i++)
            for (int k = 0; k < 4; k++)
                t[i * WIDE + o + k] = w[(size_t)(o + k) * I + i];
    }
    for (; o < WIDE; o++)
        for (int i = 0; i < n; i++)
            t[i * WIDE + o] = o < outs ? w[(size_t)o * I + i] : 0.0f;
}

/* Adds n inputs to `outs` sums of `rows` rows, at most ROWS. */
TELU_ALWAYS_INLINE void add(float *restrict y, const float *restrict x, const float *restrict t,
                            int I, int O, int n, int outs, int rows)
{
    eight low[ROWS], high[ROWS];
    float sum[WIDE] = { 0 };

    for (int r = 0; r < rows; r++) {
        memcpy(sum, y + (size_t)r * O, (size_t)outs * sizeof(*sum));
        memcpy(&low[r], sum, sizeof(low[r]));
        memcpy(&high[r], sum + WIDE / 2, sizeof(high[r]));
    }
    for (int i = 0; i < n; i++, t += WIDE) {
        eight a, b;

        memcpy(&a, t, sizeof(a));
        memcpy(&b, t + WIDE / 2, sizeof(b));
        UNROLL for (int r = 0; r < rows; r++) {
            low[r] += x[(size_t)r * I + i] * a;
            high[r] += x[(size_t)r * I + i] * b;
        }
    }
    for (int r = 0; r < rows; r++) {
        memcpy(sum, &low[r], sizeof(low[r]));
        memcpy(sum + WIDE / 2, &high[r], sizeof(high[r]));
        memcpy(y + (size_t)r * O, sum, (size_t)outs * sizeof(*sum));
    }
}

TELU_ALWAYS_INLINE void some_rows(float *y, const float *x, const float *w, int R, int I, int O)
{
    _Alignas(64) float t[DEEP * WIDE];

    for (int o = 0; o < O; o += WIDE)
        for (int i = 0; i < I; i += DEEP) {
            int n = I - i < DEEP ? I - i : DEEP, outs = O - o < WIDE ? O - o : WIDE, r = 0;

            transpose(t, w + (size_t)o * I + i, I, n, outs);
            for (; r + ROWS <= R; r += ROWS)
                add(y + (size_t)r * O + o, x + (size_t)r * I + i, t, I, O, n, outs, ROWS);
            for (; r < R; r++)
                add(y + (size_t)r * O + o, x + (size_t)r * I + i, t, I, O, n, outs, 1);
        }
}

TELU_TARGET_CLONES
int telu_linear_simd(struct telu_ctx *ctx, float *y, const float *x,
                     const float *w, const float *b, int R, int I, int O)
{
    (void)ctx;
    for (int r = 0; r < R; r++)
        for (int j = 0; j < O; j++)
            y[(size_t)r * O + j] = b ? b[j] : 0.0f;
    if (R == 1)
        one_row(y, x, w, I, O);
    else if (R > 1)
        some_rows(y, x, w, R, I, O);
    return 0;
}
