/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* adamw.cu - see adamw.h: the device decides the norm, the clipping, and whether the step
 * is taken. */
#include "gpu.cuh"

#include <math.h>

/* Adds up the blocks' sums of vectors' gradients, see columns.cuh. */
static __global__ void gather_columns(float *grad, const float *part, const int *to,
                                      int parts, int columns)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0.0f;

    if (i >= columns)
        return;
    #pragma unroll 16
    for (int p = 0; p < parts; p++)
        sum += part[(size_t)p * columns + i];
    grad[to[i]] = sum;
}

/* squares[block] becomes the sum of squares of this block's share of the gradient. */
static __global__ void square(double *squares, const float *grad, size_t n, float share)
{
    __shared__ double scratch[GPU_WARPS];
    double sum = 0.0;

    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n;
         i += (size_t)gridDim.x * blockDim.x) {
        float g = grad[i] * share;

        sum += (double)(g * g);
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0)
        squares[blockIdx.x] = sum;
}

static __global__ void decide(struct gpu_state *state, const double *squares, int n)
{
    __shared__ double scratch[GPU_WARPS];
    double norm = sqrt(block_sum((int)threadIdx.x < n ? squares[threadIdx.x] : 0.0,
                                 scratch));

    if (threadIdx.x)
        return;
    state->norm = norm;
    if (!isfinite(norm)) {
        state->skipped++;
        state->scale = 0.0f;
        return;
    }
    state->adam_step++;
    state->scale = norm > GRADIENT_CLIP ? (float)(GRADIENT_CLIP / norm) : 1.0f;
    state->c1 = (float)(1.0 / (1.0 - pow((double)ADAM_BETA1, (double)state->adam_step)));
    state->c2 = (float)(1.0 / (1.0 - pow((double)ADAM_BETA2, (double)state->adam_step)));
}

/* Each block updates one tile (first, count, decay) of one tensor. */
static __global__ void update(float *w, float *m, float *v, struct bf16 *half,
                              const float *grad, const int4 *tiles,
                              const struct gpu_state *state,
                              const struct gpu_order *order, float share)
{
    int4 tile = tiles[blockIdx.x];
    float scale = state->scale, c1 = state->c1, c2 = state->c2, lr = order->rate;
    float decay = tile.z ? WEIGHT_DECAY : 0.0f;

    if (scale == 0.0f)
        return;
    for (int k = threadIdx.x; k < tile.y; k += blockDim.x) {
        size_t i = (size_t)tile.x + k;
        float d = grad[i] * share * scale, a, b, now = w[i];

        m[i] = a = ADAM_BETA1 * m[i] + (1.0f - ADAM_BETA1) * d;
        v[i] = b = ADAM_BETA2 * v[i] + (1.0f - ADAM_BETA2) * d * d;
        w[i] = now -= lr * (a * c1 / (sqrtf(b * c2) + ADAM_EPS) + decay * now);
        if (half)
            set(half, i, now);
    }
}

static __global__ void round_all(struct bf16 *half, const float *w, size_t n)
{
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n)
        set(half, i, w[i]);
}

int gpu_halves(struct training *t)
{
    if (!t->half)
        return 0;
    TELU_LAUNCH(round_all, gpu_blocks(t->count.weights, GPU_THREADS), GPU_THREADS, 0,
                t->cuda.stream, t->half, t->value, t->count.weights);
    return telu_cuda_launched("training, weights as bf16");
}

int gpu_adamw(struct training *t)
{
    cudaStream_t stream = t->cuda.stream;
    float share = 1.0f / (float)t->ranks;

    TELU_LAUNCH(gather_columns, gpu_blocks(t->columns, GPU_THREADS), GPU_THREADS, 0,
                stream, t->grad, t->part, t->column_to, t->parts, t->columns);
    if (telu_cuda_launched("training, gradients of vectors") ||
        gpu_reduce(t, t->grad, t->count.weights))
        return -1;
    TELU_LAUNCH(square, GPU_THREADS, GPU_THREADS, 0, stream, t->squares, t->grad,
                t->count.weights, share);
    TELU_LAUNCH(decide, 1, GPU_THREADS, 0, stream, t->state, t->squares, GPU_THREADS);
    TELU_LAUNCH(update, t->tile_count, GPU_THREADS, 0, stream, t->value, t->m, t->v,
                t->half, t->grad, t->tiles, t->state, t->order, share);
    return telu_cuda_launched("training, AdamW");
}
