/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_shim.cpp - checks that the shim behaves like CUDA: warps, streams, events, graphs,
 * memory and its limits; and checks the controls of shim.h. */
#include "must.h"
#include "samples.h"
#include "shim.h"

#include <cuda_bf16.h>
#include <string.h>

#include <thread>
#include <vector>

template <class T> static T *make(int n)
{
    T *p = nullptr;

    MUST(cudaMalloc(&p, n * sizeof(T)) == cudaSuccess);
    return p;
}

template <class T> static std::vector<T> take(const T *p, int n)
{
    std::vector<T> x((size_t)n);

    MUST(cudaMemcpy(x.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return x;
}

static void warps(void)
{
    enum { N = 64 };
    int *y = make<int>(5 * N);

    sample_warps(y, N, 0);
    std::vector<int> got = take(y, 5 * N);

    for (int i = 0; i < N; i++) {
        int lane = i % 32, w = i - lane, third = 0;

        for (int j = 0; j < 32; j++)
            third |= (int)((unsigned)((w + j) % 3 == 0) << j);
        MUST(got[5 * i] == 3 * (w + 7));
        MUST(got[5 * i + 1] == 3 * (lane < 2 ? i : i - 2));
        MUST(got[5 * i + 2] == 3 * (lane % 8 < 4 ? i + 4 : i));
        MUST(got[5 * i + 3] == third);
        /* the lower half may have ended, depending on the order */
        MUST(lane < 16 ? got[5 * i + 4] == 1 + 2 * (w == 0) : got[5 * i + 4] >= 1);
    }
    sample_votes(y, dim3(5, 3, 2), 7, 0);
    got = take(y, 90);
    for (int i = 0; i < 30; i++)
        MUST(got[3 * i] == 7 && got[3 * i + 1] == 0 && got[3 * i + 2] == 1);
    MUST(cudaFree(y) == cudaSuccess);
}

static void memory(void)
{
    float *y = make<float>(4), values[4] = {1, 2, 3, 4}, *more = nullptr;
    struct telu_shim_counts c;

    MUST(take(y, 4)[2] != take(y, 4)[2]);              /* NaN */
    sample_look_up(y, values, 0);
    MUST(!memcmp(take(y, 4).data(), values, sizeof(values)));
    sample_fresh(y, 2, 64, 0);
    for (float f : take(y, 4))
        MUST(f != f);
    sample_fresh(y, 1, 60000, 0);
    MUST(cudaGetLastError() == cudaErrorInvalidValue && cudaGetLastError() == cudaSuccess);
    MUST(sample_fresh_may(232449) == cudaErrorInvalidValue && sample_fresh_may(60000) == 0);
    cudaGetLastError();
    sample_fresh(y, 1, 60000, 0);
    MUST(cudaGetLastError() == cudaSuccess);

    telu_shim_reset();
    MUST(cudaMemcpy(y, values, 20, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
    MUST(cudaMemcpy(values, values, 4, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
    MUST(cudaMemset(values, 0, 4) == cudaErrorInvalidValue);
    MUST(telu_shim_text()[0]);
    sample_add(y, values, 1.0f, 32, 0);
    MUST(cudaGetLastError() == cudaErrorIllegalAddress);       /* the host's array */
    MUST(cudaMalloc(&more, 4) == cudaErrorIllegalAddress);     /* later calls fail too */
    telu_shim_reset();

    telu_shim_count(&c);
    telu_shim_set_memory((size_t)c.alive + 64);
    MUST(cudaMalloc(&more, 65) == cudaErrorMemoryAllocation && !more);
    MUST(cudaMalloc(&more, 64) == cudaSuccess && cudaFree(more) == cudaSuccess);
    telu_shim_set_memory((size_t)1 << 30);
    MUST(cudaFree(more) == cudaErrorInvalidValue);             /* twice */
    telu_shim_reset();
    MUST(cudaFree(y) == cudaSuccess);
}

/* The second stream uses the result of the first, and waits for it if `wait`. */
static float chain(float *x, float *y, float *pinned, bool wait)
{
    cudaStream_t a, b;
    cudaEvent_t e;

    MUST(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking) == cudaSuccess);
    MUST(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking) == cudaSuccess);
    MUST(cudaEventCreateWithFlags(&e, cudaEventDisableTiming) == cudaSuccess);
    MUST(cudaMemset(x, 0, 128) == cudaSuccess && cudaMemset(y, 0, 128) == cudaSuccess);
    MUST(cudaDeviceSynchronize() == cudaSuccess);
    sample_add(x, x, 1.0f, 32, a);
    MUST(cudaEventRecord(e, a) == cudaSuccess);
    if (wait)
        MUST(cudaStreamWaitEvent(b, e) == cudaSuccess);
    sample_add(y, x, 1.0f, 32, b);
    MUST(cudaMemcpyAsync(pinned, y, 128, cudaMemcpyDeviceToHost, b) == cudaSuccess);
    MUST(cudaStreamSynchronize(b) == cudaSuccess);
    float got = pinned[9];

    while (cudaEventQuery(e) == cudaErrorNotReady)
        ;
    MUST(cudaEventQuery(e) == cudaSuccess);
    MUST(cudaStreamDestroy(a) == cudaSuccess && cudaStreamDestroy(b) == cudaSuccess);
    MUST(cudaEventDestroy(e) == cudaSuccess);
    return got;
}

static void streams(void)
{
    float *x = make<float>(32), *y = make<float>(32), *pinned = nullptr;

    MUST(cudaMallocHost(&pinned, 128) == cudaSuccess);
    MUST(chain(x, y, pinned, true) == 2.0f);
    telu_shim_set_lazy(1);
    MUST(chain(x, y, pinned, true) == 2.0f);
    MUST(chain(x, y, pinned, false) == 1.0f);          /* a missing wait shows */

    cudaStream_t s;

    MUST(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking) == cudaSuccess);
    pinned[0] = -1.0f;
    MUST(cudaMemsetAsync(x, 0, 128, s) == cudaSuccess);
    MUST(cudaMemcpyAsync(pinned, x, 4, cudaMemcpyDeviceToHost, s) == cudaSuccess);
    MUST(pinned[0] == -1.0f);
    MUST(cudaStreamQuery(s) == cudaErrorNotReady);
    MUST(cudaStreamSynchronize(s) == cudaSuccess && pinned[0] == 0.0f);
    MUST(cudaLaunchHostFunc(s, [](void *p) { *(float *)p = 5.0f; }, pinned) == cudaSuccess);
    MUST(pinned[0] == 0.0f && cudaStreamSynchronize(s) == cudaSuccess && pinned[0] == 5.0f);
    MUST(cudaStreamDestroy(s) == cudaSuccess);
    telu_shim_set_lazy(0);
    MUST(cudaFreeHost(pinned) == cudaSuccess);
    MUST(cudaFree(x) == cudaSuccess && cudaFree(y) == cudaSuccess);
}

/* Captures a graph of two streams: x + by + 10. */
static cudaGraphExec_t capture(float *x, float *y, float by, cudaStream_t a, cudaStream_t b,
                               bool join)
{
    cudaEvent_t e = nullptr, f = nullptr;
    cudaGraph_t g;
    cudaGraphExec_t exec = nullptr;

    MUST(cudaEventCreate(&e) == cudaSuccess && cudaEventCreate(&f) == cudaSuccess);
    MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    sample_add(y, x, by, 32, a);
    MUST(cudaEventRecord(e, a) == cudaSuccess);
    MUST(cudaStreamWaitEvent(b, e) == cudaSuccess);
    by = 10.0f;
    sample_add(y, y, by, 32, b);
    MUST(cudaEventRecord(f, b) == cudaSuccess);
    if (join)
        MUST(cudaStreamWaitEvent(a, f) == cudaSuccess);
    MUST(cudaStreamEndCapture(a, &g) ==
         (join ? cudaSuccess : cudaErrorStreamCaptureUnjoined));
    if (g) {
        MUST(cudaGraphInstantiate(&exec, g) == cudaSuccess);
        MUST(cudaGraphDestroy(g) == cudaSuccess);
    }
    MUST(cudaEventDestroy(e) == cudaSuccess && cudaEventDestroy(f) == cudaSuccess);
    return exec;
}

static void graphs(void)
{
    float *x = make<float>(32), *y = make<float>(32), *more = nullptr;
    cudaStream_t a = nullptr, b = nullptr;
    cudaGraph_t g;
    struct telu_shim_counts c;

    MUST(cudaStreamCreate(&a) == cudaSuccess && cudaStreamCreate(&b) == cudaSuccess);
    MUST(cudaMemset(x, 0, 128) == cudaSuccess && cudaMemset(y, 0, 128) == cudaSuccess);
    telu_shim_reset();
    cudaGraphExec_t exec = capture(x, y, 3.0f, a, b, true);

    MUST(take(y, 32)[4] == 0.0f);                      /* not yet */
    for (int i = 0; i < 3; i++)
        MUST(cudaGraphLaunch(exec, a) == cudaSuccess);
    MUST(cudaStreamSynchronize(a) == cudaSuccess && take(y, 32)[4] == 13.0f);
    telu_shim_count(&c);
    MUST(c.launches == 0 && c.graph_launches == 3 && c.graph_kernels == 6 && c.graphs == 1);
    MUST(c.allocations == 0 && c.copies == 2 && c.waits == 3);
    MUST(cudaGraphExecDestroy(exec) == cudaSuccess);

    MUST(capture(x, y, 3.0f, a, b, false) == nullptr);
    MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal) == cudaSuccess);
    std::thread([] { MUST(cudaDeviceSynchronize() == cudaErrorStreamCaptureUnsupported); }).join();
    MUST(cudaStreamEndCapture(a, &g) == cudaErrorStreamCaptureInvalidated && !g);
    MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    std::thread([] { MUST(cudaDeviceSynchronize() == cudaSuccess); }).join();
    MUST(cudaMalloc(&more, 4) == cudaErrorStreamCaptureUnsupported);
    MUST(cudaStreamEndCapture(a, &g) == cudaErrorStreamCaptureInvalidated && !g);
    telu_shim_reset();
    MUST(cudaStreamDestroy(a) == cudaSuccess && cudaStreamDestroy(b) == cudaSuccess);
    MUST(cudaFree(x) == cudaSuccess && cudaFree(y) == cudaSuccess);
}

static void faults(void)
{
    float *x = make<float>(32);
    int n = -1;

    MUST(cudaMemset(x, 0, 128) == cudaSuccess);
    telu_shim_fault_after(2);
    for (int i = 0; i < 3; i++) {
        sample_add(x, x, 1.0f, 32, 0);
        MUST(cudaGetLastError() == (i < 2 ? cudaSuccess : cudaErrorIllegalAddress));
    }
    MUST(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
    MUST(cudaPeekAtLastError() == cudaErrorIllegalAddress);
    telu_shim_reset();
    MUST(cudaDeviceSynchronize() == cudaSuccess && take(x, 32)[3] == 2.0f);
    MUST(cudaFree(x) == cudaSuccess);

    telu_shim_set_devices(0);
    MUST(cudaGetDeviceCount(&n) == cudaErrorNoDevice);
    telu_shim_set_devices(-1);
    MUST(cudaGetDeviceCount(&n) == cudaErrorInsufficientDriver);
    telu_shim_set_devices(2);
    MUST(cudaGetDeviceCount(&n) == cudaSuccess && n == 2);
    MUST(cudaSetDevice(2) == cudaErrorInvalidDevice && cudaSetDevice(1) == cudaSuccess);
    std::thread([] { int d = -1; MUST(cudaGetDevice(&d) == cudaSuccess && d == 0); }).join();
    MUST(cudaSetDevice(0) == cudaSuccess);
    telu_shim_set_devices(1);
    cudaGetLastError();
}

static void numbers(void)
{
    MUST((float)__nv_bfloat16(1.00390625f) == 1.0f);           /* a tie: to even */
    MUST((float)__nv_bfloat16(1.01171875f) == 1.015625f);
    MUST(__float2int_rn(2.5f) == 2 && __float2int_rn(3e9f) == 2147483647);
    MUST(__float2int_rz(-1.9f) == -1 && __float2int_rn(NAN) == 0);
    MUST(__clz(0) == 32 && __clz(1) == 31 && __ffs(8) == 4 && __brev(1) == 0x80000000u);
    MUST(__umulhi(0x80000000u, 6) == 3 && __funnelshift_l(0x80000000u, 1, 1) == 3);
    MUST(__dp2a_lo(0x0003fffe, 0x05f00480, 100) == 100 - 2 * -128 + 3 * 4);    /* q -2, 3 */
    MUST(__dp2a_hi(0x0003fffe, 0x05f00480, 100) == 100 - 2 * -16 + 3 * 5);
    MUST(min(1.0f, NAN) == 1.0f && max(3, 4) == 4);
}

int main(void)
{
    warps();
    memory();
    streams();
    graphs();
    faults();
    numbers();
    printf("test_shim: %d failures\n", failures);
    return failures != 0;
}
