/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spectral_loss.c - see spectral_loss.h. */
#include "spectral_loss.h"

#include "approx.h"
#include "disturbance.h"
#include "filterbank.h"
#include "memory.h"
#include "pool.h"
#include "stft.h"
#include "target_clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define L       STFT_LANES
#define SCALES  3
#define LONGEST 1024
#define LEVEL   0.05f          /* root mean square of every item */
#define SILENT  1e-4f          /* added to that of x */
#define EPS     1e-8f          /* added to powers */
#define MEL_EPS 1e-7f

/* Weights of the terms. */
#define MAGNITUDE 1.0f
#define COMPLEX   0.5f
#define LOG_LEVEL 0.1f
#define LOUDNESS  1.0f
#define DISTURBED 0.1f

static const int sizes[SCALES] = { 256, 512, 1024 };
static const int triangles[SCALES] = { 20, 40, 80 };

/* Scratch memory of one thread. */
struct scratch {
    struct stft stft[SCALES];
    struct filterbank mel[SCALES];
    struct disturbance *disturbance;
    float *x, *y, *dy;         /* [n] */
    float *xr, *xi, *yr, *yi, *xp, *yp, *gp;
    float *gr, *gi;            /* gradient of these lanes */
    float *hr, *hi;            /* gradient of the lanes before, which waits for this one */
};

struct spectral_loss {
    int n, threads;
    struct scratch *scratch;
};

/* --- Memory ---------------------------------------------------------------- */

/* Scales each triangle to the sum 1. */
static void triangles_init(struct filterbank *m, int mels, int fft)
{
    filterbank_init(m, mels, fft);
    for (int i = 0; i < mels; i++) {
        float *w = m->weight + (size_t)i * (fft / 2 + 1), sum = 1e-9f;

        for (int k = 0; k < m->count[i]; k++)
            sum += w[k];
        for (int k = 0; k < m->count[i]; k++)
            w[k] /= sum;
    }
}

struct spectral_loss *spectral_loss_new(int n)
{
    struct spectral_loss *l = zeroed(sizeof(*l));

    l->n = n;
    l->threads = pool_threads();
    l->scratch = zeroed(sizeof(*l->scratch) * l->threads);
    for (int t = 0; t < l->threads; t++) {
        struct scratch *s = &l->scratch[t];
        float **line[] = { &s->x, &s->y, &s->dy };
        float **frame[] = { &s->xr, &s->xi, &s->yr, &s->yi, &s->xp, &s->yp, &s->gp, &s->gr,
                            &s->gi, &s->hr, &s->hi };

        for (int i = 0; i < SCALES; i++) {
            stft_init(&s->stft[i], sizes[i]);
            triangles_init(&s->mel[i], triangles[i], sizes[i]);
        }
        s->disturbance = disturbance_new(n);
        for (size_t i = 0; i < sizeof(line) / sizeof(*line); i++)
            *line[i] = floats(n);
        for (size_t i = 0; i < sizeof(frame) / sizeof(*frame); i++)
            *frame[i] = floats((LONGEST / 2 + 1) * L);
    }
    return l;
}

void spectral_loss_free(struct spectral_loss *l)
{
    for (int t = 0; t < l->threads; t++) {
        struct scratch *s = &l->scratch[t];
        float *all[] = { s->x, s->y, s->dy, s->xr, s->xi, s->yr, s->yi, s->xp, s->yp, s->gp,
                         s->gr, s->gi, s->hr, s->hi };

        for (int i = 0; i < SCALES; i++) {
            stft_release(&s->stft[i]);
            filterbank_release(&s->mel[i]);
        }
        disturbance_free(s->disturbance);
        for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
            free(all[i]);
    }
    free(l->scratch);
    free(l);
}

/* --- Terms ----------------------------------------------------------------- */

/* Adds to the sums of both terms; gr, gi receive their gradient, k times the weights. Writes the
 * powers xp, yp. */
TELU_TARGET_CLONES
static void bin_terms(struct scratch *s, int bins, float k, double *magnitude, double *complex)
{
    float *restrict xp = s->xp, *restrict yp = s->yp;
    float *restrict gr = s->gr, *restrict gi = s->gi;
    const float *restrict xr = s->xr, *restrict xi = s->xi;
    const float *restrict yr = s->yr, *restrict yi = s->yi;
    float m[L] = { 0 }, c[L] = { 0 };

    for (int b = 0; b < bins * L; b += L)
        for (int j = 0; j < L; j++) {
            int i = b + j;
            float px = xr[i] * xr[i] + xi[i] * xi[i] + EPS;
            float py = yr[i] * yr[i] + yi[i] * yi[i] + EPS;
            float cx = sqrtf(sqrtf(px)), cy = sqrtf(sqrtf(py)), ix = 1.0f / cx, iy = 1.0f / cy;
            float dr = yr[i] * iy - xr[i] * ix, di = yi[i] * iy - xi[i] * ix;
            float e = sqrtf(dr * dr + di * di + EPS), ur = dr / e, ui = di / e;
            float along = (MAGNITUDE * 0.5f * sign_of(cy - cx) * cy -
                           COMPLEX * 0.5f * iy * (ur * yr[i] + ui * yi[i])) / py;

            xp[i] = px;
            yp[i] = py;
            m[j] += fabsf(cx - cy);
            c[j] += e;
            gr[i] = k * (along * yr[i] + COMPLEX * iy * ur);
            gi[i] = k * (along * yi[i] + COMPLEX * iy * ui);
        }
    *magnitude += lanes_total(m);
    *complex += lanes_total(c);
}

/* The same for the terms of the triangles; their gradient is added. */
TELU_TARGET_CLONES
static void triangle_terms(struct scratch *s, const struct filterbank *m, int bins, float k,
                           double *level, double *loudness)
{
    float *restrict gp = s->gp;
    float a[L] = { 0 }, b[L] = { 0 };

    memset(gp, 0, sizeof(float) * bins * L);
    for (int i = 0; i < m->n; i++) {
        const float *w = m->weight + (size_t)i * bins;
        int first = m->first[i] * L, count = m->count[i];
        float x[L] = { 0 }, y[L] = { 0 }, g[L];

        for (int n = 0; n < count; n++)
            for (int j = 0; j < L; j++) {
                x[j] += w[n] * s->xp[first + n * L + j];
                y[j] += w[n] * s->yp[first + n * L + j];
            }
        for (int j = 0; j < L; j++) {
            float px = x[j] + MEL_EPS, py = y[j] + MEL_EPS, u = sign_of(py - px);
            float qx = sqrtf(sqrtf(px)), qy = sqrtf(sqrtf(py));

            a[j] += fabsf(telu_log(px) - telu_log(py));
            b[j] += fabsf(qx - qy);
            g[j] = k * u * (LOG_LEVEL + LOUDNESS * 0.25f * qy) / py;
        }
        for (int n = 0; n < count; n++)
            for (int j = 0; j < L; j++)
                gp[first + n * L + j] += w[n] * g[j];
    }
    for (int i = 0; i < bins * L; i++) {
        s->gr[i] += 2.0f * gp[i] * s->yr[i];
        s->gi[i] += 2.0f * gp[i] * s->yi[i];
    }
    *level += lanes_total(a);
    *loudness += lanes_total(b);
}

/* --- Items ----------------------------------------------------------------- */

struct job {
    struct spectral_loss *l;
    float *grad;
    const float *x, *y;
    int B, stride;
    struct spectral_value *value;
};

static void swap(float **a, float **b)
{
    float *keep = *a;

    *a = *b;
    *b = keep;
}

/* Adds the gradient of the lanes at `at` to s->dy: every second time that of two, or alone that of
 * the last ones. */
static void add_gradient(struct scratch *s, struct stft *f, int at, int frames, float factor)
{
    const size_t n = (size_t)f->bins * L;

    for (size_t i = 0; i < n; i++) {
        s->gr[i] *= factor;
        s->gi[i] *= factor;
    }
    if (at / L % 2) {
        stft_adjoint_one(f, s->dy, s->hr, s->hi, s->gr, s->gi, at - L, frames);
    } else if (at + L < frames) {
        swap(&s->gr, &s->hr);
        swap(&s->gi, &s->hi);
    } else {
        memset(s->hr, 0, sizeof(float) * n);
        memset(s->hi, 0, sizeof(float) * n);
        stft_adjoint_one(f, s->dy, s->gr, s->gi, s->hr, s->hi, at, frames);
    }
}

/* grad: 1 adds the gradient to s->dy. */
static void one_scale(struct scratch *s, int scale, int n, int B, float factor, int grad,
                      struct spectral_value *v)
{
    struct stft *f = &s->stft[scale];
    const struct filterbank *m = &s->mel[scale];
    const int frames = stft_frames(f, n);
    const double per_bin = 1.0 / ((double)B * frames * f->bins);
    const double per_mel = 1.0 / ((double)B * frames * m->n);
    double magnitude = 0, complex = 0, level = 0, loudness = 0;

    for (int at = 0; at < frames; at += L) {
        int rest = frames - at;

        stft_forward(f, s->xr, s->xi, s->yr, s->yi, s->x, s->y, at, frames);
        for (int i = 0; i < f->bins * L; i++) {
            s->xr[i] *= factor;
            s->xi[i] *= factor;
            s->yr[i] *= factor;
            s->yi[i] *= factor;
        }
        bin_terms(s, f->bins, (float)per_bin, &magnitude, &complex);
        triangle_terms(s, m, f->bins, (float)per_mel, &level, &loudness);
        /* Lanes behind the last frame are zeros in x and y: their distance is sqrt(EPS). */
        if (rest < L)
            complex -= (double)(L - rest) * f->bins * sqrtf(EPS);
        if (grad)
            add_gradient(s, f, at, frames, factor);
    }
    v->magnitude += magnitude * per_bin;
    v->complex += complex * per_bin;
    v->level += level * per_mel;
    v->loudness += loudness * per_mel;
}

static void one_item(void *arg, int b, int thread)
{
    const struct job *j = arg;
    struct scratch *s = &j->l->scratch[thread];
    const int n = j->l->n;
    const float *x = j->x + (size_t)b * j->stride, *y = j->y + (size_t)b * j->stride;
    struct spectral_value v = { 0 };
    double power = 0.0;
    float gain;

    for (int i = 0; i < n; i++)
        power += (double)x[i] * x[i];
    gain = LEVEL / ((float)sqrt(power / n) + SILENT);
    for (int i = 0; i < n; i++) {
        s->x[i] = gain * x[i];
        s->y[i] = gain * y[i];
    }
    memset(s->dy, 0, sizeof(float) * n);
    for (int i = 0; i < SCALES; i++)
        one_scale(s, i, n, j->B, 1.0f / sqrtf(0.375f * (float)sizes[i]),
                  j->grad != NULL, &v);
    v.disturbance = disturbance_run(s->disturbance, j->grad ? s->dy : NULL,
                                    DISTURBED / (float)j->B, s->x, s->y) / j->B;
    v.sum = MAGNITUDE * v.magnitude + COMPLEX * v.complex + LOG_LEVEL * v.level +
            LOUDNESS * v.loudness + DISTURBED * v.disturbance;
    j->value[b] = v;
    for (int i = 0; j->grad && i < n; i++)
        j->grad[(size_t)b * j->stride + i] = gain * s->dy[i];
}

struct spectral_value spectral_loss_run(struct spectral_loss *l, float *grad, const float *x,
                                        const float *y, int B, int stride)
{
    struct job j = { l, grad, x, y, B, stride, zeroed(sizeof(struct spectral_value) * B) };
    struct spectral_value v = { 0 };

    pool_run(one_item, &j, B);
    for (int b = 0; b < B; b++) {
        v.magnitude += j.value[b].magnitude;
        v.complex += j.value[b].complex;
        v.level += j.value[b].level;
        v.loudness += j.value[b].loudness;
        v.disturbance += j.value[b].disturbance;
        v.sum += j.value[b].sum;
    }
    free(j.value);
    return v;
}
