/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loss.c - see loss.h. */
#include "loss.h"

#include "approx.h"
#include "constants.h"
#include "filterbank.h"
#include "target_clones.h"
#include "memory.h"
#include "pool.h"
#include "stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define L STFT_LANES

/* Scratch memory of one thread. */
struct scratch {
    struct stft stft[LOSS_SCALES];
    struct filterbank mel[LOSS_SCALES];
    float *xr, *xi, *yr, *yi, *xa, *ya, *gr, *gi, *hr, *hi, *ga;
};

struct loss {
    int threads;
    struct scratch *scratch;
};

static void scratch_init(struct scratch *l)
{
    static const int size[LOSS_SCALES] = LOSS_FFTS;
    static const int mels[LOSS_SCALES] = LOSS_MELS;
    float **all[] = { &l->xr, &l->xi, &l->yr, &l->yi, &l->xa, &l->ya, &l->gr, &l->gi,
                      &l->hr, &l->hi, &l->ga };

    for (int i = 0; i < LOSS_SCALES; i++) {
        stft_init(&l->stft[i], size[i]);
        filterbank_init(&l->mel[i], mels[i], size[i]);
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        *all[i] = floats((LOSS_LONGEST / 2 + 1) * L);
}

struct loss *loss_new(void)
{
    struct loss *l = zeroed(sizeof(*l));

    l->threads = pool_threads();
    l->scratch = zeroed(sizeof(*l->scratch) * l->threads);
    for (int i = 0; i < l->threads; i++)
        scratch_init(&l->scratch[i]);
    return l;
}

static void scratch_release(struct scratch *l)
{
    float *all[] = { l->xr, l->xi, l->yr, l->yi, l->xa, l->ya, l->gr, l->gi, l->hr,
                     l->hi, l->ga };

    for (int i = 0; i < LOSS_SCALES; i++) {
        stft_release(&l->stft[i]);
        filterbank_release(&l->mel[i]);
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        free(all[i]);
}

void loss_free(struct loss *l)
{
    for (int i = 0; i < l->threads; i++)
        scratch_release(&l->scratch[i]);
    free(l->scratch);
    free(l);
}

/* Computes p^-0.35 in each lane. The loop stands alone because the compiler does not
 * vectorise it among more branches. */
TELU_ALWAYS_INLINE void power(float *f, const float *p)
{
    for (int j = 0; j < L; j++)
        f[j] = telu_exp(-LOSS_COMPRESS * telu_log(p[j]));
}

/* Returns the sum of |C(Y) - C(X)| over bins and lanes. hr, hi receive k times its
 * gradient; xa, ya the magnitudes. */
TELU_TARGET_CLONES
static double compressed(struct scratch *l, int bins, float k)
{
    const float *restrict xr = l->xr, *restrict xi = l->xi;
    const float *restrict yr = l->yr, *restrict yi = l->yi;
    float *restrict xa = l->xa, *restrict ya = l->ya;
    float *restrict hr = l->hr, *restrict hi = l->hi;
    float part[L] = { 0 };

    for (int b = 0; b < bins; b++, xr += L, xi += L, yr += L, yi += L, xa += L,
                                   ya += L, hr += L, hi += L) {
        float px[L], py[L], fx[L], fy[L];

        for (int j = 0; j < L; j++) {
            px[j] = xr[j] * xr[j] + xi[j] * xi[j] + LOSS_EPS;
            py[j] = yr[j] * yr[j] + yi[j] * yi[j] + LOSS_EPS;
            xa[j] = sqrtf(px[j]);
            ya[j] = sqrtf(py[j]);
        }
        power(fx, px);
        power(fy, py);
        for (int j = 0; j < L; j++) {
            float dr = yr[j] * fy[j] - xr[j] * fx[j];
            float di = yi[j] * fy[j] - xi[j] * fx[j];
            float u = sign_of(dr), v = sign_of(di);
            float along = 2.0f * LOSS_COMPRESS * (u * yr[j] + v * yi[j]) / py[j];

            part[j] += fabsf(dr) + fabsf(di);
            hr[j] = k * fy[j] * (u - along * yr[j]);
            hi[j] = k * fy[j] * (v - along * yi[j]);
        }
    }
    return lanes_total(part);
}

/* Returns the sum of the log-mel distances; ga receives k times the gradient with respect
 * to ya. */
TELU_TARGET_CLONES
static double log_mel(struct scratch *l, const struct filterbank *m, int bins, float k)
{
    float *restrict ga = l->ga;
    float part[L] = { 0 };

    memset(ga, 0, sizeof(float) * bins * L);
    for (int i = 0; i < m->n; i++) {
        const float *w = m->weight + (size_t)i * bins;
        int first = m->first[i] * L, count = m->count[i];
        float x[L] = { 0 }, y[L] = { 0 }, g[L];

        for (int b = 0; b < count; b++)
            for (int j = 0; j < L; j++) {
                x[j] += w[b] * l->xa[first + b * L + j];
                y[j] += w[b] * l->ya[first + b * L + j];
            }
        for (int j = 0; j < L; j++) {
            float d = telu_log(y[j] + LOSS_MEL_EPS) - telu_log(x[j] + LOSS_MEL_EPS);

            part[j] += fabsf(d);
            g[j] = k * sign_of(d) / (y[j] + LOSS_MEL_EPS);
        }
        for (int b = 0; b < count; b++)
            for (int j = 0; j < L; j++)
                ga[first + b * L + j] += w[b] * g[j];
    }
    return lanes_total(part);
}

/* Applies d|Y|/dY = Y / |Y|. */
TELU_TARGET_CLONES
static void magnitude_grad(struct scratch *l, int bins)
{
    const float *restrict ga = l->ga, *restrict ya = l->ya;
    const float *restrict yr = l->yr, *restrict yi = l->yi;
    float *restrict gr = l->gr, *restrict gi = l->gi;

    for (int i = 0; i < bins * L; i++) {
        float g = ga[i] / ya[i];

        gr[i] = g * yr[i];
        gi[i] = g * yi[i];
    }
}

TELU_TARGET_CLONES
static double waveform(float *restrict g, const float *restrict x,
                       const float *restrict y, int n, int B)
{
    double error = 0.0, energy = LOSS_WAVE_ENERGY;

    for (int i = 0; i < n; i++) {
        float d = y[i] - x[i];

        error += (double)d * d;
        energy += (double)x[i] * x[i];
    }
    double value = sqrt(error / energy + LOSS_WAVE_EPS);
    float k = (float)(1.0 / (energy * value * B));

    for (int i = 0; i < n; i++)
        g[i] = k * (y[i] - x[i]);
    return value / B;
}

struct job {
    struct loss *l;
    float *mel, *cpx, *wave;
    const float *x, *y;
    int B, n, stride;
    struct loss_value *value;  /* [B] */
};

static void one_item(void *arg, int b, int thread)
{
    const struct job *j = arg;
    struct scratch *l = &j->l->scratch[thread];
    size_t at = (size_t)b * j->stride;
    struct loss_value v = { 0 };

    memset(j->mel + at, 0, sizeof(float) * j->n);
    memset(j->cpx + at, 0, sizeof(float) * j->n);
    v.wave = waveform(j->wave + at, j->x + at, j->y + at, j->n, j->B);
    for (int i = 0; i < LOSS_SCALES; i++) {
        struct stft *s = &l->stft[i];
        int frames = stft_frames(s, j->n);
        double each = 1.0 / ((double)LOSS_SCALES * j->B * frames);
        double km = each / l->mel[i].n, kc = each / (2 * s->bins);

        for (int f = 0; f < frames; f += L) {
            stft_forward(s, l->xr, l->xi, l->yr, l->yi, j->x + at, j->y + at, f,
                         frames);
            v.cpx += kc * compressed(l, s->bins, (float)kc);
            v.mel += km * log_mel(l, &l->mel[i], s->bins, (float)km);
            magnitude_grad(l, s->bins);
            stft_adjoint(s, j->mel + at, j->cpx + at, l->gr, l->gi, l->hr, l->hi, f,
                         frames);
        }
    }
    j->value[b] = v;
}

struct loss_value loss_run(struct loss *l, float *mel, float *cpx, float *wave,
                           const float *x, const float *y, int B, int n, int stride)
{
    struct job j = { l, mel, cpx, wave, x, y, B, n, stride,
                     zeroed(sizeof(struct loss_value) * B) };
    struct loss_value v = { 0 };

    pool_run(one_item, &j, B);
    for (int b = 0; b < B; b++) {
        v.mel += j.value[b].mel;
        v.cpx += j.value[b].cpx;
        v.wave += j.value[b].wave;
    }
    free(j.value);
    return v;
}
