/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head.cuh - head of one coefficient and its gradient, see head.h. */
#ifndef HEAD_CUH
#define HEAD_CUH

#include "approx.h"
#include "device.h"
#include "head.h"

static __device__ inline float head_scale(float s)
{
    float c = s > TELU_HEAD_LEAST ? s : TELU_HEAD_LEAST;

    return telu_exp(c < TELU_HEAD_MOST ? c : TELU_HEAD_MOST);
}

static __device__ inline float head(float v, float s)
{
    return v * head_scale(s);
}

/* As telu_head_grad(). */
static __device__ inline void head_grad(float *dv, float *ds, float dy, float v, float s)
{
    float e = head_scale(s), d = dy * (v * e);
    bool up = s > TELU_HEAD_LEAST || d < 0.0f, down = s < TELU_HEAD_MOST || d > 0.0f;

    *dv = dy * e;
    *ds = up && down ? d : 0.0f;
}

#endif
