/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compand.cu - see compand.h. Each coefficient is read once for both halves. */
#include "compand.h"

#include "approx.h"
#include "elementwise.cuh"

static __device__ inline float root(float x)
{
    float sign = (float)((x > 0.0f) - (x < 0.0f));

    return 3.0f * sign * sqrtf(fabsf(x) + 1e-6f);
}

static __device__ inline float level(float x)
{
    return 0.2f * telu_log(fabsf(x) + 1e-4f) + 1.0f;
}

struct compand_op {
    float *y;
    const float *x;

    __device__ void run(unsigned i) const
    {
        size_t to = (size_t)(i / TELU_COEFS) * TELU_FEATURES + i % TELU_COEFS;

        y[to] = root(x[i]);
        y[to + TELU_COEFS] = level(x[i]);
    }

    __device__ void run4(unsigned i) const
    {
        const unsigned row = TELU_COEFS / 4;
        float4 v = load_float4(x, i);
        unsigned to = i / row * (2 * row) + i % row;

        store_float4(y, to, make_float4(root(v.x), root(v.y), root(v.z), root(v.w)));
        store_float4(y, to + row, make_float4(level(v.x), level(v.y), level(v.z),
                                              level(v.w)));
    }
};

int telu_compand_cuda(struct telu_ctx *ctx, float *y, const float *x, int R)
{
    struct compand_op op = { y, x };

    return elementwise_run(ctx, op, (size_t)R * TELU_COEFS, float4_aligned(y, x), "compand");
}
