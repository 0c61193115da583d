/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_libraries.cpp - compares the shim's cuBLAS and cuFFT with direct sums. */
#include "must.h"
#include "shim.h"

#include <cuda_runtime.h>
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cufft.h>

#include <complex>
#include <vector>

template <class T> static T *up(const std::vector<T> &x)
{
    T *p = nullptr;

    MUST(cudaMalloc(&p, x.size() * sizeof(T)) == cudaSuccess);
    MUST(cudaMemcpy(p, x.data(), x.size() * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess);
    return p;
}

template <class T> static std::vector<T> down(const T *p, size_t n)
{
    std::vector<T> x(n);

    MUST(cudaMemcpy(x.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return x;
}

static float any(void)
{
    static unsigned state = 1;

    state = state * 1664525u + 1013904223u;
    return (float)(int)state / 2147483648.0f;
}

/* Checks all transpositions, with padded columns, batches, and both types. */
static void product(cublasHandle_t h, bool ta, bool tb, bool half, float beta)
{
    enum { M = 5, N = 4, K = 7, LD = 9, COUNT = 2 };
    std::vector<float> a(LD * LD * COUNT), b(a.size()), c(a.size());
    std::vector<__nv_bfloat16> ha(a.size()), hb(a.size());
    cudaDataType type = half ? CUDA_R_16BF : CUDA_R_32F;
    float alpha = 0.5f;

    for (size_t i = 0; i < a.size(); i++) {
        ha[i] = any(), hb[i] = any(), c[i] = beta != 0.0f ? any() : NAN;
        a[i] = ha[i], b[i] = hb[i];
    }
    float *da = up(a), *db = up(b), *dc = up(c);
    __nv_bfloat16 *dha = up(ha), *dhb = up(hb);

    MUST(cublasGemmStridedBatchedEx(
             h, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N, M, N, K, &alpha,
             half ? (void *)dha : da, type, LD, LD * LD, half ? (void *)dhb : db, type, LD,
             LD * LD, &beta, dc, CUDA_R_32F, LD, LD * LD, COUNT, CUBLAS_COMPUTE_32F,
             CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
    std::vector<float> got = down(dc, c.size());

    for (int s = 0; s < COUNT; s++)
        for (int j = 0; j < N; j++)
            for (int i = 0; i < M; i++) {
                size_t o = (size_t)s * LD * LD, at = o + j * LD + i;
                double sum = 0.0;

                for (int k = 0; k < K; k++)
                    sum += (double)a[o + (ta ? i * LD + k : k * LD + i)] *
                           b[o + (tb ? k * LD + j : j * LD + k)];
                sum = 0.5 * sum + (beta != 0.0f ? beta * c[at] : 0.0);
                MUST(fabs(sum - got[at]) < 1e-5);
            }
    for (void *p : {(void *)da, (void *)db, (void *)dc, (void *)dha, (void *)dhb})
        MUST(cudaFree(p) == cudaSuccess);
}

/* Checks products of halves: a row of every kind of number times powers of two. */
static void halves(cublasHandle_t h)
{
    static const struct { uint16_t bits; float value; } kinds[] = {
        { 0x3c00, 1.0f }, { 0xc000, -2.0f }, { 0x0001, 0x1p-24f }, { 0x83ff, -1023 * 0x1p-24f },
        { 0x0400, 0x1p-14f }, { 0x7bff, 65504.0f }, { 0x57f0, 127.0f }, { 0x8000, 0.0f },
    };
    const int n = (int)(sizeof(kinds) / sizeof(*kinds));
    std::vector<uint16_t> a;
    float one = 1.0f, none = 0.0f, *c = up(std::vector<float>((size_t)n, NAN));

    for (auto &k : kinds)
        a.push_back(k.bits);
    uint16_t *da = up(a), *db = up(std::vector<uint16_t>{ 0x4000 });

    MUST(cublasGemmEx(h, CUBLAS_OP_N, CUBLAS_OP_N, n, 1, 1, &one, da, CUDA_R_16F, n, db, CUDA_R_16F,
                      1, &none, c, CUDA_R_32F, n, CUBLAS_COMPUTE_32F,
                      CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
    for (int i = 0; i < n; i++)
        MUST(down(c, (size_t)n)[(size_t)i] == 2.0f * kinds[i].value);
    for (void *p : {(void *)da, (void *)db, (void *)c})
        MUST(cudaFree(p) == cudaSuccess);
}

static void vectors(cublasHandle_t h)
{
    float *x = up(std::vector<float>{1, 2, 3, 4}), *y = up(std::vector<float>{1, 1, 1, 1});
    float two = 2.0f, zero = 0.0f, got = 0.0f;

    MUST(cublasSaxpy(h, 4, &two, x, 1, y, 1) == 0 && down(y, 4)[3] == 9.0f);
    MUST(cublasSscal(h, 4, &two, y, 1) == 0 && down(y, 4)[0] == 6.0f);
    MUST(cublasSdot(h, 4, x, 1, x, 1, &got) == 0 && got == 30.0f);
    MUST(cublasSasum(h, 2, x, 2, &got) == 0 && got == 4.0f);
    MUST(cublasSnrm2(h, 4, x, 1, &got) == 0 && fabsf(got - sqrtf(30.0f)) < 1e-6f);
    MUST(cublasSgemv(h, CUBLAS_OP_T, 2, 2, &two, x, 2, x, 1, &zero, y, 1) == 0);
    MUST(down(y, 2)[0] == 10.0f && down(y, 2)[1] == 22.0f);
    MUST(cublasSaxpy(h, 5, &two, x, 1, y, 1) == CUBLAS_STATUS_INVALID_VALUE);
    telu_shim_reset();
    MUST(cudaFree(x) == cudaSuccess && cudaFree(y) == cudaSuccess);
}

/* Checks R2C, C2R and C2C. */
static void fourier(int n)
{
    enum { BATCH = 3 };
    int half = n / 2 + 1, dist = n + 2;
    std::vector<float> x((size_t)dist * BATCH);
    cufftHandle r, c;
    size_t bytes = 0;
    cufftComplex *spectrum;
    void *work;

    for (float &f : x)
        f = any();
    float *in = up(x);

    MUST(cudaMalloc(&spectrum, sizeof(*spectrum) * half * BATCH) == cudaSuccess);
    MUST(cufftCreate(&r) == CUFFT_SUCCESS && cufftSetAutoAllocation(r, 0) == CUFFT_SUCCESS);
    MUST(cufftMakePlanMany(r, 1, &n, &dist, 1, dist, &half, 1, half, CUFFT_R2C, BATCH,
                           &bytes) == CUFFT_SUCCESS && bytes > 0);
    MUST(cufftExecR2C(r, in, spectrum) == CUFFT_NO_WORKSPACE);
    MUST(cudaMalloc(&work, bytes) == cudaSuccess);
    MUST(cufftSetWorkArea(r, work) == CUFFT_SUCCESS);
    MUST(cufftExecR2C(r, in, spectrum) == CUFFT_SUCCESS);
    std::vector<cufftComplex> got = down(spectrum, (size_t)half * BATCH);

    for (int b = 0; b < BATCH; b++)
        for (int k = 0; k < half; k++) {
            std::complex<double> sum;

            for (int i = 0; i < n; i++)
                sum += (double)x[(size_t)b * dist + i] *
                       std::polar(1.0, -2.0 * M_PI * i * k / n);
            MUST(std::abs(sum - std::complex<double>(got[(size_t)b * half + k].x,
                                                     got[(size_t)b * half + k].y)) < 1e-4);
        }
    MUST(cufftPlanMany(&c, 1, &n, &half, 1, half, &dist, 1, dist, CUFFT_C2R, BATCH) == 0);
    MUST(cufftExecC2R(c, spectrum, in) == CUFFT_SUCCESS);
    std::vector<float> back = down(in, x.size());

    for (int b = 0; b < BATCH; b++)
        for (int i = 0; i < n; i++)
            MUST(fabsf(back[(size_t)b * dist + i] / n - x[(size_t)b * dist + i]) < 1e-5f);
    MUST(cufftDestroy(r) == CUFFT_SUCCESS && cufftDestroy(c) == CUFFT_SUCCESS);
    for (void *p : {(void *)in, (void *)spectrum, work})
        MUST(cudaFree(p) == cudaSuccess);
}

int main(void)
{
    cublasHandle_t h;

    MUST(cublasCreate(&h) == CUBLAS_STATUS_SUCCESS);
    for (int i = 0; i < 16; i++)
        product(h, i & 1, i & 2, i & 4, i & 8 ? 0.25f : 0.0f);
    halves(h);
    vectors(h);
    for (int n : {1, 2, 16, 12, 15, 512})
        fourier(n);
    MUST(cublasDestroy(h) == CUBLAS_STATUS_SUCCESS);
    printf("test_libraries: %d failures\n", failures);
    return failures != 0;
}
