/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residual.cu - see residual.h. */
#include "residual.h"

#include "elementwise.cuh"

struct residual_op {
    float *y;
    const float *x, *h, *s;
    unsigned C;                /* a quarter of it for float4 */

    __device__ void run(unsigned i) const
    {
        y[i] = x[i] + s[i % C] * h[i];
    }

    __device__ void run4(unsigned i) const
    {
        float4 a = load_float4(x, i), b = load_float4(h, i), k = load_float4(s, i % C);

        a.x = a.x + k.x * b.x;
        a.y = a.y + k.y * b.y;
        a.z = a.z + k.z * b.z;
        a.w = a.w + k.w * b.w;
        store_float4(y, i, a);
    }
};

int telu_residual_cuda(struct telu_ctx *ctx, float *y, const float *x, const float *h,
                       const float *s, int R, int C)
{
    int fours = C % 4 == 0 && float4_aligned(y, x, h, s);
    struct residual_op op = { y, x, h, s, (unsigned)(fours ? C / 4 : C) };

    return elementwise_run(ctx, op, (size_t)R * C, fours, "residual");
}
