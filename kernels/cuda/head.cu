/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head.cu - see head.h. */
#include "head.h"

#include "elementwise.cuh"
#include "head.cuh"

struct head_op {
    float *y;
    const float *v, *s;

    __device__ void run(unsigned i) const
    {
        y[i] = head(v[i], s[i]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 a = load_float4(v, i), b = load_float4(s, i);

        store_float4(y, i, make_float4(head(a.x, b.x), head(a.y, b.y), head(a.z, b.z),
                                       head(a.w, b.w)));
    }
};

int telu_head_cuda(struct telu_ctx *ctx, float *y, const float *v, const float *s, int n)
{
    struct head_op op = { y, v, s };

    return elementwise_run(ctx, op, n, n % 4 == 0 && float4_aligned(y, v, s), "head");
}
