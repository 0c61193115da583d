/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grad_disturbance.c - the disturbance that a listener hears: against its formulas, computed one by
 * one in double, and its gradient against difference quotients. */
#include "disturbance.h"
#include "memory.h"
#include "near.h"
#include "rng.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST   8000
#define FFT    512
#define HOP    128
#define BINS   257
#define WINDOW 40              /* frames */

static const double pi = 3.14159265358979323846;

/* --- The formulas ------------------------------------------------------------ */

static double bark(double hz)
{
    return 13 * atan(0.00076 * hz) + 3.5 * atan(pow(hz / 7500, 2));
}

/* Power of bin k of the frame at x, 1 at 0 dB SPL. */
static double power(const float *x, int k)
{
    double _Complex sum = 0;

    for (int i = 0; i < FFT; i++)
        sum += x[i] * (0.5 - 0.5 * cos(2 * pi * i / FFT)) *
               cexp(-2 * pi * I * (double)(k * i % FFT) / FFT);
    return 1.9e6 * pow(cabs(sum), 2);
}

static double loudness(double p, double hz)
{
    double f = hz / 1000, g = 0.23, z = bark(hz);
    double t = pow(10, fmin(75, 3.64 * pow(f, -0.8) - 6.5 * exp(-0.6 * pow(f - 3.3, 2)) +
                                0.001 * pow(f, 4)) / 10);

    if (z < 4)
        g *= pow(fmin(2, 6 / (z + 2)), 0.15);
    return p > t ? 0.187 * pow(t / 0.5, g) * (pow(0.5 + 0.5 * p / t, g) - 1) : 0;
}

/* Sets D and A of the frame at x and y. */
static void frame(const float *x, const float *y, double *D, double *A)
{
    const double hz = 16000.0 / FFT;
    double square = 0, added = 0, all = 0, width = 0;

    for (int k = 1; k < BINS;) {
        double low = bark((k - 0.5) * hz), px = 0, py = 0, w, h, e, middle;
        int first = k, last;

        do {
            px += power(x, k);
            py += power(y, k);
            last = k++;
        } while (k < BINS && bark((k + 0.5) * hz) < low + 0.5);
        w = bark((k - 0.5) * hz) - low;
        middle = 0.5 * (first + last) * hz;
        h = pow((py + 50) / (px + 50), 1.2);
        h = h < 3 ? 0 : fmin(h, 12);
        e = fabs(loudness(py, middle) - loudness(px, middle)) -
            0.25 * fmin(loudness(py, middle), loudness(px, middle));
        e = w * fmax(e, 0);
        square += e * e;
        added += e * h;
        all += loudness(px, middle) > 0 ? px : 0;
        width += w;
    }
    all = pow((all + 1e5) / 1e7, 0.04);
    *D = fmin(45, sqrt(width * square) / all);
    *A = fmin(45, added / all);
}

/* Mean of power 2 of means of power 6. */
static double over_time(const double *v, int frames)
{
    int span = frames < WINDOW ? frames : WINDOW, windows = 0;
    double square = 0;

    for (int at = 0; at + span <= frames; at += WINDOW / 2, windows++) {
        double sum = 0;

        for (int f = at; f < at + span; f++)
            sum += pow(v[f], 6) / span;
        square += pow(sum, 2 / 6.0);
    }
    return sqrt(square / windows);
}

static double expected(const float *x, const float *y, int n)
{
    int frames = (n - FFT) / HOP + 1;
    double D[MOST / HOP], A[MOST / HOP];

    for (int f = 0; f < frames; f++)
        frame(x + f * HOP, y + f * HOP, &D[f], &A[f]);
    return 0.1 * over_time(D, frames) + 0.0309 * over_time(A, frames);
}

/* --- Cases ------------------------------------------------------------------- */

/* Compares the gradient at y along a random direction and itself, times 3. */
static void check_grad(struct disturbance *d, const float *x, float *y, int n, struct rng *rng)
{
    float *grad = floats(n), *move = floats(n), *keep = floats(n);
    double along = 0, size = 0, diff, h = 1e-3;

    disturbance_run(d, grad, 3.0f, x, y);
    for (int i = 0; i < n; i++)
        size += pow(grad[i], 2) / n;
    for (int i = 0; i < n; i++) {
        keep[i] = y[i];
        move[i] = 0.01f * rng_normal(rng) + 0.01f * grad[i] / (float)sqrt(size);
        along += (double)move[i] * grad[i];
        y[i] = keep[i] + (float)h * move[i];
    }
    diff = disturbance_run(d, NULL, 0.0f, x, y);
    for (int i = 0; i < n; i++)
        y[i] = keep[i] - (float)h * move[i];
    diff = 3 * (diff - disturbance_run(d, NULL, 0.0f, x, y)) / (2 * h);
    check("gradient", along, diff, 0.02);
    for (int i = 0; i < n; i++)
        y[i] = keep[i];
    free(grad);
    free(move);
    free(keep);
}

/* n samples: noise that swells, and the same with more noise, or less. */
static void run(int n, float noise, float gain)
{
    struct disturbance *d = disturbance_new(n);
    float *x = floats(n), *y = floats(n);
    struct rng rng;

    rng_seed(&rng, 7);
    for (int i = 0; i < n; i++) {
        x[i] = 0.05f * rng_normal(&rng) * (float)(1.1 + sin(i * 2e-3));
        y[i] = gain * x[i] + noise * rng_normal(&rng);
    }
    check("disturbance", disturbance_run(d, NULL, 0.0f, x, y), expected(x, y, n), 0.002);
    check_grad(d, x, y, n, &rng);
    if (!(disturbance_run(d, NULL, 0.0f, x, x) < 0.005)) {
        failed = 1;
        printf("a sound is disturbed beside itself\n");
    }
    disturbance_free(d);
    free(x);
    free(y);
}

/* Frames that fill the lanes twice, three and four times; fewer than a window, one, and two. */
int main(void)
{
    run(4000, 0.03f, 1.0f);
    run(5600, 0.005f, 1.0f);
    run(8000, 0.1f, 0.5f);
    return failed;
}
