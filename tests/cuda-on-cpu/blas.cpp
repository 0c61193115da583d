/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blas.cpp - cuBLAS over OpenBLAS: both store columns first, so most calls pass through.
 * bf16 and half operands become floats, which is exact; sums are floats, and there are no results
 * of halves. Arrays must be device memory of sufficient length.
 */
#include "cublas_v2.h"
#include "state.h"

#include <cblas.h>

#undef I                       /* defined by complex.h, which cblas.h includes */

struct cublasContext {
    cudaStream_t stream = 0;
    bool scalars_on_device = false;
};

#define TELU_BLAS                                      \
    telu_shim_entry telu_entry;                        \
    if (!h)                                            \
        return CUBLAS_STATUS_NOT_INITIALIZED;          \
    if (telu_entry.error)                              \
        return CUBLAS_STATUS_EXECUTION_FAILED

static cublasStatus_t refuse(const char *call)
{
    telu_shim_mistake(cudaErrorInvalidValue, "%s: sizes or arrays are not right", call);
    return CUBLAS_STATUS_INVALID_VALUE;
}

static bool on_device(const void *p, size_t bytes)
{
    size_t left;
    telu_shim_where where = telu_shim_where_is(p, &left);

    return bytes == 0 || (where != TELU_HOST && bytes <= left);
}

/* Returns the bytes of `n` vectors of `size` numbers, `stride` apart. */
static size_t reach(long long size, long long stride, long long n, size_t each)
{
    return size < 1 || n < 1 ? 0 : (size_t)(size + stride * (n - 1)) * each;
}

static cublasStatus_t submit(cublasHandle_t h, std::function<void()> run)
{
    if (!telu_shim_capturing(h->stream))
        shim.counts.library++;
    return telu_shim_submit(h->stream, run, true) ? CUBLAS_STATUS_EXECUTION_FAILED
                                                  : CUBLAS_STATUS_SUCCESS;
}

/* A scalar: read at the call if it is the host's, else when the work runs. */
static std::function<float()> scalar(cublasHandle_t h, const void *p)
{
    const float *f = (const float *)p;

    if (h->scalars_on_device)
        return [f] { return *f; };
    float value = *f;

    return [value] { return value; };
}

cublasStatus_t cublasCreate(cublasHandle_t *h)
{
    telu_shim_entry entry;

    if (entry.error)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    *h = new cublasContext();
    openblas_set_num_threads(1);           /* more of them wait in a loop between calls */
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t h)
{
    if (!h)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    delete h;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t h, cudaStream_t s)
{
    TELU_BLAS;
    if (!telu_shim_stream(s))
        return refuse("cublasSetStream");
    h->stream = s;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream(cublasHandle_t h, cudaStream_t *s)
{
    TELU_BLAS;
    *s = h->stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t h, void *work, size_t bytes)
{
    TELU_BLAS;
    return on_device(work, bytes) && (uintptr_t)work % 256 == 0 ? CUBLAS_STATUS_SUCCESS
                                                                : refuse("cublasSetWorkspace");
}

cublasStatus_t cublasSetMathMode(cublasHandle_t h, cublasMath_t)
{
    TELU_BLAS;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t h, cublasPointerMode_t mode)
{
    TELU_BLAS;
    h->scalars_on_device = mode == CUBLAS_POINTER_MODE_DEVICE;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t h, cublasAtomicsMode_t)
{
    TELU_BLAS;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion(cublasHandle_t, int *version)
{
    *version = 130000;
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusName(cublasStatus_t s)
{
    switch (s) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    }
    return "unknown";
}

const char *cublasGetStatusString(cublasStatus_t s)
{
    return cublasGetStatusName(s);
}

/* --- products --- */

struct matrix {
    char *p;
    cudaDataType type;
    int rows, columns, ld;
    long long stride;          /* to the next of a batch, in numbers */

    size_t each() const { return type == CUDA_R_32F ? 4 : 2; }
    long long size() const { return columns ? (long long)ld * (columns - 1) + rows : 0; }
    bool right(int count) const
    {
        return rows >= 0 && columns >= 0 && ld >= (rows > 1 ? rows : 1) &&
               (type == CUDA_R_32F || type == CUDA_R_16F || type == CUDA_R_16BF) &&
               on_device(p, reach(rows ? size() : 0, stride, count, each()));
    }
};

static float from_half(uint16_t u)
{
    int exponent = u >> 10 & 31, fraction = u & 1023;
    float all = (float)(exponent ? 1024 + fraction : fraction);
    float x = exponent < 31 ? ldexpf(all, (exponent ? exponent : 1) - 25)
                            : fraction ? NAN : INFINITY;

    return u & 0x8000 ? -x : x;
}

/* Returns one array of a batch as floats. */
static float *floats(const matrix &m, int which, std::vector<float> &room)
{
    char *p = m.p + (size_t)which * (size_t)m.stride * m.each();

    if (m.type == CUDA_R_32F)
        return (float *)p;
    room.assign((size_t)m.size(), 0.0f);
    for (int j = 0; j < m.columns; j++)
        for (int i = 0; i < m.rows; i++) {
            size_t at = (size_t)j * m.ld + i;
            uint16_t u = ((uint16_t *)p)[at];

            room[at] = m.type == CUDA_R_16F ? from_half(u) : __uint_as_float((unsigned)u << 16);
        }
    return room.data();
}

static void store(const matrix &m, int which, const std::vector<float> &room)
{
    uint16_t *p = (uint16_t *)m.p + (size_t)which * (size_t)m.stride;

    if (m.type == CUDA_R_32F)
        return;
    for (int j = 0; j < m.columns; j++)
        for (int i = 0; i < m.rows; i++) {
            size_t at = (size_t)j * m.ld + i;
            unsigned u = __float_as_uint(room[at]);

            p[at] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x40 :
                               (u + 0x7fff + (u >> 16 & 1)) >> 16);
        }
}

static cublasStatus_t product(cublasHandle_t h, const char *call, cublasOperation_t ta,
                              cublasOperation_t tb, int m, int n, int k, const void *alpha,
                              matrix a, matrix b, const void *beta, matrix c, int count)
{
    if (m < 0 || n < 0 || k < 0 || count < 0 || !a.right(count) || !b.right(count) ||
        !c.right(count) || a.type != b.type || c.type == CUDA_R_16F)
        return refuse(call);
    auto scale = scalar(h, alpha), keep = scalar(h, beta);

    return submit(h, [=] {
        std::vector<float> ra, rb, rc;
        float kept = keep();

        for (int i = 0; i < count && m && n; i++) {
            float *to = floats(c, i, rc);

            /* with beta = 0 the old value may be NaN */
            for (int j = 0; j < n && kept == 0.0f; j++)
                memset(to + (size_t)j * c.ld, 0, sizeof(float) * m);
            cblas_sgemm(CblasColMajor, ta ? CblasTrans : CblasNoTrans,
                        tb ? CblasTrans : CblasNoTrans, m, n, k, scale(), floats(a, i, ra),
                        a.ld, floats(b, i, rb), b.ld, kept, to, c.ld);
            store(c, i, rc);
        }
    });
}

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
    const void *alpha, const void *A, cudaDataType at, int lda, long long sa,
    const void *B, cudaDataType bt, int ldb, long long sb, const void *beta, void *C,
    cudaDataType ct, int ldc, long long sc, int count, cublasComputeType_t,
    cublasGemmAlgo_t)
{
    TELU_BLAS;
    return product(h, "cublasGemmEx", ta, tb, m, n, k, alpha,
                   {(char *)A, at, ta ? k : m, ta ? m : k, lda, sa},
                   {(char *)B, bt, tb ? n : k, tb ? k : n, ldb, sb}, beta,
                   {(char *)C, ct, m, n, ldc, sc}, count);
}

cublasStatus_t cublasGemmEx(
    cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
    const void *alpha, const void *A, cudaDataType at, int lda, const void *B,
    cudaDataType bt, int ldb, const void *beta, void *C, cudaDataType ct, int ldc,
    cublasComputeType_t compute, cublasGemmAlgo_t algo)
{
    return cublasGemmStridedBatchedEx(h, ta, tb, m, n, k, alpha, A, at, lda, 0, B, bt, ldb, 0,
                                      beta, C, ct, ldc, 0, 1, compute, algo);
}

cublasStatus_t cublasSgemmStridedBatched(
    cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
    const float *alpha, const float *A, int lda, long long sa, const float *B, int ldb,
    long long sb, const float *beta, float *C, int ldc, long long sc, int count)
{
    return cublasGemmStridedBatchedEx(h, ta, tb, m, n, k, alpha, A, CUDA_R_32F, lda, sa, B,
                                      CUDA_R_32F, ldb, sb, beta, C, CUDA_R_32F, ldc, sc, count,
                                      CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasSgemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb,
                           int m, int n, int k, const float *alpha, const float *A, int lda,
                           const float *B, int ldb, const float *beta, float *C, int ldc)
{
    return cublasSgemmStridedBatched(h, ta, tb, m, n, k, alpha, A, lda, 0, B, ldb, 0, beta, C,
                                     ldc, 0, 1);
}

/* --- vectors --- */

static bool vector(const void *p, int n, int inc)
{
    return n >= 0 && inc > 0 && on_device(p, reach(1, inc, n, sizeof(float)));
}

cublasStatus_t cublasSgemv(cublasHandle_t h, cublasOperation_t ta, int m, int n,
                           const float *alpha, const float *A, int lda, const float *x,
                           int incx, const float *beta, float *y, int incy)
{
    TELU_BLAS;
    matrix a = {(char *)A, CUDA_R_32F, m, n, lda, 0};
    int ny = ta ? n : m;

    if (!a.right(1) || !vector(x, ta ? m : n, incx) || !vector(y, ny, incy))
        return refuse("cublasSgemv");
    auto scale = scalar(h, alpha), keep = scalar(h, beta);

    return submit(h, [=] {
        for (int i = 0; i < ny && keep() == 0.0f; i++)
            y[(size_t)i * incy] = 0.0f;
        cblas_sgemv(CblasColMajor, ta ? CblasTrans : CblasNoTrans, m, n, scale(), A, lda, x,
                    incx, keep(), y, incy);
    });
}

cublasStatus_t cublasSaxpy(cublasHandle_t h, int n, const float *alpha, const float *x,
                           int incx, float *y, int incy)
{
    TELU_BLAS;
    if (!vector(x, n, incx) || !vector(y, n, incy))
        return refuse("cublasSaxpy");
    auto scale = scalar(h, alpha);

    return submit(h, [=] { cblas_saxpy(n, scale(), x, incx, y, incy); });
}

cublasStatus_t cublasSscal(cublasHandle_t h, int n, const float *alpha, float *x, int incx)
{
    TELU_BLAS;
    if (!vector(x, n, incx))
        return refuse("cublasSscal");
    auto scale = scalar(h, alpha);

    return submit(h, [=] { cblas_sscal(n, scale(), x, incx); });
}

/* Waits if the result is for the host. */
static cublasStatus_t reduce(cublasHandle_t h, const char *call, float *result,
                             std::function<float()> sum)
{
    if (!h->scalars_on_device && telu_shim_not_while_capturing(call))
        return CUBLAS_STATUS_EXECUTION_FAILED;
    cublasStatus_t s = submit(h, [=] { *result = sum(); });

    if (!h->scalars_on_device) {
        shim.counts.waits++;
        telu_shim_drain(telu_shim_stream(h->stream));
    }
    return s;
}

cublasStatus_t cublasSdot(cublasHandle_t h, int n, const float *x, int incx, const float *y,
                          int incy, float *result)
{
    TELU_BLAS;
    if (!vector(x, n, incx) || !vector(y, n, incy))
        return refuse("cublasSdot");
    return reduce(h, "cublasSdot", result, [=] { return cblas_sdot(n, x, incx, y, incy); });
}

cublasStatus_t cublasSnrm2(cublasHandle_t h, int n, const float *x, int incx, float *result)
{
    TELU_BLAS;
    if (!vector(x, n, incx))
        return refuse("cublasSnrm2");
    return reduce(h, "cublasSnrm2", result, [=] { return cblas_snrm2(n, x, incx); });
}

cublasStatus_t cublasSasum(cublasHandle_t h, int n, const float *x, int incx, float *result)
{
    TELU_BLAS;
    if (!vector(x, n, incx))
        return refuse("cublasSasum");
    return reduce(h, "cublasSasum", result, [=] { return cblas_sasum(n, x, incx); });
}
