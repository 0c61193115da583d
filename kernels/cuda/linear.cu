/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linear.cu - see linear.h. cuBLAS adds in another order than the CPU. */
#include "linear.h"

#include "device.h"

#define THREADS 256

static __global__ void broadcast_bias(float *y, const float *b, size_t n, int O)
{
    size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;

    if (i < n)
        y[i] = b[i % O];
}

int telu_linear_cuda(struct telu_ctx *ctx, float *y, const float *x, const float *w,
                     const float *b, int R, int I, int O)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const float one = 1.0f, keep = b ? 1.0f : 0.0f;
    size_t n = (size_t)R * O;

    if (!cuda)
        return -1;
    if (b) {
        TELU_LAUNCH(broadcast_bias, (unsigned)((n + THREADS - 1) / THREADS), THREADS, 0,
                    cuda->stream, y, b, n, O);
        if (telu_cuda_launched("linear, bias"))
            return -1;
    }
    /* cuBLAS is column-major and sees each matrix as its transpose. */
    return telu_cublas_check(cublasSgemm(cuda->blas, CUBLAS_OP_T, CUBLAS_OP_N, O, R, I,
                                         &one, w, I, x, I, &keep, y, O), "linear");
}
