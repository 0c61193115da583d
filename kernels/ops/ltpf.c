/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ltpf.c - see ltpf.h. */
#include "ltpf.h"

#include "approx.h"
#include "target_clones.h"
#include "mdct.h"

#include <math.h>
#include <string.h>

#define HOP   TELU_HOP
#define LAG   TELU_LTPF_MAX_LAG
#define LAGS  TELU_LTPF_LAGS
#define BLOCK 48               /* sums in registers; LAGS is a multiple */
#define LANES 16

TELU_ALWAYS_INLINE float total(const float *x)
{
    float part[LANES] = { 0 }, sum = 0.0f;

    for (int j = 0; j < LAGS; j += LANES)
        for (int k = 0; k < LANES; k++)
            part[k] += x[j + k];
    for (int k = 0; k < LANES; k++)
        sum += part[k];
    return sum;
}

/* Correlations r [LAGS]. */
TELU_ALWAYS_INLINE void compare(float *restrict r, const float *restrict v)
{
    const float *now = v + LAG;
    float energy = TELU_LTPF_FLOOR;

    for (int i = 0; i < HOP; i++)
        energy += now[i] * now[i];
    for (int j = 0; j < LAGS; j += BLOCK) {
        float product[BLOCK] = { 0 }, lag_energy[BLOCK] = { 0 };

        for (int i = 0; i < HOP; i++)
            for (int k = 0; k < BLOCK; k++) {
                float x = v[j + i + k];

                product[k] += now[i] * x;
                lag_energy[k] += x * x;
            }
        for (int k = 0; k < BLOCK; k++)
            r[j + k] = product[k] / sqrtf(energy * (lag_energy[k] + TELU_LTPF_FLOOR));
    }
}

TELU_ALWAYS_INLINE float predict(float *restrict y, const float *restrict v)
{
    float r[LAGS], w[LAGS], max_r, sum, similarity;

    compare(r, v);
    max_r = r[0];
    for (int j = 1; j < LAGS; j++)
        max_r = r[j] > max_r ? r[j] : max_r;
    for (int j = 0; j < LAGS; j++)
        w[j] = telu_exp(TELU_LTPF_SHARPNESS * (r[j] - max_r));
    sum = total(w);
    for (int j = 0; j < LAGS; j++) {
        w[j] /= sum;
        r[j] *= w[j];
    }

    memset(y, 0, TELU_EDGE * sizeof(*y));
    memset(y + TELU_EDGE + LAGS, 0, TELU_EDGE * sizeof(*y));
    for (int m = 0; m < LAGS; m += BLOCK) {
        float out[BLOCK] = { 0 };

        for (int j = 0; j < LAGS; j++)
            for (int k = 0; k < BLOCK; k++)
                out[k] += w[j] * v[j + m + k];
        memcpy(y + TELU_EDGE + m, out, sizeof(out));
    }
    similarity = total(r);
    return similarity > 0.0f ? 0.5f * similarity : 0.0f;
}

TELU_ALWAYS_INLINE void ltpf(float *restrict y, float *restrict g, const float *restrict u, int B)
{
    for (int b = 0; b < B; b++, u += TELU_LTPF_SPAN)
        for (int h = 0; h < 2; h++, y += 2 * HOP)
            *g++ = predict(y, u + h * HOP);
}

int telu_ltpf_c(struct telu_ctx *ctx, float *y, float *g, const float *u, int B)
{
    (void)ctx;
    ltpf(y, g, u, B);
    return 0;
}

TELU_TARGET_CLONES
int telu_ltpf_simd(struct telu_ctx *ctx, float *y, float *g, const float *u, int B)
{
    (void)ctx;
    ltpf(y, g, u, B);
    return 0;
}
