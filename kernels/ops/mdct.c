/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mdct.c - see mdct.h: the tables, and plain C. */
#include "mdct_body.h"

#include <math.h>
#include <pthread.h>

#define PI      3.14159265358979323846
#define QUARTER (2 * N)        /* of the cosines' period */
#define TERMS   12             /* behind the first; the next one is below 1e-22 */

static struct telu_mdct_table table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* sin x by its Taylor series, 0 <= x <= pi / 2, within 4e-16. libm's may differ in the last bit
 * from one machine to the next, and a few of its bits would decide the rounding to float. */
static double sine(double x)
{
    double term = x, sum = x;

    for (int i = 1; i <= TERMS; i++) {
        term *= -x * x / (double)(2 * i * (2 * i + 1));
        sum += term;
    }
    return sum;
}

/* cos(pi i / (4 N)), i = 0 .. 8 N - 1 */
static double cosine(int i)
{
    if (i > 2 * QUARTER)
        i = 4 * QUARTER - i;
    return i <= QUARTER ? sine(PI * (QUARTER - i) / (2 * QUARTER))
                        : -sine(PI * (i - QUARTER) / (2 * QUARTER));
}

static void make_table(void)
{
    for (int t = 0; t < N; t++) {
        double s = t < TELU_EDGE || t >= TELU_FLAT ? 0.0 : sine(PI * (t - TELU_EDGE + 0.5) / N);
        double w = t < TELU_FLAT ? sine(PI / 2.0 * s * s) : 1.0;

        table.window[t] = table.window[2 * N - 1 - t] = (float)w;
    }
    for (int i = 0; i < 8 * N; i++)
        table.cosine[i] = cosine(i);
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
    memcpy(w, telu_mdct_table()->window, sizeof(table.window));
}

int telu_mdct_c(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    (void)ctx;
    mdct(y, x, B, H);
    return 0;
}

int telu_imdct_c(struct telu_ctx *ctx, float *y, const float *x, int B, int H)
{
    (void)ctx;
    imdct(y, x, B, H);
    return 0;
}
