/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grad_loss.c - the STFT against its definition, the losses' gradients against finite
 * differences, and no NaN for any sound. */
#include "loss.h"
#include "memory.h"
#include "pool.h"
#include "rng.h"
#include "stft.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 4000

static int failed;

static void check(int ok, const char *what, double got, double want)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %.9g, expected %.9g\n", what, got, want);
}

/* Compares every bin of every frame with the direct sum in double. */
static void test_stft(int n, struct rng *rng)
{
    struct stft s;
    float x[N], y[N], *out[4];
    double worst = 0.0;
    int frames;

    stft_init(&s, n);
    frames = stft_frames(&s, N);
    for (int i = 0; i < 4; i++)
        out[i] = floats((size_t)s.bins * STFT_LANES);
    for (int i = 0; i < N; i++) {
        x[i] = rng_uniform(rng, -1.0f, 1.0f);
        y[i] = rng_uniform(rng, -1.0f, 1.0f);
    }
    for (int f = 0; f < frames; f += STFT_LANES) {
        stft_forward(&s, out[0], out[1], out[2], out[3], x, y, f, frames);
        for (int j = 0; j < STFT_LANES; j++)
            for (int k = 0; k < s.bins; k += 1 + s.bins / 40) {
                double want[4] = { 0 };

                for (int t = 0; f + j < frames && t < n; t++) {
                    double a = 2.0 * M_PI * ((long)k * t % n) / n;
                    double w = 0.5 - 0.5 * cos(2.0 * M_PI * t / n);

                    want[0] += w * x[(f + j) * s.hop + t] * cos(a);
                    want[1] -= w * x[(f + j) * s.hop + t] * sin(a);
                    want[2] += w * y[(f + j) * s.hop + t] * cos(a);
                    want[3] -= w * y[(f + j) * s.hop + t] * sin(a);
                }
                for (int i = 0; i < 4; i++) {
                    double e = fabs(out[i][k * STFT_LANES + j] - want[i]);

                    worst = e > worst ? e : worst;
                }
            }
    }
    check(worst < 1e-6 * n, "stft: largest error", worst, 0.0);
    for (int i = 0; i < 4; i++)
        free(out[i]);
    stft_release(&s);
}

static double term(struct loss_value v, int i)
{
    return i == 0 ? v.mel : i == 1 ? v.cpx : v.wave;
}

static void test_gradient(struct loss *l, float level, struct rng *rng)
{
    static const char *const name[3] = { "mel", "cpx", "wave" };
    static float x[2 * N], y[2 * N], d[2 * N], at[2 * N], g[3][2 * N], unused[3][2 * N];

    for (int i = 0; i < 2 * N; i++) {
        x[i] = level * rng_normal(rng);
        y[i] = level * (0.5f * x[i] / level + rng_normal(rng));
    }
    loss_run(l, g[0], g[1], g[2], x, y, 2, N, N);
    for (int i = 0; i < 3; i++)
        for (int go = 0; go < 4; go++) {
            double along = 0.0, diff, h = 2e-4, size = 0.0;
            struct loss_value a, b;

            /* The direction contains part of the gradient, so that rounding does not hide
             * the derivative. */
            for (int k = 0; k < 2 * N; k++)
                size += (double)g[i][k] * g[i][k] / (2 * N);
            for (int k = 0; k < 2 * N; k++)
                d[k] = level * (rng_normal(rng) + go * g[i][k] / (float)sqrt(size));
            for (int k = 0; k < 2 * N; k++)
                along += (double)g[i][k] * d[k];
            for (int k = 0; k < 2 * N; k++)
                at[k] = y[k] + (float)h * d[k];
            a = loss_run(l, unused[0], unused[1], unused[2], x, at, 2, N, N);
            for (int k = 0; k < 2 * N; k++)
                at[k] = y[k] - (float)h * d[k];
            b = loss_run(l, unused[0], unused[1], unused[2], x, at, 2, N, N);
            diff = (term(a, i) - term(b, i)) / (2.0 * h);
            check(fabs(diff - along) <= 0.02 * fabs(diff) + 1e-3 * sqrt(size) * level *
                  sqrt(2 * N), name[i], along, diff);
        }
}

/* Sounds on which a log, root or quotient could blow up. */
static void test_finite(struct loss *l)
{
    static float x[5][N], g[3][N];

    for (int i = 0; i < N; i++) {
        x[1][i] = i / 40 % 2 ? 1.0f : -1.0f;
        x[2][i] = i % 500 == 0;
        x[3][i] = 1e-12f * (float)(i % 7);
        x[4][i] = 1000.0f * (float)sin(0.3 * i);
    }
    for (int a = 0; a < 5; a++)
        for (int b = 0; b < 5; b++) {
            struct loss_value v = loss_run(l, g[0], g[1], g[2], x[a], x[b], 1, N, N);
            double largest = 0.0;

            check(isfinite(v.mel + v.cpx + v.wave), "loss of an odd sound", v.mel, 0);
            for (int i = 0; i < 3; i++)
                for (int k = 0; k < N; k++) {
                    double e = isfinite(g[i][k]) ? fabs(g[i][k]) : INFINITY;

                    largest = e > largest ? e : largest;
                }
            check(largest < 1e4, "gradient of an odd sound", largest, 0);
            if (a == b && a != 4)    /* rounding of 1000 is not silence */
                check(v.cpx < 1e-4 && v.mel < 1e-4, "loss of the same sound", v.cpx, 0);
        }
}

/* Several threads give the bits of one. */
static void test_threads(struct rng *rng)
{
    static float x[5 * N], y[5 * N], g[2][3][5 * N];
    struct loss_value v[2];

    for (int i = 0; i < 5 * N; i++) {
        x[i] = rng_normal(rng);
        y[i] = rng_normal(rng);
    }
    for (int k = 0; k < 2; k++) {
        struct loss *l;

        if (k)
            pool_start(3);
        l = loss_new();
        v[k] = loss_run(l, g[k][0], g[k][1], g[k][2], x, y, 5, N, N);
        loss_free(l);
    }
    check(!memcmp(&v[0], &v[1], sizeof(v[0])), "loss by three threads", v[1].mel,
          v[0].mel);
    check(!memcmp(g[0], g[1], sizeof(g[0])), "gradient by three threads differs", 1, 0);
}

int main(void)
{
    struct loss *l = loss_new();
    struct rng rng;

    rng_seed(&rng, 1);
    test_stft(128, &rng);
    test_stft(512, &rng);
    test_stft(1024, &rng);
    test_gradient(l, 0.3f, &rng);
    test_gradient(l, 0.003f, &rng);
    test_finite(l);
    loss_free(l);
    test_threads(&rng);
    return failed;
}
