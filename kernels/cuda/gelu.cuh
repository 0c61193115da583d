/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gelu.cuh - gelu of one element, see gelu.h. Operations and order are the CPU's, and so are the
 * bits. */
#ifndef GELU_CUH
#define GELU_CUH

#include "approx.h"

static __device__ inline float gelu(float x)
{
    float u = 0.79788456f * (x + 0.044715f * x * x * x);

    return x / (1.0f + telu_exp(-2.0f * u));
}

#endif
