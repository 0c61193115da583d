/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stft.cu - see stft.h: cuFFT transforms whole chunks of items, x and y in one plan and
 * the two gradients in another. frames (2, chunk, frames, n), spectra (2, chunk, frames,
 * bins); entries behind the n-th item of a chunk are stale and never read. */
#include "pack.cuh"

#include "mel.h"

#include <math.h>
#include <stdlib.h>

#define ELEMENTS (1 << 25)     /* the most floats of frames per chunk */
#define OVERLAP  4             /* frames that cover a sample */

static constexpr int sizes[] = LOSS_FFTS, mels[] = LOSS_MELS;

static_assert(sizeof(sizes) == sizeof(int) * LOSS_SCALES &&
              sizeof(mels) == sizeof(sizes), "sizes of every scale");
static_assert(sizes[LOSS_SCALES - 1] == LOSS_LONGEST && mels[LOSS_SCALES - 1] <= MEL_MOST,
              "the largest scale is the last");

static int cufft_check(cufftResult r, const char *what)
{
    return r == CUFFT_SUCCESS ? 0 : telu_fail("%s: cuFFT error %d", what, (int)r);
}

static int one_plan(struct training *t, cufftHandle *plan, struct gpu_stft *s,
                    cufftType type)
{
    int n = s->n, batch = 2 * t->chunk * s->frames;
    size_t work = 0;

    if (cufft_check(cufftCreate(plan), "training, a plan"))
        return -1;
    s->planned++;
    if (cufft_check(cufftSetAutoAllocation(*plan, 0), "training, a plan's room") ||
        cufft_check(type == CUFFT_R2C
                        ? cufftMakePlanMany(*plan, 1, &n, NULL, 1, n, NULL, 1, s->bins,
                                            type, batch, &work)
                        : cufftMakePlanMany(*plan, 1, &n, NULL, 1, s->bins, NULL, 1, n,
                                            type, batch, &work),
                    "training, a plan's sizes") ||
        cufft_check(cufftSetStream(*plan, t->cuda.stream), "training, a plan's stream"))
        return -1;
    t->work_bytes = work > t->work_bytes ? work : t->work_bytes;
    return 0;
}

int gpu_stft_plan(struct training *t)
{
    size_t most = 1;

    for (int i = 0; i < LOSS_SCALES; i++) {
        struct gpu_stft *s = &t->stft[i];

        s->n = sizes[i];
        s->hop = s->n / OVERLAP;
        s->bins = s->n / 2 + 1;
        s->mels = mels[i];
        s->frames = (t->samples - s->n) / s->hop + 1;
        if ((size_t)2 * s->frames * s->n > most)
            most = (size_t)2 * s->frames * s->n;
    }
    t->chunk = ELEMENTS / most > 1 ? (int)(ELEMENTS / most) : 1;
    t->chunk = t->chunk < t->B ? t->chunk : t->B;
    for (int i = 0; i < LOSS_SCALES; i++)
        if (one_plan(t, &t->stft[i].forward, &t->stft[i], CUFFT_R2C) ||
            one_plan(t, &t->stft[i].inverse, &t->stft[i], CUFFT_C2R))
            return -1;
    return 0;
}

void gpu_stft_release(struct training *t)
{
    for (int i = 0; i < LOSS_SCALES; i++) {
        if (t->stft[i].planned > 0)
            cufftDestroy(t->stft[i].forward);
        if (t->stft[i].planned > 1)
            cufftDestroy(t->stft[i].inverse);
    }
}

static int upload(void *to, const void *from, size_t bytes)
{
    return telu_cuda_check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice),
                           "training, tables of the losses");
}

/* Inverts the triangle table: lists the triangles of each bin. */
static void sides(int *triangle, float *side, const int *first, const int *count,
                  const float *weight, int n, int bins)
{
    for (int b = 0; b < bins; b++) {
        triangle[b] = 0;
        for (int i = n - 1; i >= 0; i--)
            if (b >= first[i] && b < first[i] + count[i])
                triangle[b] = i;
        for (int k = 0; k < 2; k++) {
            int i = triangle[b] + k;
            int in = i < n && b >= first[i] && b < first[i] + count[i];

            side[2 * b + k] = in ? weight[(size_t)i * bins + b - first[i]] : 0.0f;
        }
    }
}

int gpu_stft_tables(struct training *t, int which)
{
    const double pi = 3.14159265358979323846;
    struct gpu_stft *s = &t->stft[which];
    int first[MEL_MOST], count[MEL_MOST], triangle[LOSS_LONGEST / 2 + 1], bad;
    float window[LOSS_LONGEST], side[2 * (LOSS_LONGEST / 2 + 1)];
    size_t area = sizeof(float) * s->mels * s->bins;
    float *weight = (float *)malloc(area);

    if (!weight)
        return telu_fail("training: no memory for %zu bytes of tables", area);
    for (int k = 0; k < s->n; k++)
        window[k] = (float)(0.5 - 0.5 * cos(2.0 * pi * k / s->n));
    mel_triangles(first, count, weight, s->mels, s->n);
    sides(triangle, side, first, count, weight, s->mels, s->bins);
    bad = upload(s->window, window, sizeof(float) * s->n) ||
          upload(s->first, first, sizeof(int) * s->mels) ||
          upload(s->count, count, sizeof(int) * s->mels) ||
          upload(s->weight, weight, area) ||
          upload(s->triangle, triangle, sizeof(int) * s->bins) ||
          upload(s->side, side, sizeof(float) * 2 * s->bins) ||
          cufft_check(cufftSetWorkArea(s->forward, t->work), "training, plans' room") ||
          cufft_check(cufftSetWorkArea(s->inverse, t->work), "training, plans' room");
    free(weight);
    return bad ? -1 : 0;
}

/* Writes the windowed frames of x, and those of y `far` floats behind. Each thread writes
 * four floats: n, hop and stride are multiples of four. all: the number of fours. */
static __global__ void __launch_bounds__(GPU_THREADS)
cut(float *frames, const float *x, const float *y, const float *window, int n, int hop,
    int count, int stride, unsigned all, size_t far)
{
    unsigned i = blockIdx.x * GPU_THREADS + threadIdx.x, f = i / (n / 4), item = f / count;
    int k = (i - f * (n / 4)) * 4;
    size_t at = (size_t)item * stride + (size_t)(f - item * count) * hop + k;
    float a[4], b[4], w[4];

    if (i >= all)
        return;
    load(a, x + at);
    load(b, y + at);
    load(w, window + k);
    #pragma unroll
    for (int v = 0; v < 4; v++) {
        a[v] *= w[v];
        b[v] *= w[v];
    }
    store(frames + (size_t)i * 4, a);
    store(frames + far + (size_t)i * 4, b);
}

/* Overlap-adds: each thread has four samples, loads their OVERLAP frames and then sums
 * these in order. The first scale writes, later ones add. */
static __global__ void __launch_bounds__(GPU_THREADS)
lay(float *mel, float *cpx, const float *frames, const float *window, int n, int hop,
    int count, int stride, int samples, int keep, size_t far)
{
    int at = (blockIdx.x * GPU_THREADS + threadIdx.x) * 4, last = at / hop;
    float g[4] = { 0.0f }, h[4] = { 0.0f }, a[OVERLAP][4], b[OVERLAP][4];
    size_t i = (size_t)blockIdx.y * stride + at, item = (size_t)blockIdx.y * count * n;

    if (at >= samples)
        return;
    #pragma unroll
    for (int u = 0; u < OVERLAP; u++) {
        int f = last - (OVERLAP - 1) + u, there = f >= 0 && f < count;
        size_t j = item + (there ? (size_t)f * n + at - f * hop : 0);

        load(a[u], frames + j);
        load(b[u], frames + far + j);
    }
    if (keep) {
        load(g, mel + i);
        load(h, cpx + i);
    }
    #pragma unroll
    for (int u = 0; u < OVERLAP; u++) {
        int f = last - (OVERLAP - 1) + u;
        float w[4];

        if (f < 0 || f >= count)
            continue;
        load(w, window + at - f * hop);
        #pragma unroll
        for (int v = 0; v < 4; v++) {
            h[v] += w[v] * a[u][v];
            g[v] += w[v] * b[u][v];
        }
    }
    store(mel + i, g);
    store(cpx + i, h);
}

int gpu_stft_forward(struct training *t, int which, int first, int n)
{
    const struct gpu_stft *s = &t->stft[which];
    size_t at = (size_t)first * t->stride + MODEL_LEAD;
    size_t all = (size_t)n * s->frames * s->n / 4;
    size_t far = (size_t)t->chunk * s->frames * s->n;

    TELU_LAUNCH(cut, gpu_blocks(all, GPU_THREADS), GPU_THREADS, 0, t->cuda.stream,
                t->frames, t->x + at, t->wave + at, s->window, s->n, s->hop, s->frames,
                t->stride, (unsigned)all, far);
    if (telu_cuda_launched("training, frames"))
        return -1;
    return cufft_check(cufftExecR2C(s->forward, t->frames, t->spectra),
                       "training, spectra");
}

int gpu_stft_adjoint(struct training *t, int which, int first, int n)
{
    const struct gpu_stft *s = &t->stft[which];
    size_t at = (size_t)first * t->stride + MODEL_LEAD;
    size_t far = (size_t)t->chunk * s->frames * s->n;
    dim3 grid(gpu_blocks(t->samples, 4 * GPU_THREADS), n);

    if (cufft_check(cufftExecC2R(s->inverse, t->spectra, t->frames),
                    "training, spectra backward"))
        return -1;
    TELU_LAUNCH(lay, grid, GPU_THREADS, 0, t->cuda.stream, t->gl[0] + at, t->gl[1] + at,
                t->frames, s->window, s->n, s->hop, s->frames, t->stride, t->samples,
                which > 0, far);
    return telu_cuda_launched("training, overlap");
}
