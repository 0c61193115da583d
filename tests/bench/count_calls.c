/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* count_calls.c - LD_PRELOAD=count_calls.so: counts a program's calls of CUDA's runtime and
 * cuBLAS (the shared libraries), and writes them to the file TELUCODEC_COUNT at its end.
 *
 *   launches      kernels launched one by one
 *   library       cuBLAS products outside of a graph; each is 1 to 3 kernels
 *   graphs        launches of a graph
 *   nodes         kernels in them
 *   to, from      bytes between host and device, those of graphs as well
 *   waits         synchronisations
 *
 * Kernels recorded into a graph count as launches during the capture. gpu.sh therefore takes
 * the difference of two runs of unequal length, which cancels work done once.
 */
#define _GNU_SOURCE
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_long launches, library, graphs, nodes, to_device, from_device, waits;

/* Contents of a graph, by its executable form. */
#define GRAPHS 4096
static struct {
    cudaGraphExec_t exec;
    long kernels, to, from;
} known[GRAPHS];
static atomic_int count;

static void *next(const char *name)
{
    void *fn = dlsym(RTLD_NEXT, name);

    /* RTLD_NEXT does not find the libraries of a module that is opened later. */
    for (int i = 0; !fn && i < 6; i++) {
        static const char *const files[] = {
            "libcudart.so.13", "libcublas.so.13", "libcudart.so.12", "libcublas.so.12",
            "libcudart.so.14", "libcublas.so.14",
        };
        void *lib = dlopen(files[i], RTLD_NOW | RTLD_NOLOAD);

        fn = lib ? dlsym(lib, name) : NULL;
    }
    if (!fn) {
        fprintf(stderr, "count_calls: no %s to hand on to\n", name);
        abort();
    }
    return fn;
}

#define FIND(real, name) \
    static __typeof__(name) *real; \
    if (!real) \
        real = (__typeof__(name) *)next(#name)
#define NEXT(name) FIND(real, name)

__attribute__((destructor)) static void write_counts(void)
{
    const char *path = getenv("TELUCODEC_COUNT");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f)
        return;
    fprintf(f, "launches %ld\nlibrary %ld\ngraphs %ld\nnodes %ld\nto %ld\nfrom %ld\n"
            "waits %ld\n", launches, library, graphs, nodes, to_device, from_device, waits);
    fclose(f);
}

static void count_copy(size_t bytes, enum cudaMemcpyKind kind)
{
    if (kind == cudaMemcpyHostToDevice)
        to_device += (long)bytes;
    else if (kind == cudaMemcpyDeviceToHost)
        from_device += (long)bytes;
}

/* --- Launches ------------------------------------------------------------- */

cudaError_t cudaLaunchKernel(const void *func, dim3 grid, dim3 block, void **args,
                             size_t shared, cudaStream_t stream)
{
    NEXT(cudaLaunchKernel);
    launches++;
    return real(func, grid, block, args, shared, stream);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *func,
                                void **args)
{
    NEXT(cudaLaunchKernelExC);
    launches++;
    return real(config, func, args);
}

static void look_at(cudaGraphExec_t exec, cudaGraph_t graph)
{
    static cudaGraphNode_t node[16384];
    size_t n = sizeof(node) / sizeof(*node);
    int at = count++;

    FIND(nodes_of, cudaGraphGetNodes);
    FIND(type_of, cudaGraphNodeGetType);
    FIND(copy_of, cudaGraphMemcpyNodeGetParams);
    if (at >= GRAPHS || nodes_of(graph, node, &n) != cudaSuccess)
        return;
    known[at].exec = exec;
    for (size_t i = 0; i < n; i++) {
        enum cudaGraphNodeType type;
        struct cudaMemcpy3DParms copy;

        if (type_of(node[i], &type) != cudaSuccess)
            continue;
        known[at].kernels += type == cudaGraphNodeTypeKernel;
        if (type == cudaGraphNodeTypeMemcpy &&
            copy_of(node[i], &copy) == cudaSuccess) {
            long bytes = (long)(copy.extent.width * copy.extent.height * copy.extent.depth);

            known[at].to += copy.kind == cudaMemcpyHostToDevice ? bytes : 0;
            known[at].from += copy.kind == cudaMemcpyDeviceToHost ? bytes : 0;
        }
    }
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph,
                                 unsigned long long flags)
{
    cudaError_t e;

    NEXT(cudaGraphInstantiate);
    e = real(exec, graph, flags);
    if (e == cudaSuccess)
        look_at(*exec, graph);
    return e;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    NEXT(cudaGraphLaunch);
    graphs++;
    for (int i = count - 1; i >= 0; i--)
        if (i < GRAPHS && known[i].exec == exec) {
            nodes += known[i].kernels;
            to_device += known[i].to;
            from_device += known[i].from;
            break;
        }
    return real(exec, stream);
}

/* --- Copies and waits ------------------------------------------------------ */

cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
    NEXT(cudaMemcpy);
    count_copy(bytes, kind);
    waits++;
    return real(dst, src, bytes, kind);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes,
                            enum cudaMemcpyKind kind, cudaStream_t stream)
{
    NEXT(cudaMemcpyAsync);
    count_copy(bytes, kind);
    return real(dst, src, bytes, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dpitch, const void *src, size_t spitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    NEXT(cudaMemcpy2DAsync);
    count_copy(width * height, kind);
    return real(dst, dpitch, src, spitch, width, height, kind, stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    NEXT(cudaStreamSynchronize);
    waits++;
    return real(stream);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    NEXT(cudaEventSynchronize);
    waits++;
    return real(event);
}

cudaError_t cudaDeviceSynchronize(void)
{
    NEXT(cudaDeviceSynchronize);
    waits++;
    return real();
}

/* --- cuBLAS ----------------------------------------------------------------- */

cublasStatus_t cublasSgemm_v2(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb,
                              int m, int n, int k, const float *alpha, const float *A,
                              int lda, const float *B, int ldb, const float *beta, float *C,
                              int ldc)
{
    NEXT(cublasSgemm_v2);
    library++;
    return real(h, ta, tb, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);
}

cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb,
                            int m, int n, int k, const void *alpha, const void *A,
                            cudaDataType at, int lda, const void *B, cudaDataType bt,
                            int ldb, const void *beta, void *C, cudaDataType ct, int ldc,
                            cublasComputeType_t type, cublasGemmAlgo_t algo)
{
    NEXT(cublasGemmEx);
    library++;
    return real(h, ta, tb, m, n, k, alpha, A, at, lda, B, bt, ldb, beta, C, ct, ldc, type,
                algo);
}
