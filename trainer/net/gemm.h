/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gemm.h - the linear layers of training through BLAS. Same meaning as linear.h,
 * but in whatever order BLAS sums: training needs speed, not the same bits. */
#ifndef GEMM_H
#define GEMM_H

/* y (R, O) = x (R, I) w^T + b; w (O, I), b (O). */
void gemm_forward(float *y, const float *x, const float *w, const float *b, int R,
                  int I, int O);

/* dx (R, I) = keep dx + dy w, unless dx is NULL; dw += dy^T x; db += sum_r dy. */
void gemm_backward(float *dx, float keep, float *dw, float *db, const float *dy,
                   const float *x, const float *w, int R, int I, int O);

void gemm_threads(int n);

/* OpenBLAS picks its kernels as it is loaded, from a list of CPU models; on one that
 * is newer than the library it takes those of a Pentium 4, some five times slower. In
 * that case this starts the program again with OPENBLAS_CORETYPE set to what the CPU
 * can do. Call it first thing in main(); it changes nothing where the variable is set. */
void gemm_suit_cpu(char **argv);

/* What OpenBLAS has picked: "Haswell". */
const char *gemm_core(void);

#endif
