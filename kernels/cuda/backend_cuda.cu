/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend_cuda.cu - op table of a device: memory, errors, and a default stream for ops.
 *
 * cuBLAS keeps its default math: float32 without TF32, unless NVIDIA_TF32_OVERRIDE asks for it.
 * It uses a workspace of this file, so that graphs can be captured and a shape always gives
 * the same bits.
 */
#include "device.h"

#include "compand.h"
#include "dwconv.h"
#include "gelu.h"
#include "head.h"
#include "linear.h"
#include "linear8.h"
#include "ltpf.h"
#include "mdct.h"
#include "nearest.h"
#include "norm.h"
#include "residual.h"

#define BLAS_WORK (32u << 20)  /* cuBLAS recommends this for Hopper */

/* --- Errors ------------------------------------------------------------- */

int telu_cuda_check(cudaError_t e, const char *what)
{
    if (e == cudaSuccess)
        return 0;
    cudaGetLastError();        /* or the next launch would report it */
    return telu_fail_status(e == cudaErrorMemoryAllocation ? TELU_ERR_NO_MEMORY : TELU_ERR_DEVICE,
                            "%s: %s", what, cudaGetErrorString(e));
}

int telu_cublas_check(cublasStatus_t s, const char *what)
{
    if (s == CUBLAS_STATUS_SUCCESS)
        return 0;
    return telu_fail_status(s == CUBLAS_STATUS_ALLOC_FAILED ? TELU_ERR_NO_MEMORY
                                                            : TELU_ERR_DEVICE,
                            "%s: cuBLAS: %s", what, cublasGetStatusString(s));
}

int telu_cuda_launched(const char *what)
{
    return telu_cuda_check(cudaGetLastError(), what);
}

/* --- Streams ------------------------------------------------------------ */

/* Handle of one thread for ops without a stream; for one device at a time. */
struct thread_handle {
    struct telu_cuda cuda;
    void *work;
    int device;

    void close()
    {
        telu_cuda_free_scratch(&cuda);
        if (cuda.blas)
            cublasDestroy(cuda.blas);
        if (work)
            cudaFree(work);
        cuda = {};
        work = NULL;
    }

    int open(int to)
    {
        const char *what = "a handle of cuBLAS";

        close();
        device = to;
        if (telu_cublas_check(cublasCreate(&cuda.blas), what) ||
            telu_cuda_check(cudaMalloc(&work, BLAS_WORK), what) ||
            telu_cublas_check(cublasSetWorkspace(cuda.blas, work, BLAS_WORK), what)) {
            close();
            return -1;
        }
        return 0;
    }

    ~thread_handle()
    {
        close();
    }
};

static struct telu_cuda *find(const struct telu_ctx *ctx)
{
    static thread_local struct thread_handle mine;
    int device;

    if (ctx && ctx->stream)
        return (struct telu_cuda *)ctx->stream;
    if (telu_cuda_check(cudaGetDevice(&device), "the current device"))
        return NULL;
    if ((!mine.cuda.blas || mine.device != device) && mine.open(device))
        return NULL;
    return &mine.cuda;
}

const struct telu_cuda *telu_cuda_from_ctx(const struct telu_ctx *ctx)
{
    return find(ctx);
}

void telu_cuda_free_scratch(struct telu_cuda *cuda)
{
    if (cuda->scratch)
        cudaFree(cuda->scratch);
    cuda->scratch = NULL;
    cuda->scratch_size = 0;
}

void *telu_cuda_scratch(const struct telu_ctx *ctx, size_t bytes)
{
    struct telu_cuda *cuda = find(ctx);

    if (!cuda)
        return NULL;
    if (cuda->scratch_size < bytes) {
        telu_cuda_free_scratch(cuda);
        if (telu_cuda_check(cudaMalloc(&cuda->scratch, bytes), "scratch for partial sums")) {
            cuda->scratch = NULL;
            return NULL;
        }
        cuda->scratch_size = bytes;
    }
    return cuda->scratch;
}

/* --- The table ---------------------------------------------------------- */

static bool available(void)
{
    int n = 0;

    return telu_cuda_check(cudaGetDeviceCount(&n), "looking for a device") == 0 && n > 0;
}

static void *alloc(size_t bytes)
{
    void *p = NULL;
    cudaError_t e = cudaMalloc(&p, bytes ? bytes : 1);

    if (e) {
        cudaGetLastError();
        telu_fail_status(e == cudaErrorMemoryAllocation ? TELU_ERR_NO_MEMORY : TELU_ERR_DEVICE,
                         "no memory on the device: %zu bytes: %s", bytes,
                         cudaGetErrorString(e));
        return NULL;
    }
    if (telu_cuda_check(cudaMemset(p, 0, bytes ? bytes : 1), "memory of the device") ||
        telu_cuda_check(cudaStreamSynchronize(0), "memory of the device")) {
        cudaFree(p);
        return NULL;
    }
    return p;
}

static void release(void *p)
{
    if (p)
        telu_cuda_check(cudaFree(p), "giving memory back to the device");
}

/* Both wait for the default stream and for the copy. */
static int upload(void *dst, const void *src, size_t bytes)
{
    return telu_cuda_check(cudaMemcpy(dst, src, bytes, cudaMemcpyHostToDevice),
                           "copy to the device") ||
           telu_cuda_check(cudaStreamSynchronize(0), "copy to the device") ? -1 : 0;
}

static int download(void *dst, const void *src, size_t bytes)
{
    return telu_cuda_check(cudaMemcpy(dst, src, bytes, cudaMemcpyDeviceToHost),
                           "copy from the device");
}

extern "C" const struct telu_backend telu_backend_cuda = {
    "cuda", available, alloc, release, upload, download,
    telu_mdct_cuda, telu_imdct_cuda, telu_compand_cuda, telu_linear_cuda,
    telu_linear8_cuda, telu_dwconv_cuda, telu_dwconv_live_cuda, telu_norm_cuda,
    telu_gelu_cuda, telu_residual_cuda, telu_head_cuda, telu_nearest_cuda,
    telu_ltpf_cuda,
};
