/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* norm_grad.c - see norm.h. */
#include "norm.h"

#include "target_clones.h"

#include <math.h>

#define LANES 16

TELU_ALWAYS_INLINE float lanes(const float *part)
{
    float sum = 0.0f;

    for (int j = 0; j < LANES; j++)
        sum += part[j];
    return sum;
}

/* With n = (x - mean) / sqrt(var + eps) and a = dy g:
 *   dx = (a - mean(a) - n mean(a n)) / sqrt(var + eps) */
TELU_TARGET_CLONES
void telu_norm_grad(float *dx, float *dg, float *db, const float *dy,
                    const float *x, const float *g, int R, int C)
{
    for (int r = 0; r < R; r++, x += C, dy += C, dx += C) {
        float s[LANES] = { 0 }, v[LANES] = { 0 }, a[LANES] = { 0 };
        float an[LANES] = { 0 };
        int whole = C - C % LANES;

        for (int c = 0; c < whole; c += LANES)
            for (int j = 0; j < LANES; j++)
                s[j] += x[c + j];
        for (int c = whole; c < C; c++)
            s[c - whole] += x[c];
        float mean = lanes(s) / (float)C;

        for (int c = 0; c < whole; c += LANES)
            for (int j = 0; j < LANES; j++) {
                float d = x[c + j] - mean, w = dy[c + j] * g[c + j];

                v[j] += d * d;
                a[j] += w;
                an[j] += w * d;
            }
        for (int c = whole; c < C; c++) {
            float d = x[c] - mean, w = dy[c] * g[c];

            v[c - whole] += d * d;
            a[c - whole] += w;
            an[c - whole] += w * d;
        }
        float scale = 1.0f / sqrtf(lanes(v) / (float)C + TELU_NORM_EPS);
        float mean_a = lanes(a) / (float)C;
        float mean_an = lanes(an) / (float)C * scale;

        for (int c = 0; c < C; c++) {
            float n = (x[c] - mean) * scale;

            dx[c] += scale * (dy[c] * g[c] - mean_a - n * mean_an);
        }
        for (int c = 0; c < C; c++) {
            dg[c] += dy[c] * ((x[c] - mean) * scale);
            db[c] += dy[c];
        }
    }
}
