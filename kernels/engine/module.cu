/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* module.cu - the entry of libtelucodec-cuda.so, see module.h. */
#include "module.h"

#include "device.h"
#include "grads.h"
#include "weights.h"

#include <stdio.h>

extern "C" {
extern const struct telu_engine_ops telu_engine_cuda;
extern const struct telu_training telu_training_cuda;
extern const struct telu_ranks telu_ranks_cuda;

__attribute__((visibility("default")))
const struct telu_module *telu_module_get(uint32_t abi);
}

static int devices(void)
{
    int n = 0;
    cudaError_t e = cudaGetDeviceCount(&n);

    if (e == cudaErrorInsufficientDriver)
        telu_fail("The NVIDIA driver is missing or too old for CUDA %d.%d (%s)",
                  CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10,
                  cudaGetErrorString(e));
    else if (e == cudaErrorNoDevice || (e == cudaSuccess && n < 1))
        telu_fail("There is no CUDA device in this machine, or none may be used");
    else if (e != cudaSuccess)
        telu_fail("The CUDA devices cannot be listed: %s", cudaGetErrorString(e));
    if (e == cudaSuccess)
        return n > 0 ? n : 0;
    cudaGetLastError();
    return e == cudaErrorInsufficientDriver || e == cudaErrorNoDevice ? 0 : -1;
}

static int describe(int device, char *text, size_t size)
{
    struct cudaDeviceProp p;
    int n = devices();

    if (n < 1)
        return -1;
    if (device < 0 || device >= n)
        return telu_fail("There is no CUDA device %d: there are %d, counted from 0",
                         device, n);
    if (telu_cuda_check(cudaGetDeviceProperties(&p, device), "the name of a device"))
        return -1;
    snprintf(text, size, "%s, compute %d.%d, %.1f GiB", p.name, p.major, p.minor,
             (double)p.totalGlobalMem / 1073741824.0);
    return 0;
}

const struct telu_module *telu_module_get(uint32_t abi)
{
    static const struct telu_module m = {
        TELU_MODULE_ABI, sizeof(struct telu_model), "cuda", telu_error,
        telu_error_status, devices, describe, &telu_backend_cuda, &telu_grads_cuda,
        &telu_engine_cuda, &telu_training_cuda, &telu_ranks_cuda,
    };

    return abi == TELU_MODULE_ABI ? &m : NULL;
}
