/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* zero_copy.cu - reads a small request from pinned host memory by a kernel. The copy engine would
 * take longer, because kernels wait for it.
 */
#include "elementwise.cuh"
#include "live.h"

struct zero_copy_op {
    float *to;
    const float *from;

    __device__ void run(unsigned i) const
    {
        to[i] = from[i];
    }

    __device__ void run4(unsigned i) const
    {
        store_float4(to, i, load_float4(from, i));
    }
};

int telu_live_zero_copy(struct telu_ctx *ctx, const struct telu_live *l, const char *from,
                        size_t bytes)
{
    struct zero_copy_op op = { (float *)l->request, (const float *)from };

    return elementwise_run(ctx, op, bytes / sizeof(float), 1, "a request");
}
