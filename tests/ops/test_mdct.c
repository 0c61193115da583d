/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_mdct.c - holds plain C's transforms to the formulas of mdct.h, summed directly in double,
 * and each number of their tables to the float nearest to its exact value. */
#include "mdct.h"

#include "mdct_table.h"

#include <math.h>
#include <stdio.h>

#define N    TELU_HOP
#define HOPS 5
#define TOL  2e-6              /* of the largest value: sums of 160 floats */

static const long double pi = 3.141592653589793238462643383279503L;
static int failures;

static void expect(const char *what, int at, double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol) && failures++ < 20)
        printf("%s %d is %.9g, expected %.9g +- %.3g\n", what, at, got, want, tol);
}

static double window(int t)
{
    long double s;

    if (t >= N)
        t = 2 * N - 1 - t;
    s = sinl(pi * ((long double)t - 39.5L) / 160.0L);
    return (double)(t < 40 ? 0.0L : t < 120 ? sinl(pi / 2.0L * s * s) : 1.0L);
}

static double basis(int t, int k)
{
    return (double)(sqrtl(2.0L / N) * cosl(pi / N * (t + 0.5L + N / 2) * (k + 0.5L)));
}

static void check_tables(void)
{
    const struct telu_mdct_table *m = telu_mdct_table();

    for (int t = 0; t < 2 * N; t++)
        expect("window", t, m->window[t], (float)window(t), 0.0);
    for (int i = 0; i < 8 * N; i++)
        expect("cosine", i, m->cosine[i], (double)cosl(pi * i / (4.0L * N)), 4e-16);
    for (int n = 0; n < N; n++)
        for (int k = 0; k < N; k++) {
            long double c = cosl(pi / N * (n + 0.5L) * (k + 0.5L));

            expect("DCT-IV", n * N + k, m->dct[n][k], (float)(sqrtl(2.0L / N) * c), 0.0);
        }
}

/* Noise of the given size, zeros before the sample `from`. */
static void fill(float *x, int n, float size, int from)
{
    uint32_t u = 1;

    for (int i = 0; i < n; i++) {
        u = 1664525u * u + 1013904223u;
        x[i] = i < from ? 0.0f : size * ((float)u * 0x1p-31f - 1.0f);
    }
}

static void check_forward(float size, int from)
{
    float x[(HOPS + 1) * N], y[HOPS * N];

    fill(x, (HOPS + 1) * N, size, from);
    telu_mdct_c(NULL, y, x, 1, HOPS);
    for (int i = 0; i < HOPS * N; i++) {
        double sum = 0.0;

        for (int t = 0; t < 2 * N; t++)
            sum += window(t) * x[i / N * N + t] * basis(t, i % N);
        expect("MDCT", i, y[i], sum, TOL * size);
    }
}

static void check_inverse(float size, int from)
{
    float x[HOPS * N], y[(HOPS + 1) * N];
    double want[(HOPS + 1) * N] = { 0 };

    fill(x, HOPS * N, size, from);
    telu_imdct_c(NULL, y, x, 1, HOPS);
    for (int h = 0; h < HOPS; h++)
        for (int t = 0; t < 2 * N; t++)
            for (int k = 0; k < N; k++)
                want[h * N + t] += window(t) * x[h * N + k] * basis(t, k);
    for (int i = 0; i < (HOPS + 1) * N; i++)
        expect("IMDCT", i, y[i], want[i], TOL * size);
}

int main(void)
{
    check_tables();
    for (int i = 0; i < 3; i++) {
        const float size[] = { 1.0f, 1e18f, 1e-18f };

        check_forward(size[i], 0);
        check_inverse(size[i], 0);
    }
    check_forward(1.0f, (HOPS + 1) * N - 1);       /* impulses */
    check_forward(1.0f, 3 * N + 5);
    check_inverse(1.0f, HOPS * N - 1);
    printf("test_mdct: %d failures\n", failures);
    return failures != 0;
}
