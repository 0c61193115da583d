/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ltpf.c - see ltpf.h. */
#include "ltpf.h"

#include "approx.h"
#include "target_clones.h"
#include "mdct.h"
#include "unroll.h"

#include <math.h>
#include <string.h>

#define HOP   TELU_HOP
#define LAG   TELU_LTPF_MAX_LAG
#define LAGS  TELU_LTPF_LAGS
#define LANES 16

/* Sums in registers. Half of the loads cross a line of the cache, fewer than those of 64 bytes. An
 * array of sums would stay in memory. */
typedef float eight __attribute__((vector_size(32)));

#define PAIRS 5                /* vectors of products, and of energies, side by side */
#define SUMS  10               /* vectors of a prediction; LAGS is a multiple of both */

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
    for (int j = 0; j < LAGS; j += 8 * PAIRS) {
        float product[8 * PAIRS], lag_energy[8 * PAIRS];
        eight p[PAIRS], e[PAIRS];

        UNROLL for (int k = 0; k < PAIRS; k++)
            p[k] = e[k] = (eight){ 0 };
        for (int i = 0; i < HOP; i++)
            UNROLL for (int k = 0; k < PAIRS; k++) {
                eight x;

                memcpy(&x, v + j + i + 8 * k, sizeof(x));
                p[k] += now[i] * x;
                e[k] += x * x;
            }
        UNROLL for (int k = 0; k < PAIRS; k++) {
            memcpy(product + 8 * k, &p[k], sizeof(p[k]));
            memcpy(lag_energy + 8 * k, &e[k], sizeof(e[k]));
        }
        for (int k = 0; k < 8 * PAIRS; k++)
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
    for (int m = 0; m < LAGS; m += 8 * SUMS) {
        eight out[SUMS];

        UNROLL for (int k = 0; k < SUMS; k++)
            out[k] = (eight){ 0 };
        for (int j = 0; j < LAGS; j++)
            UNROLL for (int k = 0; k < SUMS; k++) {
                eight x;

                memcpy(&x, v + j + m + 8 * k, sizeof(x));
                out[k] += w[j] * x;
            }
        UNROLL for (int k = 0; k < SUMS; k++)
            memcpy(y + TELU_EDGE + m + 8 * k, &out[k], sizeof(out[k]));
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
