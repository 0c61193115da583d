/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balance.c - see balance.h. */
#include "balance.h"

#include <cblas.h>
#include <math.h>
#include <stddef.h>

static const double share[BALANCE_TERMS] = BALANCE_SHARES;
static const double weight[BALANCE_TERMS] = BALANCE_WEIGHTS;

static double mean_size(const float *g, const float *x, int B, int n, int stride)
{
    double mean = 0.0;

    for (int i = 0; i < B; i++, g += stride, x += stride)
        mean += (double)cblas_snrm2(n, g, 1) * cblas_snrm2(n, x, 1) / B;
    return mean;
}

/* Averages over the ranks; each rank's gradients belong to a batch smaller by their
 * number. */
static void average(double mean[BALANCE_TERMS], const struct reduce *reduce)
{
    float sum[BALANCE_TERMS];

    if (!reduce)
        return;
    for (int t = 0; t < BALANCE_TERMS; t++)
        sum[t] = (float)mean[t];
    reduce_sum(reduce, sum, BALANCE_TERMS);
    for (int t = 0; t < BALANCE_TERMS; t++)
        mean[t] = (double)sum[t] / reduce->ranks / reduce->ranks;
}

void balance_run(struct balance *b, float *const g[BALANCE_TERMS], const float *x,
                 int B, int n, int stride, const struct reduce *reduce)
{
    double size = 0.0, k[BALANCE_TERMS], mean[BALANCE_TERMS];

    for (int t = 0; t < BALANCE_TERMS; t++)
        mean[t] = mean_size(g[t], x, B, n, stride);
    average(mean, reduce);
    for (int t = 0; t < BALANCE_TERMS; t++) {
        if (isfinite(mean[t]))
            b->norm[t] = b->norm[t] > 0.0 ? BALANCE_DECAY * b->norm[t] +
                                            (1.0 - BALANCE_DECAY) * mean[t] : mean[t];
        size += weight[t] * b->norm[t];
    }
    for (int t = 0; t < BALANCE_TERMS; t++)
        k[t] = share[t] * size / (b->norm[t] + BALANCE_EPS);
    for (int i = 0; i < B; i++) {
        size_t at = (size_t)i * stride;

        cblas_sscal(n, (float)k[0], g[0] + at, 1);
        for (int t = 1; t < BALANCE_TERMS; t++)
            cblas_saxpy(n, (float)k[t], g[t] + at, 1, g[0] + at, 1);
    }
}
