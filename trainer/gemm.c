/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gemm.c - see gemm.h. */
#include "gemm.h"

#include "clones.h"

#include <cblas.h>
#include <string.h>

#undef I                       /* complex.h, which cblas.h brings along */

void gemm_forward(float *y, const float *x, const float *w, const float *b, int R,
                  int I, int O)
{
    for (int r = 0; r < R; r++)
        memcpy(y + (size_t)r * O, b, sizeof(float) * O);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, R, O, I, 1.0f, x, I, w, I,
                1.0f, y, O);
}

TELU_CLONES
static void add_rows(float *restrict sum, const float *restrict x, int R, int C)
{
    for (int r = 0; r < R; r++, x += C)
        for (int c = 0; c < C; c++)
            sum[c] += x[c];
}

void gemm_backward(float *dx, float keep, float *dw, float *db, const float *dy,
                   const float *x, const float *w, int R, int I, int O)
{
    if (dx)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, R, I, O, 1.0f, dy, O,
                    w, I, keep, dx, I);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, O, I, R, 1.0f, dy, O, x, I,
                1.0f, dw, I);
    add_rows(db, dy, R, O);
}

void gemm_threads(int n)
{
    openblas_set_num_threads(n);
}
