/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gemm.h - the linear layers of training through BLAS. The meaning is that of linear.h,
 * but BLAS chooses the order of sums: training needs speed, not the same bits. */
#ifndef GEMM_H
#define GEMM_H

/* y (R, O) = x (R, I) w^T + b; w (O, I), b (O). */
void gemm_forward(float *y, const float *x, const float *w, const float *b, int R,
                  int I, int O);

/* dx (R, I) = keep dx + dy w, unless dx is NULL; dw += dy^T x; db += sum_r dy. */
void gemm_backward(float *dx, float keep, float *dw, float *db, const float *dy,
                   const float *x, const float *w, int R, int I, int O);

void gemm_threads(int n);

/* Restarts the program with OPENBLAS_CORETYPE set to the CPU's abilities when OpenBLAS
 * does not know the CPU. OpenBLAS picks its kernels at loading, from a list of CPU
 * models; on a newer CPU it takes those of a Pentium 4, some five times slower. Call this
 * first in main(); a set variable stays unchanged. */
void gemm_suit_cpu(char **argv);

/* Returns the kernels that OpenBLAS has picked: "Haswell". */
const char *gemm_core(void);

#endif
