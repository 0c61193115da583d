/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gemm.cu - see gpu.cuh and gemm.h. cuBLAS is column-major: it sees each of our matrices
 * as its transpose, so y = x w^T is y^T = w x^T there. TF32 stays off, so products of
 * float stay in fp32. */
#include "gpu.cuh"

static int product(struct training *t, cublasOperation_t ta, cublasOperation_t tb,
                   int m, int n, int k, const void *a, int lda, const void *b, int ldb,
                   cudaDataType type, float keep, void *c, cudaDataType to,
                   const char *what)
{
    const float one = 1.0f;

    if (type == CUDA_R_32F)
        return telu_cublas_check(cublasSgemm(t->cuda.blas, ta, tb, m, n, k, &one,
                                             (const float *)a, lda, (const float *)b,
                                             ldb, &keep, (float *)c, m), what);
    return telu_cublas_check(cublasGemmEx(t->cuda.blas, ta, tb, m, n, k, &one, a, type,
                                          lda, b, type, ldb, &keep, c, to, m,
                                          CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                             what);
}

int gpu_product(struct training *t, void *y, cudaDataType to, const void *x,
                const void *w, cudaDataType type, int R, int I, int O)
{
    return product(t, CUBLAS_OP_T, CUBLAS_OP_N, O, R, I, w, I, x, I, type, 0.0f, y, to,
                   "training, a layer forward");
}

int gpu_product_dx(struct training *t, void *dx, cudaDataType to, float keep,
                   const void *dy, const void *w, cudaDataType type, int R, int I,
                   int O)
{
    return product(t, CUBLAS_OP_N, CUBLAS_OP_N, I, R, O, w, I, dy, O, type, keep, dx,
                   to, "training, a layer backward");
}

int gpu_product_dw(struct training *t, float *dw, const void *dy, const void *x,
                   cudaDataType type, int R, int I, int O)
{
    return product(t, CUBLAS_OP_N, CUBLAS_OP_T, I, O, R, x, I, dy, O, type, 0.0f, dw,
                   CUDA_R_32F, "training, the gradient of a matrix");
}
