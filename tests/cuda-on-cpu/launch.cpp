/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch.cpp - checks launches and passes them to their streams. */
#include "state.h"

#include <map>

static const int USUAL_SHARED = 49152, MOST_SHARED = 232448;

/* Kernels with a raised limit of dynamic shared memory. */
static std::map<const void *, int> &asked = *new std::map<const void *, int>();

static int allowed(const void *function)
{
    auto i = asked.find(function);

    return i == asked.end() ? USUAL_SHARED : i->second;
}

static cudaError_t inspect(const telu_shim_kernel &k)
{
    size_t left;

    if (!k.function)
        return telu_shim_mistake(cudaErrorInvalidDeviceFunction, "a launch of no kernel");
    if (k.grid.x < 1 || k.grid.y < 1 || k.grid.z < 1 || k.grid.x > 2147483647u ||
        k.grid.y > 65535 || k.grid.z > 65535 || k.block.x < 1 || k.block.y < 1 ||
        k.block.z < 1 || k.block.z > 64 || k.block.x > 1024 || k.block.y > 1024 ||
        k.block.x * k.block.y * k.block.z > 1024)
        return telu_shim_mistake(cudaErrorInvalidConfiguration,
                                 "%s: grid (%u, %u, %u), block (%u, %u, %u)", k.name, k.grid.x,
                                 k.grid.y, k.grid.z, k.block.x, k.block.y, k.block.z);
    if (k.shared > (size_t)allowed(k.function))
        return telu_shim_mistake(cudaErrorInvalidValue, "%s: %zu bytes of dynamic shared "
                                 "memory; it may have %d (cudaFuncSetAttribute)", k.name,
                                 k.shared, allowed(k.function));
    for (int i = 0; i < k.n; i++)
        if (k.pointers[i] && telu_shim_where_is(k.pointers[i], &left) == TELU_HOST)
            return telu_shim_fault(cudaErrorIllegalAddress, "%s: its pointer number %d is "
                                   "neither of device nor of pinned memory", k.name, i + 1);
    return cudaSuccess;
}

void telu_shim_launch(const telu_shim_kernel &k, cudaStream_t stream)
{
    telu_shim_entry entry;

    if (entry.error) {
        telu_shim_last(entry.error);
        return;
    }
    if (inspect(k))
        return;
    if (!telu_shim_capturing(stream)) {
        shim.counts.launches++;
        if (telu_shim_may_launch())
            return;
    }
    telu_shim_submit(stream, [k] { telu_shim_run(k); }, true);
}

cudaError_t telu_shim_set_attribute(const void *kernel, enum cudaFuncAttribute a, int value)
{
    TELU_CALL;
    if (a == cudaFuncAttributePreferredSharedMemoryCarveout)
        return telu_shim_last(value < -1 || value > 100 ? cudaErrorInvalidValue : cudaSuccess);
    if (a != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > MOST_SHARED)
        return telu_shim_last(cudaErrorInvalidValue);
    asked[kernel] = value;
    return cudaSuccess;
}

cudaError_t telu_shim_attributes(struct cudaFuncAttributes *a, const void *kernel)
{
    TELU_CALL;
    *a = {};
    a->maxThreadsPerBlock = 1024;
    a->numRegs = 32;
    a->maxDynamicSharedSizeBytes = allowed(kernel);
    return cudaSuccess;
}

cudaError_t telu_shim_occupancy(int *blocks, const void *, int threads, size_t shared)
{
    TELU_CALL;
    if (threads < 1 || threads > 1024 || shared > (size_t)MOST_SHARED)
        return telu_shim_last(cudaErrorInvalidValue);
    int by_shared = (int)(233472 / (shared + 1024));

    *blocks = 2048 / threads < by_shared ? 2048 / threads : by_shared;
    *blocks = *blocks > 32 ? 32 : *blocks;
    return cudaSuccess;
}
