/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu.cuh - see gelu.h: one element. The CPU's operations in its order: its bits. */
#ifndef GELU_CUH
#define GELU_CUH

#include "approx.h"

static __device__ inline float gelu(float x)
{
    float u = 0.79788456f * (x + 0.044715f * x * x * x);

    return x / (1.0f + telu_exp(-2.0f * u));
}

#endif
