/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* change_grad.c - see change_grad.h. The formulas are those of kernels/codec/postnet_body.h:
 *
 *   coded    v = step/2 o + o' (prediction - c) + o'' (base - c), unless it was clipped
 *   others   y = G u, u = c + unit o + ..., G = sqrt(had / has), has = sum u^2 of the band:
 *            du = G (dy - u sum(dy u) / has); from TELU_FIRST_NOISE_BAND on u has the sign of c,
 *            from TELU_POSTNET_FILL_END on dy counts as 0
 */
#include "change_grad.h"

#include "dequantise.h"

#include <math.h>

#define POWER_FLOOR 1e-10      /* of postnet_body.h, as the next two */
#define LEAST_COUNT 1e-3
#define MOST_GAIN   10.0

struct item {
    const float *o;
    const struct telu_postnet_packet *p;
};

static int coded(const struct telu_postnet_packet *p, int k)
{
    return p->kind == TELU_POSTNET_REFINED && p->q[k] != 0;
}

static double moved(const struct item *i, int k, double unit)
{
    const struct telu_postnet_packet *p = i->p;

    return unit * i->o[k] + i->o[TELU_COEFS + k] * (double)(p->prediction[k] - p->c[k]) +
           i->o[2 * TELU_COEFS + k] * (double)(p->base[k] - p->c[k]);
}

static void spread(float *doo, const struct item *i, int k, double unit, double d)
{
    const struct telu_postnet_packet *p = i->p;

    doo[k] = (float)(unit * d);
    doo[TELU_COEFS + k] = (float)(d * (p->prediction[k] - p->c[k]));
    doo[2 * TELU_COEFS + k] = (float)(d * (p->base[k] - p->c[k]));
}

/* Sets *u to a coefficient that is not coded, before its band's gain. Returns its derivative with
 * respect to what moves it: -1 where its sign was kept. */
static double kept(double *u, const struct item *i, int k, int b, double unit)
{
    const float c = i->p->c[k];
    double v = c + moved(i, k, unit);
    int turned = b >= TELU_FIRST_NOISE_BAND && (v < 0.0) != (c < 0.0f);

    *u = turned ? -v : v;
    return turned ? -1.0 : 1.0;
}

/* Level of the coefficients of a band of a hop that are not coded. */
static double unit_of(const struct telu_postnet_packet *p, int h, int b)
{
    double sum = 0.0, count = LEAST_COUNT;

    for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++)
        if (!coded(p, k)) {
            sum += (double)p->c[k] * p->c[k];
            count += 1.0;
        }
    return sqrt(sum / count);
}

/* Coefficients that are not filled are silent, whatever the network wants, but count for their
 * band's energy. */
static double filled_grad(const float *dy, int k)
{
    return k % TELU_HOP < TELU_POSTNET_FILL_END ? dy[k] : 0.0;
}

static void band_grad(float *doo, const float *dy, const struct item *i, int b)
{
    const struct telu_postnet_packet *p = i->p;
    double had = POWER_FLOOR, has = POWER_FLOOR, along = 0.0, gain;

    for (int h = 0; h < TELU_COEFS; h += TELU_HOP) {
        double unit = unit_of(p, h, b);

        for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++) {
            double u;

            if (coded(p, k))
                continue;
            kept(&u, i, k, b, unit);
            had += (double)p->c[k] * p->c[k];
            has += u * u;
            along += filled_grad(dy, k) * u;
        }
    }
    gain = sqrt(had / has);
    if (gain >= MOST_GAIN) {
        gain = MOST_GAIN;
        along = 0.0;
    }
    for (int h = 0; h < TELU_COEFS; h += TELU_HOP) {
        double unit = unit_of(p, h, b), step = 0.5 * (p->step ? p->step[b] : 0.0);

        for (int k = h + telu_band_edge[b]; k < h + telu_band_edge[b + 1]; k++) {
            if (coded(p, k)) {
                int clipped = fabs(moved(i, k, step)) > 2.0 * step;

                spread(doo, i, k, step, clipped ? 0.0 : dy[k]);
            } else {
                double u, turn = kept(&u, i, k, b, unit);

                spread(doo, i, k, unit, turn * gain * (filled_grad(dy, k) - u * along / has));
            }
        }
    }
}

void change_grad(float *doo, const float *dy, const float *o, const struct telu_postnet_packet *p)
{
    const struct item item = { o, p };

    for (int b = 0; b < TELU_BANDS; b++)
        band_grad(doo, dy, &item, b);
}
