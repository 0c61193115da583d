/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena.cu - see arena.cuh: opens a trainer, and closes it. */
#include "arena.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TILE 1024              /* weights per block of AdamW */
#define PARTS 256              /* the most blocks that share a sum over rows */

/* --- Open --------------------------------------------------------------- */

static int tile_tensors(struct int4 *tiles, const struct list *l)
{
    int n = 0;

    for (int i = 0; i < l->count; i++)
        for (size_t at = 0; l->all[i].kind == TELU_WEIGHT && at < l->all[i].n;
             at += TILE, n++) {
            size_t left = l->all[i].n - at;

            if (tiles)
                tiles[n] = make_int4((int)(l->all[i].at + at),
                                     (int)(left < TILE ? left : TILE), l->all[i].decay,
                                     0);
        }
    return n;
}

static int sizes(struct training *t, const struct list *l)
{
    const struct telu_config *c = &t->cfg;
    size_t width = larger(c->enc_width, c->dec_width) * c->expand;

    width = larger(width, larger(TELU_FEATURES, c->latent));
    if (t->B < 1 || t->T < 1 || (double)t->B * t->T * (double)width >= 2147483648.0)
        return telu_fail("training: a batch of %d segments of %d packets is too large "
                         "for a network that is %zu wide", t->B, t->T, width);
    t->R = t->B * t->T;
    t->stride = (2 * t->T + 1) * TELU_HOP;
    t->samples = TELU_PACKET * t->T - TELU_DELAY;
    if (t->samples < LOSS_LONGEST)
        return telu_fail("training: segments of %d packets, expected 4 or more", t->T);
    t->words = (t->R + 31) / 32;
    t->shares = (t->T + GPU_SHARE - 1) / GPU_SHARE;
    t->pieces = (t->samples + GPU_PIECE - 1) / GPU_PIECE;
    t->parts = t->R / 8 < PARTS ? (t->R + 7) / 8 : PARTS;
    t->count.weights = l->at[0];
    t->count.codebooks = l->at[1];
    t->count.hits = (size_t)c->stages * c->codes;
    t->count.means = t->count.codebooks + t->count.hits;
    t->tile_count = tile_tensors(NULL, l);
    return 0;
}

/* cuBLAS multiplies bf16 from Ampere on. */
static int check_precision(const struct training *t)
{
    int major = 0;

    if (telu_cuda_check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor,
                                               t->device), "training, the device"))
        return -1;
    if (t->precision == TELU_TRAIN_BF16 && major < 8)
        return telu_fail("training: bf16 takes a device of compute capability 8.0 or "
                         "more, this one is of %d.x: use fp32", major);
    return 0;
}

static int make_handles(struct training *t)
{
    const char *what = "training, streams and handles";

    if (telu_cuda_check(cudaSetDevice(t->device), "training, the device") ||
        telu_cuda_check(cudaStreamCreateWithFlags(&t->cuda.stream,
                                                  cudaStreamNonBlocking), what) ||
        telu_cuda_check(cudaStreamCreateWithFlags(&t->copies, cudaStreamNonBlocking),
                        what) ||
        telu_cuda_check(cudaEventCreateWithFlags(&t->taken, cudaEventDisableTiming),
                        what) ||
        telu_cublas_check(cublasCreate(&t->cuda.blas), what) ||
        telu_cublas_check(cublasSetStream(t->cuda.blas, t->cuda.stream), what))
        return -1;
    for (int i = 0; i < TELU_TRAIN_STAGING; i++)
        if (telu_cuda_check(cudaEventCreateWithFlags(&t->copied[i],
                                                     cudaEventDisableTiming |
                                                     cudaEventBlockingSync), what))
            return -1;
    return 0;
}

static int make_pinned(struct training *t)
{
    size_t bytes = sizeof(float) * t->B * t->stride;
    const char *what = "training, pinned memory for batches";

    for (int i = 0; i < TELU_TRAIN_STAGING; i++) {
        if (telu_cuda_check(cudaMallocHost((void **)&t->staging[i], bytes), what))
            return -1;
        memset(t->staging[i], 0, bytes);
    }
    return telu_cuda_check(cudaMallocHost((void **)&t->orders, sizeof(*t->orders) *
                                          TELU_TRAIN_RESULTS), what) ||
           telu_cuda_check(cudaMallocHost((void **)&t->results, sizeof(*t->results) *
                                          TELU_TRAIN_RESULTS), what) ? -1 : 0;
}

static int make_memory(struct training *t, struct arena *a)
{
    char what[128];

    a->base = (char *)(uintptr_t)ARENA_ALIGN;    /* a false base, only to count */
    lay_out(a);
    snprintf(what, sizeof(what), "training, %.2f GB on the device for a batch of %d "
             "segments of %.1f s (try a smaller batch)", a->used * 1e-9, t->B,
             t->T * TELU_PACKET / (double)TELU_RATE);
    if (telu_cuda_check(cudaMalloc((void **)&t->memory, a->used), what) ||
        telu_cuda_check(cudaMemset(t->memory, 0, a->used), what))
        return -1;
    a->base = t->memory;
    a->column_to = (int *)calloc(t->columns, sizeof(int));
    if (!a->column_to)
        return telu_fail("training: no memory for %d columns", t->columns);
    lay_out(a);
    return 0;
}

static int fill(struct training *t, const struct arena *a)
{
    struct int4 *tiles = (struct int4 *)malloc(sizeof(*tiles) * t->tile_count);
    const char *what = "training, tables";
    int bad;

    if (!tiles)
        return telu_fail("training: no memory for %d tiles", t->tile_count);
    tile_tensors(tiles, a->list);
    bad = telu_cuda_check(cudaMemcpy(t->tiles, tiles, sizeof(*tiles) * t->tile_count,
                                     cudaMemcpyHostToDevice), what) ||
          telu_cuda_check(cudaMemcpy(t->column_to, a->column_to,
                                     sizeof(int) * t->columns,
                                     cudaMemcpyHostToDevice), what) ||
          telu_cublas_check(cublasSetWorkspace(t->cuda.blas, t->blas_work, BLAS_WORK),
                            what);
    for (int i = 0; !bad && i < LOSS_SCALES; i++)
        bad = gpu_stft_tables(t, i);
    free(tiles);
    return bad || telu_cuda_check(cudaDeviceSynchronize(), what) ? -1 : 0;
}

static int make(struct training *t, struct list *l)
{
    struct arena a = { NULL, 0, t, l, NULL };
    int bad = telu_config_check(&t->cfg) || make_list(l, &t->cfg) || sizes(t, l) ||
              check_precision(t) || make_handles(t) || gpu_stft_plan(t) || make_memory(t, &a) ||
              make_pinned(t) || fill(t, &a);

    free(a.column_to);
    return bad ? -1 : 0;
}

void *training_open(int device, const struct telu_config *cfg, int B, int T,
               enum telu_precision precision)
{
    struct training *t = (struct training *)calloc(1, sizeof(*t));
    struct list list = { NULL, 0, { 0, 0 } };
    int bad;

    if (!t) {
        telu_fail("training: no memory for a trainer");
        return NULL;
    }
    t->device = device;
    t->cfg = *cfg;
    t->B = B;
    t->T = T;
    t->precision = precision;
    t->ranks = 1;
    t->ctx.be = &telu_backend_cuda;
    t->ctx.stream = &t->cuda;
    bad = make(t, &list);
    free(list.all);
    if (bad) {
        training_close(t);
        return NULL;
    }
    return t;
}

/* The calls may fail after an error of CUDA; nothing depends on them then. */
void training_close(void *user)
{
    struct training *t = (struct training *)user;

    if (!t)
        return;
    cudaSetDevice(t->device);
    if (t->cuda.stream)
        cudaStreamSynchronize(t->cuda.stream);
    if (t->exec)
        cudaGraphExecDestroy(t->exec);
    gpu_stft_release(t);
    if (t->cuda.blas)
        cublasDestroy(t->cuda.blas);
    telu_cuda_free_scratch(&t->cuda);
    cudaFree(t->memory);
    for (int i = 0; i < TELU_TRAIN_STAGING; i++) {
        cudaFreeHost(t->staging[i]);
        if (t->copied[i])
            cudaEventDestroy(t->copied[i]);
    }
    cudaFreeHost(t->orders);
    cudaFreeHost(t->results);
    if (t->taken)
        cudaEventDestroy(t->taken);
    if (t->copies)
        cudaStreamDestroy(t->copies);
    if (t->cuda.stream)
        cudaStreamDestroy(t->cuda.stream);
    cudaGetLastError();        /* clears the error of a refused allocation */
    free(t);
}
