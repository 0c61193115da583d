/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct.c - see mdct.h. */
#include "mdct.h"

#include "mdct_table.h"

#include <math.h>
#include <pthread.h>

#define N TELU_HOP

static struct telu_mdct_table table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    const double pi = 3.14159265358979323846;

    for (int t = 0; t < N; t++) {
        double s = sin(pi * (t - TELU_EDGE + 0.5) / N);
        double w = t < TELU_EDGE ? 0.0 : t < TELU_FLAT ? sin(pi / 2.0 * s * s) : 1.0;

        table.window[t] = table.window[2 * N - 1 - t] = w;
    }
    for (int i = 0; i < 8 * N; i++)
        table.cosine[i] = cos(pi * i / (4.0 * N));
    for (int n = 0; n < N; n++)
        for (int k = 0; k < N; k++)
            table.dct[n][k] = (float)(sqrt(2.0 / N) *
                table.cosine[(2 * n + 1) * (2 * k + 1) % (8 * N)]);
}

const struct telu_mdct_table *telu_mdct_table(void)
{
    pthread_once(&once, make_table);
    return &table;
}

void telu_mdct_window(float *w)
{
    for (int t = 0; t < 2 * N; t++)
        w[t] = (float)telu_mdct_table()->window[t];
}

/* cos(pi/N (t + 1/2 + N/2)(k + 1/2)) */
static double basis(const struct telu_mdct_table *m, int t, int k)
{
    return m->cosine[(2 * t + 1 + N) * (2 * k + 1) % (8 * N)];
}

int telu_mdct_c(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    const struct telu_mdct_table *m = telu_mdct_table();

    (void)ctx;
    for (int b = 0; b < B; b++, x += N)        /* a hop more than coefficients */
        for (int h = 0; h < H; h++, x += N, y += N)
            for (int k = 0; k < N; k++) {
                double sum = 0.0;

                for (int t = 0; t < 2 * N; t++)
                    sum += m->window[t] * x[t] * basis(m, t, k);
                y[k] = (float)(sqrt(2.0 / N) * sum);
            }
    return 0;
}

/* Sample t, 0 .. 2N-1, of what one hop's coefficients give. */
static double sample(const struct telu_mdct_table *m, const float *x, int t)
{
    double sum = 0.0;

    for (int k = 0; k < N; k++)
        sum += x[k] * basis(m, t, k);
    return sqrt(2.0 / N) * m->window[t] * sum;
}

int telu_imdct_c(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    const struct telu_mdct_table *m = telu_mdct_table();

    (void)ctx;
    for (int b = 0; b < B; b++, x += (size_t)H * N)
        for (int h = 0; h <= H; h++)
            for (int t = 0; t < N; t++) {
                double sum = 0.0;

                if (h > 0)
                    sum += sample(m, x + (size_t)(h - 1) * N, N + t);
                if (h < H)
                    sum += sample(m, x + (size_t)h * N, t);
                *y++ = (float)sum;
            }
    return 0;
}
