/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disturbance.c - see disturbance.h. */
#include "disturbance.h"

#include "approx.h"
#include "filterbank.h"
#include "memory.h"
#include "stft.h"
#include "target_clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define L        STFT_LANES
#define FFT      512
#define BINS     (FFT / 2 + 1)
#define MOST     64            /* bands, at most */
#define WIDTH    0.5           /* of a band, Bark */
#define POWER    1.9e6f        /* of a bin for |X|^2 at a root mean square of 0.05: 79 dB SPL */
#define LOUDNESS 0.187f        /* S: 1 sone for 1 kHz at 40 dB SPL */
#define EXPONENT 0.23          /* g */
#define DEAD     0.25f
#define ADDED    50.0f         /* in h */
#define GREATEST 45.0f         /* of a frame */
#define SMOOTH   1e-3f         /* added to a frame's square */
#define WINDOW   40            /* frames of 128 samples, 0.32 s */
#define SYMMETRIC  0.1
#define ASYMMETRIC 0.0309

struct band {
    int first, count;          /* bins */
    float threshold, exponent, factor, width;
};

struct disturbance {
    struct stft stft;
    int n, frames, lanes, bands;         /* lanes: frames, made a multiple of L */
    float total;                         /* width of all bands */
    struct band band[MOST];
    float *xr, *xi;                      /* (bins, L) */
    float *yr, *yi;                      /* (lanes / L, bins, L) */
    float *dd, *da;                      /* (lanes / L, bands, L): of D and A by a band's power */
    float *d, *a, *gd, *ga;              /* [lanes]: D, A, and the gradient by them */
};

/* --- Bands ------------------------------------------------------------------ */

static double bark_of(double hz)
{
    return 13.0 * atan(0.00076 * hz) + 3.5 * atan(hz / 7500.0 * (hz / 7500.0));
}

/* Threshold in quiet as a power, 1 at 0 dB SPL. Terhardt 1979. */
static double threshold_of(double hz)
{
    double f = hz / 1000.0;
    double db = 3.64 * pow(f, -0.8) - 6.5 * exp(-0.6 * (f - 3.3) * (f - 3.3)) + 1e-3 * pow(f, 4);

    return pow(10.0, fmin(db, 75.0) / 10.0);
}

/* P.862: below 4 Bark loudness rises faster. */
static double exponent_of(double bark)
{
    return EXPONENT * pow(bark < 4.0 ? fmin(6.0 / (bark + 2.0), 2.0) : 1.0, 0.15);
}

static void bands_init(struct disturbance *d)
{
    const double hz = 16000.0 / FFT;

    for (int k = 1; k < BINS && d->bands < MOST; d->bands++) {
        struct band *b = &d->band[d->bands];
        double low = bark_of((k - 0.5) * hz), middle;

        b->first = k++;
        while (k < BINS && bark_of((k + 0.5) * hz) < low + WIDTH)
            k++;
        b->count = k - b->first;
        b->width = (float)(bark_of((k - 0.5) * hz) - low);
        middle = (b->first + 0.5 * (b->count - 1)) * hz;
        b->threshold = (float)threshold_of(middle);
        b->exponent = (float)exponent_of(bark_of(middle));
        b->factor = LOUDNESS * powf(b->threshold / 0.5f, b->exponent);
        d->total += b->width;
    }
}

/* --- Memory ----------------------------------------------------------------- */

struct disturbance *disturbance_new(int n)
{
    struct disturbance *d = zeroed(sizeof(*d));
    size_t of_bands;

    stft_init(&d->stft, FFT);
    d->n = n;
    d->frames = stft_frames(&d->stft, n);
    d->lanes = (d->frames + L - 1) / L * L;
    bands_init(d);
    of_bands = (size_t)d->lanes * d->bands;
    d->xr = floats(BINS * L);
    d->xi = floats(BINS * L);
    d->yr = floats((size_t)(d->lanes + L) * BINS);
    d->yi = floats((size_t)(d->lanes + L) * BINS);
    d->dd = floats(of_bands);
    d->da = floats(of_bands);
    d->d = floats(4 * (size_t)d->lanes);
    d->a = d->d + d->lanes;
    d->gd = d->a + d->lanes;
    d->ga = d->gd + d->lanes;
    return d;
}

void disturbance_free(struct disturbance *d)
{
    float *all[] = { d->xr, d->xi, d->yr, d->yi, d->dd, d->da, d->d };

    stft_release(&d->stft);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        free(all[i]);
    free(d);
}

/* --- Frames ----------------------------------------------------------------- */

/* Loudness of power p in a band; *slope: its derivative. */
static inline float loudness(float p, const struct band *b, float *slope)
{
    float u = 0.5f + 0.5f * p / b->threshold, v = telu_exp(b->exponent * telu_log(u));
    int heard = p > b->threshold;

    *slope = heard ? b->factor * b->exponent * v / u * 0.5f / b->threshold : 0.0f;
    return heard ? b->factor * (v - 1.0f) : 0.0f;
}

/* ((y + 50) / (x + 50))^1.2 where that is 3 to 12; *slope: its derivative by y. */
static inline float asymmetry(float x, float y, float *slope)
{
    float h = telu_exp(1.2f * (telu_log(y + ADDED) - telu_log(x + ADDED)));

    *slope = h >= 3.0f && h < 12.0f ? 1.2f * h / (y + ADDED) : 0.0f;
    return h < 3.0f ? 0.0f : h < 12.0f ? h : 12.0f;
}

static inline void band_powers(float p[L], const float *re, const float *im, const struct band *b)
{
    for (int j = 0; j < L; j++)
        p[j] = 0.0f;
    for (int i = b->first * L; i < (b->first + b->count) * L; i += L)
        for (int j = 0; j < L; j++)
            p[j] += POWER * (re[i + j] * re[i + j] + im[i + j] * im[i + j]);
}

/* Computes D and A of the L frames at `at`, with their derivatives by the powers of y. */
TELU_TARGET_CLONES
static void frames_forward(struct disturbance *d, int at)
{
    const float *yr = d->yr + (size_t)at * BINS, *yi = d->yi + (size_t)at * BINS;
    float *dd = d->dd + (size_t)at * d->bands, *da = d->da + (size_t)at * d->bands;
    float power[L] = { 0 }, square[L] = { 0 }, added[L] = { 0 };

    for (int i = 0; i < d->bands; i++) {
        const struct band *b = &d->band[i];
        float px[L], py[L];

        band_powers(px, d->xr, d->xi, b);
        band_powers(py, yr, yi, b);
        for (int j = 0; j < L; j++) {
            float sx, sy, sh, lx = loudness(px[j], b, &sx), ly = loudness(py[j], b, &sy);
            float h = asymmetry(px[j], py[j], &sh), e = ly - lx, dead, slope, size;

            dead = DEAD * (lx < ly ? lx : ly);
            size = fabsf(e) - dead;
            slope = sy * (e > 0.0f ? 1.0f : -1.0f - DEAD);
            slope = size > 0.0f ? slope * b->width : 0.0f;
            size = size > 0.0f ? size * b->width : 0.0f;
            power[j] += px[j] > b->threshold ? px[j] : 0.0f;
            square[j] += size * size;
            added[j] += size * h;
            dd[i * L + j] = size * slope;
            da[i * L + j] = slope * h + size * sh;
        }
    }
    for (int j = 0; j < L; j++) {
        float weight = telu_exp(-0.04f * telu_log((power[j] + 1e5f) * 1e-7f));
        float all = weight * sqrtf(d->total * square[j] + SMOOTH), a = weight * added[j];
        float dscale = all < GREATEST ? weight * weight * d->total / all : 0.0f;
        float ascale = a < GREATEST ? weight : 0.0f;

        d->d[at + j] = all < GREATEST ? all : GREATEST;
        d->a[at + j] = a < GREATEST ? a : GREATEST;
        for (int i = 0; i < d->bands; i++) {
            dd[i * L + j] *= dscale;
            da[i * L + j] *= ascale;
        }
    }
}

/* Writes the gradient by the spectrum of y, in place of that. */
TELU_TARGET_CLONES
static void frames_backward(struct disturbance *d, int at)
{
    float *yr = d->yr + (size_t)at * BINS, *yi = d->yi + (size_t)at * BINS;
    const float *dd = d->dd + (size_t)at * d->bands, *da = d->da + (size_t)at * d->bands;

    for (int i = 0; i < d->bands; i++) {
        const struct band *b = &d->band[i];

        for (int k = b->first * L; k < (b->first + b->count) * L; k += L)
            for (int j = 0; j < L; j++) {
                float g = 2.0f * POWER * (d->gd[at + j] * dd[i * L + j] +
                                          d->ga[at + j] * da[i * L + j]);

                yr[k + j] *= g;
                yi[k + j] *= g;
            }
    }
    memset(yr, 0, sizeof(*yr) * L);    /* no band has bin 0 */
    memset(yi, 0, sizeof(*yi) * L);
}

/* --- Time ------------------------------------------------------------------- */

static double power6(double x)
{
    return x * x * x * x * x * x;
}

/* Returns the mean of power 2 of the means of power 6, and writes its gradient times `weight`. */
static double over_time(float *g, const float *v, int frames, double weight)
{
    const int span = frames < WINDOW ? frames : WINDOW, step = WINDOW / 2;
    const int windows = (frames - span) / step + 1;
    double square = 0.0, mean;

    memset(g, 0, sizeof(*g) * frames);
    for (int pass = 0; pass < 2; pass++) {
        mean = sqrt(square / windows);
        for (int w = 0; w < windows; w++) {
            double sum = 1e-30, s;

            for (int f = w * step; f < w * step + span; f++)
                sum += power6(v[f]) / span;
            s = pow(sum, 1.0 / 6.0);
            if (!pass)
                square += s * s;
            else if (mean > 0.0)
                for (int f = w * step; f < w * step + span; f++)
                    g[f] += (float)(weight * s / (windows * mean) * pow(v[f] / s, 5) / span);
        }
    }
    return mean;
}

/* --- Items ------------------------------------------------------------------ */

double disturbance_run(struct disturbance *d, float *grad, float weight, const float *x,
                       const float *y)
{
    const size_t block = (size_t)BINS * L;
    double sum = 0.0;

    for (int at = 0; at < d->frames; at += L) {
        stft_forward(&d->stft, d->xr, d->xi, d->yr + (size_t)at * BINS,
                     d->yi + (size_t)at * BINS, x, y, at, d->frames);
        frames_forward(d, at);
    }
    sum += SYMMETRIC * over_time(d->gd, d->d, d->frames, SYMMETRIC * weight);
    sum += ASYMMETRIC * over_time(d->ga, d->a, d->frames, ASYMMETRIC * weight);
    if (!grad)
        return sum;
    for (int at = 0; at < d->frames; at += L)
        frames_backward(d, at);
    /* The arrays have a block more, for an odd number of them. */
    memset(d->yr + (size_t)d->lanes * BINS, 0, sizeof(*d->yr) * block);
    memset(d->yi + (size_t)d->lanes * BINS, 0, sizeof(*d->yi) * block);
    for (int at = 0; at < d->frames; at += 2 * L)
        stft_adjoint_one(&d->stft, grad, d->yr + (size_t)at * BINS, d->yi + (size_t)at * BINS,
                         d->yr + (size_t)at * BINS + block, d->yi + (size_t)at * BINS + block,
                         at, d->frames);
    return sum;
}
