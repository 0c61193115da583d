/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device.h - what every .cu file of the project includes: the CUDA headers, one way to
 * launch, one way to fail.
 *
 * Kernels are launched by TELU_LAUNCH(kernel, grid, block, shared bytes, stream, args
 * ...) and dynamic shared memory is TELU_SHARED(type, name): with nvcc these are
 * <<< >>> and extern __shared__; tests/cuda-on-cpu has other ones, so that the same
 * files compile and run on the host. A templated kernel goes through a pointer first,
 * for the comma's sake. No -use_fast_math; -fmad=false, so that what the CPU computes
 * in the same order has the same bits.
 */
#ifndef TELU_DEVICE_H
#define TELU_DEVICE_H

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "backend.h"
#include "error.h"

#ifndef TELU_LAUNCH
#define TELU_LAUNCH(kernel, grid, block, shared, stream, ...) \
    kernel<<<grid, block, shared, stream>>>(__VA_ARGS__)
#define TELU_SHARED(type, name) extern __shared__ __align__(16) type name[]
#endif

/* telu_ctx.stream of the "cuda" table. NULL there stands for the default stream of
 * the current device and a handle of this thread. */
struct telu_cuda {
    cudaStream_t stream;
    cublasHandle_t blas;
    void *scratch;                /* of telu_cuda_scratch(); NULL at first */
    size_t scratch_size;
};

#ifdef __cplusplus
extern "C" {
#endif

/* The stream and handle of an op; NULL with telu_error() set when there is none. */
const struct telu_cuda *telu_cuda_from_ctx(const struct telu_ctx *ctx);

/* Memory for an op's partial sums, valid until the next call for that stream; at least
 * `bytes`. Grows by an allocation, which waits: the sizes of a steady state are found
 * there. NULL with telu_error(). To be freed with the struct: telu_cuda_free_scratch(). */
void *telu_cuda_scratch(const struct telu_ctx *ctx, size_t bytes);
void telu_cuda_free_scratch(struct telu_cuda *cuda);

/* 0 when e is success; else -1, and telu_error() says "what: CUDA's words". */
int telu_cuda_check(cudaError_t e, const char *what);
int telu_cublas_check(cublasStatus_t s, const char *what);

/* After a launch: 0, or -1 and telu_error(). Does not wait. */
int telu_cuda_launched(const char *what);

#ifdef __cplusplus
}
#endif
#endif
