/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head_grad.cu - see head.h and head_grad.c. */
#include "head.h"

#include "elementwise.cuh"
#include "head.cuh"

struct head_grad_op {
    float *dv, *ds;
    const float *dy, *v, *s;

    __device__ void run(unsigned i) const
    {
        float a, b;

        head_grad(&a, &b, dy[i], v[i], s[i]);
        dv[i] = a;
        ds[i] = b;
    }

    __device__ void run4(unsigned i) const
    {
        float4 g = load_float4(dy, i), x = load_float4(v, i), t = load_float4(s, i), a, b;

        head_grad(&a.x, &b.x, g.x, x.x, t.x);
        head_grad(&a.y, &b.y, g.y, x.y, t.y);
        head_grad(&a.z, &b.z, g.z, x.z, t.z);
        head_grad(&a.w, &b.w, g.w, x.w, t.w);
        store_float4(dv, i, a);
        store_float4(ds, i, b);
    }
};

int telu_head_grad_cuda(struct telu_ctx *ctx, float *dv, float *ds, const float *dy,
                        const float *v, const float *s, int n)
{
    struct head_grad_op op = { dv, ds, dy, v, s };

    return elementwise_run(ctx, op, n, n % 4 == 0 && float4_aligned(dv, ds, dy, v, s),
                           "head backward");
}
