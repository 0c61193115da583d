/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device.h - included by every .cu file: CUDA headers, kernel launches, error reports.
 *
 * TELU_LAUNCH(kernel, grid, block, shared bytes, stream, args ...) launches a kernel, and
 * TELU_SHARED(type, name) declares dynamic shared memory: with nvcc <<< >>> and extern
 * __shared__. tests/cuda-on-cpu defines its own, so that the same files run on the host. A
 * templated kernel is launched through a pointer, because its commas would split the macro's
 * arguments. Compile without -use_fast_math and with -fmad=false: the same order of operations
 * then gives the CPU's bits.
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

/* telu_ctx.stream of the "cuda" table. NULL there selects the default stream of the current
 * device and a handle of the calling thread. */
struct telu_cuda {
    cudaStream_t stream;
    cublasHandle_t blas;
    void *scratch;             /* of telu_cuda_scratch(); NULL at first */
    size_t scratch_size;
};

#ifdef __cplusplus
extern "C" {
#endif

/* Stream and handle of an op; NULL with telu_error() on failure. */
const struct telu_cuda *telu_cuda_from_ctx(const struct telu_ctx *ctx);

/* At least `bytes` of scratch for an op's partial sums, valid until the stream's next call. Grows
 * by an allocation, which waits for the device; a steady state allocates nothing. NULL with
 * telu_error(). The struct's owner calls telu_cuda_free_scratch(). */
void *telu_cuda_scratch(const struct telu_ctx *ctx, size_t bytes);
void telu_cuda_free_scratch(struct telu_cuda *cuda);

/* Returns 0 on success; else -1 with telu_error() "what: CUDA's text" and telu_error_status()
 * TELU_ERR_NO_MEMORY or TELU_ERR_DEVICE. */
int telu_cuda_check(cudaError_t e, const char *what);
int telu_cublas_check(cublasStatus_t s, const char *what);

/* Checks the launch before it: 0, or -1 and telu_error(). Does not wait. */
int telu_cuda_launched(const char *what);

#ifdef __cplusplus
}
#endif
#endif
