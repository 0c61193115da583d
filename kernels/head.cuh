/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* head.cuh - the head of one coefficient, see head.h. */
#ifndef HEAD_CUH
#define HEAD_CUH

#include "approx.h"
#include "device.h"
#include "head.h"

static __device__ inline float head(float v, float s)
{
    float c = s > TELU_HEAD_LEAST ? s : TELU_HEAD_LEAST;

    return v * telu_exp(c < TELU_HEAD_MOST ? c : TELU_HEAD_MOST);
}

/* Of d, the gradient of s inside the clamp, what passes (head_grad.c). */
static __device__ inline float head_open(float s, float d)
{
    bool up = s > TELU_HEAD_LEAST || d < 0.0f, down = s < TELU_HEAD_MOST || d > 0.0f;

    return up && down ? d : 0.0f;
}

#endif
