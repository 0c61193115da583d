/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* adamw.c - see adamw.h. */
#include "adamw.h"

#include "constants.h"
#include "target_clones.h"
#include "memory.h"

#include <math.h>
#include <stdlib.h>

#define LANES 16

void adamw_init(struct adamw *a, const struct params *p)
{
    a->m = floats(p->total);
    a->v = floats(p->total);
    a->step = 0;
}

void adamw_release(struct adamw *a)
{
    free(a->m);
    free(a->v);
}

TELU_TARGET_CLONES
static double square_sum(const float *x, size_t n)
{
    double sum = 0.0;
    size_t i = 0;

    /* float within a short run, double over all */
    while (i + LANES * 16 <= n) {
        float part[LANES] = { 0 };

        for (int k = 0; k < 16; k++, i += LANES)
            for (int j = 0; j < LANES; j++)
                part[j] += x[i + j] * x[i + j];
        for (int j = 0; j < LANES; j++)
            sum += part[j];
    }
    for (; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

double grad_norm(const struct params *p)
{
    return sqrt(square_sum(p->grad, p->total));
}

TELU_TARGET_CLONES
static void update(float *restrict w, float *restrict m, float *restrict v,
                   const float *restrict g, size_t n, float lr, float decay,
                   float scale, float c1, float c2)
{
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * scale;

        m[i] = ADAM_BETA1 * m[i] + (1.0f - ADAM_BETA1) * d;
        v[i] = ADAM_BETA2 * v[i] + (1.0f - ADAM_BETA2) * d * d;
        w[i] -= lr * (m[i] * c1 / (sqrtf(v[i] * c2) + ADAM_EPS) + decay * w[i]);
    }
}

void adamw_step(struct adamw *a, struct params *p, float lr, float decay,
                float scale)
{
    float c1, c2;

    a->step++;
    c1 = (float)(1.0 / (1.0 - pow(ADAM_BETA1, (double)a->step)));
    c2 = (float)(1.0 / (1.0 - pow(ADAM_BETA2, (double)a->step)));
    for (int i = 0; i < p->count; i++) {
        const struct param *e = &p->all[i];
        size_t at;

        if (e->t.kind != TELU_WEIGHT)
            continue;
        at = (size_t)(e->w - p->value);
        update(e->w, a->m + at, a->v + at, e->g, e->n, lr, e->t.decay ? decay : 0.0f,
               scale, c1, c2);
    }
}
