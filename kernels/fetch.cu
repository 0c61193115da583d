/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fetch.cu - a small question, read by the device from the host's pinned memory: sooner
 * there than by a copy, which another part of the device makes and the kernels wait for.
 */
#include "device.h"
#include "live.h"

#define THREADS 128

static __global__ void __launch_bounds__(THREADS) fetch(int4 *to, const int4 *from, int n)
{
    int i = blockIdx.x * THREADS + threadIdx.x;

    if (i < n)
        to[i] = from[i];
}

int telu_live_fetch(struct telu_ctx *ctx, const struct telu_live *l, const char *from,
                    size_t bytes)
{
    const struct telu_cuda *cuda = telu_cuda_of(ctx);
    int n = (int)(bytes / sizeof(int4));

    if (!cuda)
        return -1;
    TELU_LAUNCH(fetch, (n + THREADS - 1) / THREADS, THREADS, 0, cuda->stream,
                (int4 *)l->question, (const int4 *)from, n);
    return telu_cuda_launched("a question");
}
