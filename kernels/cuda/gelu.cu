/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu.cu - see gelu.h. Operations and order are the CPU's, and so are the bits. */
#include "gelu.h"

#include "elementwise.cuh"
#include "gelu.cuh"

struct gelu_op {
    float *y;
    const float *x;

    __device__ void run(unsigned i) const
    {
        y[i] = gelu(x[i]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = load_float4(x, i);

        store_float4(y, i, make_float4(gelu(v.x), gelu(v.y), gelu(v.z), gelu(v.w)));
    }
};

int telu_gelu_cuda(struct telu_ctx *ctx, float *y, const float *x, int n)
{
    struct gelu_op op = { y, x };

    return elementwise_run(ctx, op, n, n % 4 == 0 && float4_aligned(y, x), "gelu");
}
