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

#endif
