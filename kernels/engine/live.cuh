/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* live.cuh - device helpers that the steps of live.h share. */
#ifndef LIVE_CUH
#define LIVE_CUH

#include "device.h"
#include "live.h"

#define LIVE_WARP    32
#define LIVE_PCM     (TELU_PACKET * sizeof(float))
#define LIVE_THREADS 128       /* four rows per block, one per warp */
#define LIVE_BLOCKS  4         /* per SM, at least; the hint keeps ptxas from spilling */

static inline __host__ __device__ size_t live_round(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

/* Byte offset of the request heads. */
static inline __host__ __device__ size_t live_heads_offset(void)
{
    return live_round(sizeof(struct telu_batch_head));
}

/* Byte offset of pcm or packets in the request of n rows. */
static inline __host__ __device__ size_t live_in_offset(int n)
{
    return live_heads_offset() + live_round((size_t)n * sizeof(struct telu_request_head));
}

/* Byte offset of packets or pcm in the response of n rows. */
static inline __host__ __device__ size_t live_out_offset(int n)
{
    return live_round((size_t)n * sizeof(struct telu_response_head));
}

static __device__ inline const struct telu_batch_head *live_head(const struct telu_live *l)
{
    return (const struct telu_batch_head *)l->request;
}

static __device__ inline const struct telu_request_head *live_request(const struct telu_live *l,
                                                                      int r)
{
    return (const struct telu_request_head *)(l->request + live_heads_offset()) + r;
}

static __device__ inline struct telu_response_head *live_response(const struct telu_live *l, int r)
{
    return (struct telu_response_head *)l->response + r;
}

/* Pcm or packet of row r in request and response; size: bytes from row to row. */
static __device__ inline const char *live_in(const struct telu_live *l, int r, size_t size)
{
    return l->request + live_in_offset(live_head(l)->n) + r * size;
}

static __device__ inline char *live_out(const struct telu_live *l, int r, size_t size)
{
    return l->response + live_out_offset(live_head(l)->n) + r * size;
}

static __device__ inline char *live_slot(const struct telu_slots *s, int slot)
{
    return s->chunk[slot / TELU_CHUNK] + slot % TELU_CHUNK * s->size;
}

/* Row of this warp in a grid of LIVE_THREADS per block. */
static __device__ inline int live_warp_row(void)
{
    return blockIdx.x * (LIVE_THREADS / LIVE_WARP) + threadIdx.x / LIVE_WARP;
}

/* Row r; NULL when it is idle. */
static __device__ inline struct telu_row *live_row(const struct telu_live *l, int r)
{
    return r < live_head(l)->n ? &l->row[r] : NULL;
}

/* Floats of a network's history. */
static inline __host__ __device__ size_t live_history_floats(const struct telu_config *c, int width,
                                                             int blocks)
{
    return (size_t)blocks * c->kernel * width;
}

/* First float of the post-network's history among those of a decoder's slot. Rows of four floats
 * stay aligned. */
static inline __host__ __device__ size_t live_post_offset(const struct telu_config *c)
{
    return (c->latent + live_history_floats(c, c->dec_width, c->dec_blocks) + 3) / 4 * 4;
}

/* Age of a history of K taps after one more packet. */
static __device__ inline int live_next_age(int age, int K)
{
    return age + 1 < 2 * K ? age + 1 : K;
}

/* Latent vector of a code, (latent). The caller passes codes and latent of the model, so that
 * no thread waits for its tables. */
static __device__ inline const float *live_code_latent(const struct telu_live *l, int codes,
                                                       int latent, int stage, int code)
{
    return l->code_latents + ((size_t)stage * codes + code) * latent;
}

/* Channel k of the latent vector of v, summed in the CPU's order. */
static __device__ inline float live_stage_output(const struct telu_stage *st, const float *v, int k)
{
    const float *w = st->out + (size_t)k * st->dim;
    float out = st->outb[k];

    #pragma unroll 8
    for (int d = 0; d < st->dim; d++)
        out += v[d] * w[d];
    return out;
}

/* Vector of a prefix: a node of the tree of a stage. */
static __device__ inline const float *live_node(const struct telu_stage *st, int bits,
                                                int prefix)
{
    return st->tree + ((size_t)(1 << bits) + prefix) * st->dim;
}

static inline unsigned live_blocks(int rows, int rows_per_block)
{
    return (unsigned)((rows + rows_per_block - 1) / rows_per_block);
}

#endif
