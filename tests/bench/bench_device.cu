/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_device.cu - measures the device's limits, as a reference for the kernels: bytes per
 * second of a copy within its memory (read and written ones), operations per second of an
 * 8192^3 product by cuBLAS in fp32 and in bf16 with fp32 sums.
 *
 *   bench_device [--smoke]       prints "copy", "sgemm", "bf16" and a number each
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
        fprintf(stderr, "bench_device: %s: %s\n", what, cudaGetErrorString(e));
    return e != cudaSuccess;
}

struct device {
    cudaStream_t stream;
    cudaEvent_t from, to;
    cublasHandle_t blas;
    int smoke, n;              /* n: size of the products */
    size_t bytes;              /* of the copy */
    char *a, *b, *c;
};

typedef int (*work_fn)(struct device *c);

static int copy(struct device *c)
{
    return failed(cudaMemcpyAsync(c->b, c->a, c->bytes, cudaMemcpyDeviceToDevice,
                                  c->stream), "copy");
}

static int product(struct device *c, cudaDataType_t type)
{
    const float one = 1.0f, zero = 0.0f;
    cublasStatus_t s = cublasGemmEx(c->blas, CUBLAS_OP_T, CUBLAS_OP_N, c->n, c->n, c->n,
                                    &one, c->a, type, c->n, c->b, type, c->n, &zero, c->c,
                                    type, c->n, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);

    if (s != CUBLAS_STATUS_SUCCESS)
        fprintf(stderr, "bench_device: cuBLAS fails with status %d\n", (int)s);
    return s != CUBLAS_STATUS_SUCCESS;
}

static int sgemm(struct device *c)
{
    return product(c, CUDA_R_32F);
}

static int bf16(struct device *c)
{
    return product(c, CUDA_R_16BF);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* Prints `work` per second: the median of single runs, after two to warm up. */
static int time_work(struct device *c, const char *name, work_fn run, double work)
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

/* Fills x with random numbers of about +-1, in fp32 and, as halves, in bf16. Products of
 * zeros would be faster than products of data. */
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

static int run(struct device *c)
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
        fprintf(stderr, "bench_device: no cuBLAS\n");
        return 1;
    }
    return time_work(c, "copy", copy, 2.0 * (double)c->bytes) |
           time_work(c, "sgemm", sgemm, 2.0 * n * n * n) |
           time_work(c, "bf16", bf16, 2.0 * n * n * n);
}

int main(int argc, char **argv)
{
    struct device c;
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
