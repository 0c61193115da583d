/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* live.cuh - what the steps of live.h share on the device. */
#ifndef LIVE_CUH
#define LIVE_CUH

#include "device.h"
#include "live.h"

#define LIVE_WARP    32
#define LIVE_PCM     (TELU_PACKET * sizeof(float))
#define LIVE_THREADS 128       /* four rows to a block, where a warp has one */
#define LIVE_BLOCKS  4         /* of an SM, at least: told so, ptxas does not spill */
#define LIVE_ALONE   128       /* rows of a batch, up to which each has a block */

static inline __host__ __device__ size_t live_round(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

/* Where the parts of question and reply begin, for n rows. */
static inline __host__ __device__ size_t live_asks(void)
{
    return live_round(sizeof(struct telu_batch_head));
}

static inline __host__ __device__ size_t live_asked(int n)
{
    return live_asks() + live_round((size_t)n * sizeof(struct telu_request_head));
}

static inline __host__ __device__ size_t live_answered(int n)
{
    return live_round((size_t)n * sizeof(struct telu_response_head));
}

static __device__ inline const struct telu_batch_head *live_head(const struct telu_live *l)
{
    return (const struct telu_batch_head *)l->request;
}

static __device__ inline const struct telu_request_head *live_ask(const struct telu_live *l, int r)
{
    return (const struct telu_request_head *)(l->request + live_asks()) + r;
}

static __device__ inline struct telu_response_head *live_answer(const struct telu_live *l, int r)
{
    return (struct telu_response_head *)l->response + r;
}

/* Row r of what comes in and goes out, pcm or packets. */
static __device__ inline const char *live_in(const struct telu_live *l, int r, size_t size)
{
    return l->request + live_asked(live_head(l)->n) + r * size;
}

static __device__ inline char *live_out(const struct telu_live *l, int r, size_t size)
{
    return l->response + live_answered(live_head(l)->n) + r * size;
}

static __device__ inline char *live_slot(const struct telu_slots *s, int slot)
{
    return s->chunk[slot / TELU_CHUNK] + slot % TELU_CHUNK * s->size;
}

/* The row of this warp, where LIVE_THREADS make a block. */
static __device__ inline int live_mine(void)
{
    return blockIdx.x * (LIVE_THREADS / LIVE_WARP) + threadIdx.x / LIVE_WARP;
}

/* Row r, NULL past the last that counts. */
static __device__ inline struct telu_row *live_row(const struct telu_live *l, int r)
{
    return r < live_head(l)->n ? &l->row[r] : NULL;
}

/* Floats of the pasts of a network's blocks. */
static inline __host__ __device__ size_t live_past(const struct telu_config *c, int width,
                                                   int blocks)
{
    return (size_t)blocks * c->kernel * width;
}

/* The age of a past after one more packet; K taps. */
static __device__ inline int live_older(int age, int K)
{
    return age + 1 < 2 * K ? age + 1 : K;
}

/* What a code of a stage adds to the latent: (latent). codes and latent: of the model, for
 * whoever has them need not wait for its tables. */
static __device__ inline const float *live_added(const struct telu_live *l, int codes,
                                                 int latent, int stage, int code)
{
    return l->added + ((size_t)stage * codes + code) * latent;
}

/* Channel k of what vector v of a stage adds to the latent, in the CPU's order. */
static __device__ inline float live_adds(const struct telu_stage *st, const float *v, int k)
{
    const float *w = st->out + (size_t)k * st->dim;
    float out = st->outb[k];

    #pragma unroll 8
    for (int d = 0; d < st->dim; d++)
        out += v[d] * w[d];
    return out;
}

/* A node of the tree of a stage: the vector that a prefix stands for. */
static __device__ inline const float *live_node(const struct telu_stage *st, int bits,
                                                int prefix)
{
    return st->tree + ((size_t)(1 << bits) + prefix) * st->dim;
}

static inline unsigned live_blocks(int rows, int to_a_block)
{
    return (unsigned)((rows + to_a_block - 1) / to_a_block);
}

#endif
