/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm.c - see norm.h. */
#include "norm.h"

#include "target_clones.h"

#include <math.h>

#define LANES 16

/* Sum of (x - offset)^power over a row, power 1 or 2, in LANES partial sums. */
TELU_ALWAYS_INLINE float lane_sum(const float *x, float offset, int power, int C)
{
    float part[LANES] = { 0 }, sum = 0.0f;
    int c = 0;

    for (; c + LANES <= C; c += LANES)
        for (int j = 0; j < LANES; j++) {
            float d = x[c + j] - offset;

            part[j] += power == 1 ? d : d * d;
        }
    for (int j = 0; c + j < C; j++) {
        float d = x[c + j] - offset;

        part[j] += power == 1 ? d : d * d;
    }
    for (int j = 0; j < LANES; j++)
        sum += part[j];
    return sum;
}

TELU_ALWAYS_INLINE void norm(float *y, const float *x, const float *g, const float *b,
                    int R, int C)
{
    for (int r = 0; r < R; r++, x += C, y += C) {
        float mean = lane_sum(x, 0.0f, 1, C) / (float)C;
        float var = lane_sum(x, mean, 2, C) / (float)C;
        float scale = 1.0f / sqrtf(var + TELU_NORM_EPS);

        for (int c = 0; c < C; c++)
            y[c] = g[c] * ((x[c] - mean) * scale) + b[c];
    }
}

int telu_norm_c(struct telu_ctx *ctx, float *y, const float *x, const float *g,
                const float *b, int R, int C)
{
    (void)ctx;
    norm(y, x, g, b, R, C);
    return 0;
}

TELU_TARGET_CLONES
int telu_norm_simd(struct telu_ctx *ctx, float *y, const float *x, const float *g,
                   const float *b, int R, int C)
{
    (void)ctx;
    norm(y, x, g, b, R, C);
    return 0;
}
