/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_planted.cpp - checks that the shim finds a race, a write out of bounds and a missing
 * barrier, and accepts the same kernels without the mistake.
 *
 * An argument selects one mistake, with which the process must fail. */
#include "must.h"
#include "planted.h"
#include "shim.h"

#include <string.h>

#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { N = 64, BLOCKS = 3 };

static float *make(int n)
{
    float *p = nullptr;

    MUST(cudaMalloc(&p, n * sizeof(float)) == cudaSuccess);
    return p;
}

static std::vector<float> take(const float *p, int n)
{
    std::vector<float> x((size_t)n);

    MUST(cudaMemcpy(x.data(), p, n * sizeof(float), cudaMemcpyDeviceToHost) == cudaSuccess);
    return x;
}

/* Returns the bits of the result in that order. */
static std::vector<float> race(const char *order, bool of_blocks, int planted)
{
    int n = of_blocks ? 1 : N * BLOCKS;
    float *x = make(N * BLOCKS), *y = make(n);
    std::vector<float> in(N * BLOCKS);

    for (size_t i = 0; i < in.size(); i++)
        in[i] = (float)i;
    MUST(cudaMemcpy(x, in.data(), in.size() * sizeof(float), cudaMemcpyHostToDevice) == 0);
    MUST(telu_shim_set_order(order) == 0);
    MUST((of_blocks ? planted_race_of_blocks(y, BLOCKS, planted)
                      : planted_race(y, x, BLOCKS, planted)) == 0);
    std::vector<float> out = take(y, n);

    MUST(cudaFree(x) == 0 && cudaFree(y) == 0);
    return out;
}

static bool same(const std::vector<float> &a, const std::vector<float> &b)
{
    return !memcmp(a.data(), b.data(), a.size() * sizeof(float));
}

static void races(void)
{
    for (int of_blocks = 0; of_blocks < 2; of_blocks++)
        for (int planted = 0; planted < 2; planted++) {
            std::vector<float> f = race("forward", of_blocks, planted);
            bool all = same(f, race("reverse", of_blocks, planted)) &&
                       same(f, race("shuffle:1", of_blocks, planted)) &&
                       same(f, race("shuffle:2", of_blocks, planted));

            MUST(all == !planted);
            if (!planted)
                MUST(f[0] == (of_blocks ? (float)(BLOCKS - 1) : (float)(N - 1)));
        }
    MUST(telu_shim_set_order("forward") == 0 && telu_shim_set_order("shuffle:") == -1);
}

/* Checks that the fault is found and described, and the device fails until the reset. */
static void found(const char *words)
{
    MUST(strstr(telu_shim_text(), words) != nullptr);
    MUST(cudaDeviceSynchronize() != cudaSuccess);
    telu_shim_reset();
    MUST(cudaDeviceSynchronize() == cudaSuccess);
}

static void beyond(void)
{
    float *y = make(N);

    MUST(planted_beyond(y, N, 0) == 0 && cudaDeviceSynchronize() == cudaSuccess);
    MUST(planted_beyond_shared(y, N, 0) == 0 && take(y, N)[N - 1] == N - 1);
    if (!SANITIZED) {
        MUST(planted_beyond(y, N, 1) == 0);
        MUST(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
        found("behind 256 bytes of device memory");
        MUST(planted_beyond_shared(y, N, 1) == cudaErrorIllegalAddress);
        found("dynamic shared memory");
    }
    MUST(cudaFree(y) == 0);
}

static void missing(void)
{
    static const char *const orders[] = {"forward", "reverse", "shuffle:3"};
    float *y = make(N);

    for (const char *order : orders) {
        MUST(telu_shim_set_order(order) == 0);
        MUST(planted_missing(y, N, 0) == 0 && take(y, N)[N - 1] == 32.0f);
        MUST(planted_missing(y, N, 1) == cudaErrorLaunchFailure);
        found("some have left the kernel");
        MUST(planted_missing(y, N, 2) == cudaErrorLaunchFailure);
        found("wait at another one");
        MUST(planted_missing(y, N, 3) == cudaErrorLaunchFailure);
        found("not every thread of its mask");
        MUST(planted_missing(y, N, 0) == 0 && take(y, N)[0] == 32.0f);
    }
    MUST(cudaFree(y) == 0);
}

/* One mistake that ends the process. */
static int mistake(const char *what)
{
    float *y = make(N);
    int e = !strcmp(what, "beyond") ? planted_beyond(y, N, 1) :
            !strcmp(what, "beyond_shared") ? planted_beyond_shared(y, N, 1) :
                                             planted_beyond_array(y, 1);

    cudaDeviceSynchronize();
    return e;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        if (!strcmp(argv[1], "beyond_array") && !SANITIZED)
            return 77;
        return mistake(argv[1]);
    }
    races();
    beyond();
    missing();
    return failures != 0;
}
