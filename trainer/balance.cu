/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balance.cu - see balance.h. */
#include "columns.cuh"

#include <math.h>

#define DECAY 0.99             /* as in balance.c, like the two tables */

struct terms {
    double share[GPU_TERMS], weight[GPU_TERMS];
    const float *g[GPU_TERMS];
};

/* An item to a block: the length of each gradient times the item's level. size (3, B) */
static __global__ void measure(const struct terms all, double *size, const float *x,
                               int samples, int stride)
{
    __shared__ double room[GPU_THREADS];
    int b = blockIdx.x, B = gridDim.x;
    size_t at = (size_t)b * stride;
    double level = 0.0;

    for (int i = threadIdx.x; i < samples; i += blockDim.x)
        level += (double)x[at + i] * x[at + i];
    level = sqrt(block_sum(level, room));
    for (int j = 0; j < GPU_TERMS; j++) {
        double sum = 0.0;

        for (int i = threadIdx.x; i < samples; i += blockDim.x)
            sum += (double)all.g[j][at + i] * all.g[j][at + i];
        sum = sqrt(block_sum(sum, room));
        if (threadIdx.x == 0)
            size[(size_t)j * B + b] = sum * level / B;
    }
}

static __global__ void average(struct gpu_state *state, const double *size, int B)
{
    __shared__ double room[GPU_THREADS];

    for (int j = 0; j < GPU_TERMS; j++) {
        double sum = 0.0;

        for (int b = threadIdx.x; b < B; b += blockDim.x)
            sum += size[(size_t)j * B + b];
        sum = block_sum(sum, room);
        if (threadIdx.x == 0)
            state->mean[j] = (float)sum;
    }
}

static __global__ void weigh(const struct terms all, struct gpu_state *state, int ranks)
{
    double size = 0.0, *norm = state->balance;

    for (int j = 0; j < GPU_TERMS; j++) {
        double mean = (double)state->mean[j] / ranks / ranks;

        if (isfinite(mean))
            norm[j] = norm[j] > 0.0 ? DECAY * norm[j] + (1.0 - DECAY) * mean : mean;
        size += all.weight[j] * norm[j];
    }
    for (int j = 0; j < GPU_TERMS; j++)
        state->share[j] = (float)(all.share[j] * size / (norm[j] + 1e-12));
}

/* g[0] becomes the weighted sum; c is the place in an item of C samples. */
struct mix {
    float *g;
    const float *cpx, *wave;
    const struct gpu_state *state;
    int C, stride;

    __device__ void operator()(size_t i, int c)
    {
        size_t at = i / (unsigned)C * stride + c;
        const float *k = state->share;

        g[at] = k[0] * g[at] + k[1] * cpx[at] + k[2] * wave[at];
    }
};

int gpu_balance(struct training *t)
{
    cudaStream_t stream = t->cuda.stream;
    const struct terms all = { { 0.50, 0.485, 0.015 }, { 1.0, 6.0, 1.0 },
                               { t->gl[0] + GPU_LEAD, t->gl[1] + GPU_LEAD,
                                 t->gl[2] + GPU_LEAD } };
    mix op = { t->gl[0] + GPU_LEAD, all.g[1], all.g[2], t->state, t->samples,
               t->stride };

    TELU_LAUNCH(measure, t->B, GPU_THREADS, 0, stream, all, t->size_item,
                t->x + GPU_LEAD, t->samples, t->stride);
    TELU_LAUNCH(average, 1, GPU_THREADS, 0, stream, t->state, t->size_item, t->B);
    if (telu_cuda_launched("training, sizes of the gradients") ||
        gpu_reduce(t, t->state->mean, GPU_TERMS))
        return -1;
    TELU_LAUNCH(weigh, 1, 1, 0, stream, all, t->state, t->ranks);
    if (telu_cuda_launched("training, balance"))
        return -1;
    return each_run(t, op, (size_t)t->B * t->samples, t->samples, "training, balance");
}
