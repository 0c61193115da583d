/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balance.cu - see balance.h. A thread takes four samples at a time, as in loss.cu. */
#include "pack.cuh"

#include <math.h>

#define AVERAGERS 1024         /* threads of the only block that averages */

struct terms {
    double share[BALANCE_TERMS], weight[BALANCE_TERMS];
    const float *g[BALANCE_TERMS];
};

/* part (3, B, pieces) receives the sum of squares of each gradient over each piece of an
 * item. */
static __global__ void measure(const struct terms all, double *part, int pieces,
                               int samples, int stride)
{
    __shared__ double scratch[GPU_WARPS];
    struct piece p = piece_of(pieces, samples);
    size_t at = (size_t)p.b * stride;
    double sum[BALANCE_TERMS] = {};

    for (int i = p.first + 4 * threadIdx.x; i < p.end; i += 4 * blockDim.x) {
        float g[BALANCE_TERMS][4];

        #pragma unroll
        for (int j = 0; j < BALANCE_TERMS; j++)
            load(g[j], all.g[j] + at + i);
        #pragma unroll
        for (int j = 0; j < BALANCE_TERMS; j++)
            #pragma unroll
            for (int v = 0; v < 4; v++)
                sum[j] += (double)g[j][v] * g[j][v];
    }
    #pragma unroll
    for (int j = 0; j < BALANCE_TERMS; j++) {
        double whole = block_sum(sum[j], scratch);

        if (threadIdx.x == 0)
            part[(size_t)j * gridDim.x + blockIdx.x] = whole;
    }
}

/* Averages, over the items, each gradient's length times the item's level. energy (B,
 * pieces): sums of the squares of x, from loss.cu. */
static __global__ void __launch_bounds__(AVERAGERS)
average(struct gpu_state *state, const double *part, const double *energy, int B,
        int pieces)
{
    __shared__ double scratch[AVERAGERS / 32];
    double sum[BALANCE_TERMS] = {};

    for (int b = threadIdx.x; b < B; b += blockDim.x) {
        double level = 0.0, square[BALANCE_TERMS] = {};

        for (int k = 0; k < pieces; k++) {
            size_t at = (size_t)b * pieces + k;

            level += energy[at];
            #pragma unroll
            for (int j = 0; j < BALANCE_TERMS; j++)
                square[j] += part[(size_t)j * B * pieces + at];
        }
        #pragma unroll
        for (int j = 0; j < BALANCE_TERMS; j++)
            sum[j] += sqrt(square[j]) * sqrt(level) / B;
    }
    #pragma unroll
    for (int j = 0; j < BALANCE_TERMS; j++) {
        double whole = block_sum(sum[j], scratch);

        if (threadIdx.x == 0)
            state->mean[j] = (float)whole;
    }
}

static __global__ void weigh(const struct terms all, struct gpu_state *state, int ranks)
{
    double size = 0.0, *norm = state->balance.norm;

    for (int j = 0; j < BALANCE_TERMS; j++) {
        double mean = (double)state->mean[j] / ranks / ranks;

        if (isfinite(mean))
            norm[j] = norm[j] > 0.0 ? BALANCE_DECAY * norm[j] + (1.0 - BALANCE_DECAY) * mean : mean;
        size += all.weight[j] * norm[j];
    }
    for (int j = 0; j < BALANCE_TERMS; j++)
        state->share[j] = (float)(all.share[j] * size / (norm[j] + BALANCE_EPS));
}

/* g[0] becomes the weighted sum; blocks as in measure(). */
static __global__ void mix(const struct terms all, float *g,
                           const struct gpu_state *state, int pieces, int samples,
                           int stride)
{
    struct piece p = piece_of(pieces, samples);
    size_t at = (size_t)p.b * stride;
    float k[BALANCE_TERMS];

    #pragma unroll
    for (int j = 0; j < BALANCE_TERMS; j++)
        k[j] = state->share[j];
    for (int i = p.first + 4 * threadIdx.x; i < p.end; i += 4 * blockDim.x) {
        float mel[4], cpx[4], wave[4];

        load(mel, g + at + i);
        load(cpx, all.g[1] + at + i);
        load(wave, all.g[2] + at + i);
        #pragma unroll
        for (int v = 0; v < 4; v++)
            mel[v] = k[0] * mel[v] + k[1] * cpx[v] + k[2] * wave[v];
        store(g + at + i, mel);
    }
}

int gpu_balance(struct training *t)
{
    cudaStream_t stream = t->cuda.stream;
    const struct terms all = { BALANCE_SHARES, BALANCE_WEIGHTS,
                               { t->gl[0] + MODEL_LEAD, t->gl[1] + MODEL_LEAD,
                                 t->gl[2] + MODEL_LEAD } };
    int blocks = t->B * t->pieces;

    TELU_LAUNCH(measure, blocks, GPU_THREADS, 0, stream, all, t->size_part, t->pieces,
                t->samples, t->stride);
    TELU_LAUNCH(average, 1, AVERAGERS, 0, stream, t->state, t->size_part,
                t->sound_part + blocks, t->B, t->pieces);
    if (telu_cuda_launched("training, sizes of the gradients") ||
        gpu_reduce(t, t->state->mean, BALANCE_TERMS))
        return -1;
    TELU_LAUNCH(weigh, 1, 1, 0, stream, all, t->state, t->ranks);
    TELU_LAUNCH(mix, blocks, GPU_THREADS, 0, stream, all, t->gl[0] + MODEL_LEAD, t->state,
                t->pieces, t->samples, t->stride);
    return telu_cuda_launched("training, balance");
}
