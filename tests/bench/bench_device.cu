/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_device.cu - what the card can do: bytes per second of a copy within its memory
 * (read and written ones), operations per second of an 8192^3 product by cuBLAS in fp32
 * and in bf16 with fp32 sums. Numbers to hold the kernels against.
 *
 *   bench_card [--smoke]       prints "copy", "sgemm", "bf16" and a number each
 */
#include "device.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES 9

static int failed(cudaError_t e, const char *what)
{
    if (e != cudaSuccess)
        fprintf(stderr, "bench_card: %s: %s\n", what, cudaGetErrorString(e));
    return e != cudaSuccess;
}

struct card {
    cudaStream_t stream;
    cudaEvent_t from, to;
    cublasHandle_t blas;
    int smoke, n;              /* n: of the products */
    size_t bytes;              /* of the copy */
    char *a, *b, *c;
};

typedef int (*job)(struct card *c);

static int copy(struct card *c)
{
    return failed(cudaMemcpyAsync(c->b, c->a, c->bytes, cudaMemcpyDeviceToDevice,
                                  c->stream), "copy");
}

static int product(struct card *c, cudaDataType_t type)
{
    const float one = 1.0f, zero = 0.0f;
    cublasStatus_t s = cublasGemmEx(c->blas, CUBLAS_OP_T, CUBLAS_OP_N, c->n, c->n, c->n,
                                    &one, c->a, type, c->n, c->b, type, c->n, &zero, c->c,
                                    type, c->n, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);

    if (s != CUBLAS_STATUS_SUCCESS)
        fprintf(stderr, "bench_card: cuBLAS fails with status %d\n", (int)s);
    return s != CUBLAS_STATUS_SUCCESS;
}

static int sgemm(struct card *c)
{
    return product(c, CUDA_R_32F);
}

static int bf16(struct card *c)
{
    return product(c, CUDA_R_16BF);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* The median of single runs, after two to warm up; `work` over it. */
static int time_job(struct card *c, const char *name, job run, double work)
{
    float ms[TIMES];

    for (int i = -2; i < TIMES; i++) {
        if (failed(cudaEventRecord(c->from, c->stream), name) || run(c) ||
            failed(cudaEventRecord(c->to, c->stream), name) ||
            failed(cudaEventSynchronize(c->to), name))
            return 1;
        if (i >= 0 && failed(cudaEventElapsedTime(&ms[i], c->from, c->to), name))
            return 1;
    }
    qsort(ms, TIMES, sizeof(*ms), by_size);
    if (c->smoke)
        printf("%s: smoke, not a measurement\n", name);
    else
        printf("%s %.4g\n", name, work / (1e-3 * (double)ms[TIMES / 2]));
    fflush(stdout);
    return 0;
}

/* Random numbers of about +-1, and so are their upper halves taken as bf16: products of
 * zeros are faster than those of data. */
static int fill(char *to, size_t bytes)
{
    const size_t n = 1 << 20;
    uint32_t seed = 1, *x = (uint32_t *)malloc(4 * n);
    int bad = !x;

    for (size_t i = 0; !bad && i < n; i++) {
        uint32_t high, low;

        seed = seed * 1664525u + 1013904223u;
        high = 0x3f00u | (seed >> 16 & 0x80ffu);
        seed = seed * 1664525u + 1013904223u;
        low = 0x3f00u | (seed >> 16 & 0x80ffu);
        x[i] = high << 16 | low;
    }
    for (size_t at = 0; !bad && at < bytes; at += 4 * n)
        bad = failed(cudaMemcpy(to + at, x, bytes - at < 4 * n ? bytes - at : 4 * n,
                                cudaMemcpyHostToDevice), "random numbers");
    free(x);
    return bad;
}

static int run(struct card *c)
{
    const double n = c->n;

    if (failed(cudaStreamCreate(&c->stream), "stream") ||
        failed(cudaEventCreate(&c->from), "event") ||
        failed(cudaEventCreate(&c->to), "event") ||
        failed(cudaMalloc((void **)&c->a, c->bytes), "memory") ||
        failed(cudaMalloc((void **)&c->b, c->bytes), "memory") ||
        failed(cudaMalloc((void **)&c->c, c->bytes), "memory") ||
        fill(c->a, c->bytes) || fill(c->b, c->bytes))
        return 1;
    if (cublasCreate(&c->blas) != CUBLAS_STATUS_SUCCESS ||
        cublasSetStream(c->blas, c->stream) != CUBLAS_STATUS_SUCCESS) {
        fprintf(stderr, "bench_card: no cuBLAS\n");
        return 1;
    }
    return time_job(c, "copy", copy, 2.0 * (double)c->bytes) |
           time_job(c, "sgemm", sgemm, 2.0 * n * n * n) |
           time_job(c, "bf16", bf16, 2.0 * n * n * n);
}

int main(int argc, char **argv)
{
    struct card c;
    int smoke = argc > 1 && !strcmp(argv[1], "--smoke"), bad;

    memset(&c, 0, sizeof(c));
    c.smoke = smoke;
    c.n = smoke ? 32 : 8192;
    c.bytes = smoke ? 4096 : (size_t)1 << 32;
    bad = run(&c);
    if (c.blas)
        cublasDestroy(c.blas);
    cudaFree(c.a);
    cudaFree(c.b);
    cudaFree(c.c);
    return bad;
}
