/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ltpf.cu - see ltpf.h; one block per packet. */
#include "ltpf.cuh"

static __global__ void __launch_bounds__(LTPF_THREADS) ltpf(float *y, float *g, const float *u)
{
    __shared__ __align__(16) struct ltpf_scratch s;

    u += (size_t)blockIdx.x * TELU_LTPF_SPAN;
    for (int i = threadIdx.x; i < TELU_LTPF_SPAN; i += LTPF_THREADS)
        s.u[i] = u[i];
    __syncthreads();
    predict(y + (size_t)blockIdx.x * 4 * TELU_HOP, g + 2 * (size_t)blockIdx.x, &s);
}

int telu_ltpf_cuda(struct telu_ctx *ctx, float *y, float *g, const float *u, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(ltpf, B, LTPF_THREADS, 0, cuda->stream, y, g, u);
    return telu_cuda_launched("ltpf");
}
