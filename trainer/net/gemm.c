/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gemm.c - see gemm.h. */
#include "gemm.h"

#include "target_clones.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#undef I                       /* complex.h, which cblas.h brings along */

void gemm_forward(float *y, const float *x, const float *w, const float *b, int R,
                  int I, int O)
{
    for (int r = 0; r < R; r++)
        memcpy(y + (size_t)r * O, b, sizeof(float) * O);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, R, O, I, 1.0f, x, I, w, I,
                1.0f, y, O);
}

TELU_TARGET_CLONES
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

const char *gemm_core(void)
{
    return openblas_get_corename();
}

void gemm_suit_cpu(char **argv)
{
#if defined(__x86_64__)
    const char *core = NULL;

    if (getenv("OPENBLAS_CORETYPE") || strcmp(gemm_core(), "Prescott"))
        return;
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
        core = "SkylakeX";
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        core = "Haswell";
    if (core && !setenv("OPENBLAS_CORETYPE", core, 1))
        execv("/proc/self/exe", argv);     /* returns only on failure */
#else
    (void)argv;
#endif
}
