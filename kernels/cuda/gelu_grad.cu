/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu_grad.cu - see gelu.h and gelu_grad.c. */
#include "gelu.h"

#include "approx.h"
#include "elementwise.cuh"

static __device__ inline float slope(float x)
{
    float x2 = x * x;
    float u = 0.79788456f * (x + 0.044715f * x2 * x);
    float du = 0.79788456f * (1.0f + 3.0f * 0.044715f * x2);
    float p = 1.0f / (1.0f + telu_exp(-2.0f * u));

    return p + 2.0f * x * p * (1.0f - p) * du;
}

struct gelu_grad_op {
    float *dx;
    const float *dy, *x;

    __device__ void run(unsigned i) const
    {
        dx[i] += dy[i] * slope(x[i]);
    }

    __device__ void run4(unsigned i) const
    {
        float4 v = load_float4(x, i), g = load_float4(dy, i), to = load_float4(dx, i);

        to.x += g.x * slope(v.x);
        to.y += g.y * slope(v.y);
        to.z += g.z * slope(v.z);
        to.w += g.w * slope(v.w);
        store_float4(dx, i, to);
    }
};

int telu_gelu_grad_cuda(struct telu_ctx *ctx, float *dx, const float *dy, const float *x,
                        int n)
{
    struct gelu_grad_op op = { dx, dy, x };

    return elementwise_run(ctx, op, n, n % 4 == 0 && float4_aligned(dx, dy, x), "gelu backward");
}
