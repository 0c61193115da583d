/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device.cpp - the simulated devices, errors, and environment variables. */
#include "state.h"

#include <stdarg.h>
#include <unistd.h>

telu_shim_state shim;

static char text[512];         /* of the last mistake */
static bool mistaken;
static thread_local cudaError_t last;
static thread_local int current;

static long number(const char *name, long otherwise)
{
    const char *s = getenv(name);

    return s && *s ? strtol(s, nullptr, 0) : otherwise;
}

/* The constructor reads the environment, the destructor reports remaining faults. */
static struct watch {
    watch()
    {
        const char *order = getenv("TELUCODEC_SHIM_ORDER");

        shim.devices = (int)number("TELUCODEC_SHIM_DEVICES", 1);
        shim.memory = (size_t)number("TELUCODEC_SHIM_MEMORY", (long)shim.memory);
        shim.major = (int)number("TELUCODEC_SHIM_MAJOR", shim.major);
        shim.fault_after = number("TELUCODEC_SHIM_FAULT", -1);
        shim.lazy = number("TELUCODEC_SHIM_LAZY", 0) != 0;
        shim.protect = number("TELUCODEC_SHIM_PROTECT", 0) != 0;
        if (order && *order && telu_shim_set_order(order)) {
            fprintf(stderr, "cuda-on-cpu: TELUCODEC_SHIM_ORDER=%s: expected forward, reverse or "
                            "shuffle:SEED\n", order);
            exit(99);
        }
    }

    ~watch()
    {
        telu_shim_check_zones("at the end");
        if (!mistaken)
            return;
        fprintf(stderr, "cuda-on-cpu: the process ends with status 99: %s\n", text);
        fflush(nullptr);
        _exit(99);
    }
} watch;

telu_shim_entry::telu_shim_entry(bool of_device) : guard(shim.lock), error(shim.sticky)
{
    if (shim.host_function)
        error = telu_shim_mistake(cudaErrorNotPermitted, "a host function calls CUDA");
    else if (of_device && !error && shim.devices < 1)
        error = shim.devices ? cudaErrorInsufficientDriver : cudaErrorNoDevice;
}

cudaError_t telu_shim_last(cudaError_t e)
{
    if (e)
        last = e;
    return e;
}

static cudaError_t tell(cudaError_t e, const char *fmt, va_list ap)
{
    vsnprintf(text, sizeof(text), fmt, ap);
    fprintf(stderr, "cuda-on-cpu: %s\n", text);
    mistaken = true;
    return telu_shim_last(e);
}

cudaError_t telu_shim_mistake(cudaError_t e, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    tell(e, fmt, ap);
    va_end(ap);
    return e;
}

cudaError_t telu_shim_fault(cudaError_t e, const char *fmt, ...)
{
    va_list ap;

    if (shim.sticky)           /* keep the first one */
        return shim.sticky;
    va_start(ap, fmt);
    tell(e, fmt, ap);
    va_end(ap);
    shim.sticky = e;
    return e;
}

cudaError_t telu_shim_may_launch(void)
{
    if (shim.fault_after < 0)
        return cudaSuccess;
    if (shim.fault_after-- > 0)
        return cudaSuccess;
    shim.sticky = cudaErrorIllegalAddress;
    return telu_shim_last(shim.sticky);
}

uint64_t telu_shim_random(void)
{
    uint64_t x = shim.random += 0x9e3779b97f4a7c15ull;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

void telu_shim_permute(unsigned *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = shim.order == 'r' ? n - 1 - i : i;
    if (shim.order != 's')
        return;
    for (unsigned i = n; i-- > 1;) {
        unsigned j = (unsigned)(telu_shim_random() % (i + 1)), t = p[i];

        p[i] = p[j];
        p[j] = t;
    }
}

/* --- shim.h --- */

#define TELU_EXPORT __attribute__((visibility("default")))
#define TELU_LOCK   std::lock_guard<std::recursive_mutex> guard(shim.lock)

TELU_EXPORT void telu_shim_count(struct telu_shim_counts *counts)
{
    TELU_LOCK;
    *counts = shim.counts;
}

TELU_EXPORT void telu_shim_fault_after(long n)
{
    TELU_LOCK;
    shim.fault_after = n;
}

TELU_EXPORT void telu_shim_set_memory(size_t bytes)
{
    TELU_LOCK;
    shim.memory = bytes;
}

TELU_EXPORT void telu_shim_set_devices(int n)
{
    TELU_LOCK;
    shim.devices = n;
}

TELU_EXPORT int telu_shim_set_order(const char *order)
{
    TELU_LOCK;
    char *end = nullptr;

    if (!strcmp(order, "forward") || !strcmp(order, "reverse")) {
        shim.order = order[0];
        return 0;
    }
    if (strncmp(order, "shuffle:", 8) || !order[8])
        return -1;
    shim.random = strtoull(order + 8, &end, 10);
    if (*end)
        return -1;
    shim.order = 's';
    return 0;
}

TELU_EXPORT void telu_shim_set_lazy(int lazy)
{
    TELU_LOCK;
    telu_shim_drain_all();
    shim.lazy = lazy != 0;
}

TELU_EXPORT const char *telu_shim_text(void)
{
    return text;
}

TELU_EXPORT void telu_shim_reset(void)
{
    TELU_LOCK;
    telu_shim_counts none = {};

    none.alive = shim.counts.alive;
    none.alive_pinned = shim.counts.alive_pinned;
    shim.counts = none;
    shim.sticky = cudaSuccess;
    shim.fault_after = -1;
    mistaken = false;
    text[0] = '\0';
    last = cudaSuccess;
}

/* --- the runtime --- */

cudaError_t cudaGetLastError(void)
{
    telu_shim_entry entry(false);
    cudaError_t e = entry.error ? entry.error : last;

    last = cudaSuccess;
    return e;
}

cudaError_t cudaPeekAtLastError(void)
{
    telu_shim_entry entry(false);

    return entry.error ? entry.error : last;
}

static const struct {
    cudaError_t e;
    const char *name, *words;
} words[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection",
     "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle",
     "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress",
     "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotPermitted, "cudaErrorNotPermitted", "operation not permitted"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not initiated in this stream"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
};

const char *cudaGetErrorName(cudaError_t e)
{
    for (const auto &w : words)
        if (w.e == e)
            return w.name;
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t e)
{
    for (const auto &w : words)
        if (w.e == e)
            return w.words;
    return "unrecognized error code";
}

int telu_shim_device(void)
{
    return current;
}

cudaError_t cudaGetDeviceCount(int *n)
{
    TELU_CALL;
    *n = shim.devices;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device)
{
    TELU_CALL;
    *device = current;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    TELU_CALL;
    if (device < 0 || device >= shim.devices)
        return telu_shim_last(cudaErrorInvalidDevice);
    current = device;
    return cudaSuccess;
}

cudaError_t cudaSetDeviceFlags(unsigned flags)
{
    TELU_CALL;
    return flags & ~7u ? telu_shim_last(cudaErrorInvalidValue) : cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
    TELU_CALL;
    if (device < 0 || device >= shim.devices)
        return telu_shim_last(cudaErrorInvalidDevice);
    *p = {};
    snprintf(p->name, sizeof(p->name), "CUDA on CPU");
    p->uuid.bytes[0] = (char)(device + 1);
    p->totalGlobalMem = shim.memory;
    p->sharedMemPerBlock = 49152;
    p->sharedMemPerBlockOptin = 232448;
    p->sharedMemPerMultiprocessor = 233472;
    p->reservedSharedMemPerBlock = 1024;
    p->totalConstMem = 65536;
    p->major = shim.major;
    p->multiProcessorCount = 4;
    p->warpSize = 32;
    p->maxThreadsPerBlock = 1024;
    p->maxThreadsPerMultiProcessor = 2048;
    p->maxBlocksPerMultiProcessor = 32;
    p->regsPerBlock = p->regsPerMultiprocessor = 65536;
    p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
    p->maxThreadsDim[2] = 64;
    p->maxGridSize[0] = 2147483647;
    p->maxGridSize[1] = p->maxGridSize[2] = 65535;
    p->l2CacheSize = 1 << 20;
    p->memoryBusWidth = 64;
    p->asyncEngineCount = 1;
    p->canMapHostMemory = p->unifiedAddressing = 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device)
{
    struct cudaDeviceProp p;
    cudaError_t e = cudaGetDeviceProperties(&p, device);

    if (e)
        return e;
    switch (attr) {
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = (int)p.sharedMemPerBlock; break;
    case cudaDevAttrWarpSize: *value = p.warpSize; break;
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = (int)p.sharedMemPerMultiprocessor;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = (int)p.sharedMemPerBlockOptin;
        break;
    }
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    telu_shim_entry entry(false);

    *version = shim.devices < 0 ? 0 : CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}
