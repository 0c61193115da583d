/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grad_spectral.c - the post-network's loss: against its formulas, computed one by one, and its
 * gradient against difference quotients. */
#include "disturbance.h"
#include "memory.h"
#include "near.h"
#include "rng.h"
#include "spectral_loss.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#undef complex                 /* a term of the loss has that name */

#define B      2
#define MOST   4800
#define STRIDE (MOST + 30)

static const double pi = 3.14159265358979323846;
static int samples;            /* of an item */

/* Bin k of the frame at x, to the scale of the header. */
static double _Complex bin(const float *x, double gain, int n, int k)
{
    double _Complex sum = 0;

    for (int i = 0; i < n; i++)
        sum += gain * x[i] * (0.5 - 0.5 * cos(2 * pi * i / n)) *
               cexp(-2 * pi * I * (double)((long)k * i % n) / n);
    return sum / sqrt(0.375 * n);
}

static double edge(int i, int mels)
{
    double top = 2595 * log10(1 + 8000 / 700.0);

    return 700 * (pow(10, top * i / (mels + 1) / 2595) - 1);
}

/* Adds the four terms of one frame of one item. */
static void add_frame(double term[4], const float *x, const float *y, double gain, int n,
                      int mels, int frames)
{
    const int bins = n / 2 + 1;
    double px[513], py[513];

    for (int k = 0; k < bins; k++) {
        double _Complex X = bin(x, gain, n, k), Y = bin(y, gain, n, k);

        px[k] = pow(cabs(X), 2) + 1e-8;
        py[k] = pow(cabs(Y), 2) + 1e-8;
        term[0] += fabs(pow(px[k], 0.25) - pow(py[k], 0.25)) / bins / frames / B;
        term[1] += sqrt(pow(cabs(X * pow(px[k], -0.25) - Y * pow(py[k], -0.25)), 2) + 1e-8) /
                   bins / frames / B;
    }
    for (int m = 0; m < mels; m++) {
        double low = edge(m, mels), top = edge(m + 1, mels), high = edge(m + 2, mels);
        double sum = 1e-9, mx = 0, my = 0;

        for (int k = 0; k < bins; k++) {
            double f = 16000.0 * k / n;
            double w = fmax(0, fmin((f - low) / (top - low), (high - f) / (high - top)));

            sum += w;
            mx += w * px[k];
            my += w * py[k];
        }
        mx = mx / sum + 1e-7;
        my = my / sum + 1e-7;
        term[2] += fabs(log(mx) - log(my)) / mels / frames / B;
        term[3] += fabs(pow(mx, 0.25) - pow(my, 0.25)) / mels / frames / B;
    }
}

/* grad_disturbance.c proves what is called here. */
static double disturbance_of(const float *x, const float *y)
{
    struct disturbance *d = disturbance_new(samples);
    float *a = floats(samples), *b = floats(samples);
    double sum = 0;

    for (int i = 0; i < B; i++) {
        double power = 0, gain;

        for (int k = 0; k < samples; k++)
            power += pow(x[i * STRIDE + k], 2) / samples;
        gain = 0.05 / (sqrt(power) + 1e-4);
        for (int k = 0; k < samples; k++) {
            a[k] = (float)(gain * x[i * STRIDE + k]);
            b[k] = (float)(gain * y[i * STRIDE + k]);
        }
        sum += disturbance_run(d, NULL, 0.0f, a, b) / B;
    }
    disturbance_free(d);
    free(a);
    free(b);
    return sum;
}

static void check_values(struct spectral_value v, const float *x, const float *y)
{
    static const int size[] = { 256, 512, 1024 }, mels[] = { 20, 40, 80 };
    double term[4] = { 0 };

    for (int b = 0; b < B; b++) {
        double power = 0;

        for (int i = 0; i < samples; i++)
            power += pow(x[b * STRIDE + i], 2) / samples;
        for (int s = 0; s < 3; s++) {
            int hop = size[s] / 4, frames = (samples - size[s]) / hop + 1;

            for (int f = 0; f < frames; f++)
                add_frame(term, x + b * STRIDE + f * hop, y + b * STRIDE + f * hop,
                          0.05 / (sqrt(power) + 1e-4), size[s], mels[s], frames);
        }
    }
    check("magnitude", v.magnitude, term[0], 1e-4);
    check("complex", v.complex, term[1], 1e-4);
    check("level", v.level, term[2], 1e-4);
    check("loudness", v.loudness, term[3], 1e-4);
    check("disturbance", v.disturbance, disturbance_of(x, y), 1e-4);
    check("sum", v.sum, term[0] + 0.5 * term[1] + 0.1 * term[2] + term[3] + 0.1 * v.disturbance,
          1e-4);
}

static void check_grad(struct spectral_loss *l, const float *grad, const float *x, float *y,
                       struct rng *rng)
{
    float *d = floats(B * STRIDE), *keep = floats(B * STRIDE);
    double along = 0, size = 0, diff, h = 2e-4;

    for (int i = 0; i < B * STRIDE; i++)
        size += pow(grad[i], 2) / (B * STRIDE);
    for (int i = 0; i < B * STRIDE; i++) {
        keep[i] = y[i];
        d[i] = 0.03f * rng_normal(rng) + 0.03f * grad[i] / (float)sqrt(size);
        along += (double)d[i] * grad[i];
        y[i] = keep[i] + (float)h * d[i];
    }
    diff = spectral_loss_run(l, NULL, x, y, B, STRIDE).sum;
    for (int i = 0; i < B * STRIDE; i++)
        y[i] = keep[i] - (float)h * d[i];
    diff = (diff - spectral_loss_run(l, NULL, x, y, B, STRIDE).sum) / (2 * h);
    check("gradient", along, diff, 0.02);
    free(d);
    free(keep);
}

static void run(int n)
{
    float *x = floats(B * STRIDE), *y = floats(B * STRIDE), *grad = floats(B * STRIDE);
    struct spectral_loss *l = spectral_loss_new(n);
    struct spectral_value v;
    struct rng rng;

    samples = n;
    rng_seed(&rng, 5);
    for (int i = 0; i < B * STRIDE; i++) {
        x[i] = 0.1f * rng_normal(&rng) * (float)(1 + sin(i * 1e-3));
        y[i] = x[i] + 0.05f * rng_normal(&rng);
    }
    v = spectral_loss_run(l, grad, x, y, B, STRIDE);
    check_values(v, x, y);
    check_grad(l, grad, x, y, &rng);
    v = spectral_loss_run(l, NULL, x, x, B, STRIDE);
    if (!(v.level < 1e-5 && v.magnitude < 1e-5 && v.loudness < 1e-5 &&
          v.disturbance < 0.005)) {
        failed = 1;
        printf("loss of a sound to itself is %g\n", v.sum);
    }
    spectral_loss_free(l);
    free(x);
    free(y);
    free(grad);
}

/* The frames of the three sizes fill 5, 3 and 1 times the lanes, then 3, 2 and 1 times, the last
 * time not all of them. */
int main(void)
{
    run(MOST);
    run(3000);
    return failed;
}
