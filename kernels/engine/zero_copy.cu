/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* zero_copy.cu - a small question, read by the device from the host's pinned memory: sooner
 * there than by a copy, which another part of the device makes and the kernels wait for.
 */
#include "elementwise.cuh"
#include "live.h"

struct fetch_op {
    float *to;
    const float *from;

    __device__ void run(unsigned i) const
    {
        to[i] = from[i];
    }

    __device__ void run4(unsigned i) const
    {
        each_store(to, i, each_load(from, i));
    }
};

int telu_live_zero_copy(struct telu_ctx *ctx, const struct telu_live *l, const char *from,
                    size_t bytes)
{
    struct fetch_op op = { (float *)l->request, (const float *)from };

    return each_run(ctx, op, bytes / sizeof(float), 1, "a question");
}
