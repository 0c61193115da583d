/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head_grad.cu - see head.h and head_grad.c. */
#include "head.h"

#include "approx.h"
#include "each.cuh"
#include "head.cuh"

static __device__ inline void back(float *dv, float *ds, float g, float v, float s)
{
    float c = s > TELU_HEAD_LEAST ? s : TELU_HEAD_LEAST;
    float e = telu_exp(c < TELU_HEAD_MOST ? c : TELU_HEAD_MOST);

    *dv = g * e;
    *ds = head_open(s, g * (v * e));
}

struct head_grad_op {
    float *dv, *ds;
    const float *dy, *v, *s;

    __device__ void run(unsigned i) const
    {
        float a, b;

        back(&a, &b, dy[i], v[i], s[i]);
        dv[i] = a;
        ds[i] = b;
    }

    __device__ void run4(unsigned i) const
    {
        float4 g = each_load(dy, i), x = each_load(v, i), t = each_load(s, i), a, b;

        back(&a.x, &b.x, g.x, x.x, t.x);
        back(&a.y, &b.y, g.y, x.y, t.y);
        back(&a.z, &b.z, g.z, x.z, t.z);
        back(&a.w, &b.w, g.w, x.w, t.w);
        each_store(dv, i, a);
        each_store(ds, i, b);
    }
};

int telu_head_grad_cuda(struct telu_ctx *ctx, float *dv, float *ds, const float *dy,
                        const float *v, const float *s, int n)
{
    struct head_grad_op op = { dv, ds, dy, v, s };

    return each_run(ctx, op, n, n % 4 == 0 && each_aligned(dv, ds, dy, v, s),
                    "head backward");
}
