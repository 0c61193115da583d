/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* live.h - steps that encode or decode one batch of live streams on a device; engine.cu
 * captures them in graphs. A slot is a stream's state; a row is one packet of a batch.
 *
 *   encode   request heads, pcm     --> window --> mdct --> encoder network --> search
 *            --> decoder network --> pack --> response heads, packets
 *   decode   request heads, packets --> parse --> lookup --> decoder network --> synthesis,
 *            post-network --> response heads, pcm
 *
 * Each step launches one or more kernels on ctx's stream for B rows. The first n rows
 * (telu_batch_head.n, on the device) are active and the others idle, so a graph of B rows
 * serves any n up to B. No step allocates or waits. Each returns 0, or -1 and telu_error().
 */
#ifndef TELU_LIVE_H
#define TELU_LIVE_H

#include "backend.h"
#include "engine.h"
#include "highpass.h"
#include "ltpf.h"
#include "mdct.h"
#include "packet.h"
#include "plc.h"
#include "ratecontrol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Between host and device -------------------------------------------------
 *
 *   request    batch head | request heads [n] | pcm [n][320], or packets [n][stride]
 *   response   response heads [n] | packets [n][stride], or pcm [n][320]
 *
 * Each part begins at a multiple of 16 bytes, so that a batch is one copy in each direction.
 * No step reads the response, which may lie in host memory.
 */
struct telu_batch_head {
    int n;                     /* active rows */
    int stride;                /* bytes from packet to packet */
};

struct telu_request_head {
    int slot;
    int reset;
    int bytes;                 /* decoder: of the packet; -1: it was lost */
    struct telu_rate rate;     /* encoder */
};

struct telu_response_head {
    int bytes, result;
    struct telu_info info;
};

/* --- State of a stream -------------------------------------------------------- */

/* The history of a network is one ring (K, C) per block. Its age counts packets up to 2 K and
 * then wraps to K; packet `age` lies in row age mod K. A ring has one row more than the taps
 * look back, so that it can be written while the others are read. Rows beyond the age were
 * never written and count as 0. */
struct telu_enc_slot {
    float overlap[TELU_OVERLAP];
    struct telu_highpass highpass;
    struct telu_rc rc;
    int enc_age, dec_age;
};

struct telu_dec_slot {
    float tail[TELU_OVERLAP];  /* overlap with the next packet, before the correction */
    float change_tail[TELU_OVERLAP];       /* overlap of the correction, see synthesis.h */
    float last[TELU_COEFS];
    float previous[TELU_LTPF_MAX_LAG];     /* last packet's samples, before the correction */
    struct telu_plc plc;
    struct telu_deficit deficit;
    int age, post_age;         /* of the decoder's history and of the post-network's */
};

/* Slot s lies at chunk[s / TELU_CHUNK] + s % TELU_CHUNK * size. It holds its struct and, from
 * byte `history` on, floats: the decoder's last latent sum, then the histories. */
#define TELU_CHUNK 64

struct telu_slots {
    char *const *chunk;
    size_t size, history;
};

/* --- State of a batch --------------------------------------------------------- */

struct telu_row {
    void *slot;                /* NULL: the row is idle */
    float *enc, *dec, *post;   /* histories of the stream's networks */
    int enc_age, dec_age, post_age;        /* -1: this network skips this row */
    struct telu_budget budget;
    int conceal;               /* decoder: the packet is concealed with this gain, by the */
    float gain;                /* network if dec_age >= 0, else by repetition */
    struct telu_layers layers;
    struct telu_bands bands;
};

struct telu_live {
    const struct telu_model *m;        /* host struct; its pointers are the device's */
    const struct telu_model *tables;   /* the same struct in device memory */
    const char *arena;                 /* m->arena, on the device */
    char *unpacked;                    /* layers for cuBLAS, see product.cuh: those of packed w
                                        * lie at 2 (w - arena) */
    const float *code_latents;         /* (stages, codes, latent), telu_live_code_table() */
    const struct dct_table *dct;       /* dct.cuh */
    struct telu_slots slots;           /* of the side */

    char *request, *response;          /* see above */

    struct telu_row *row;              /* [B] */
    float *wave;                       /* [B][480]; then with a post-network the coefficients
                                        * [320] of the prediction */
    float *c;                          /* [B][320] */
    float *base;                       /* [B][320]; then coefficients of the correction */
    float *prediction;                 /* [B][640], see ltpf.h; then the change's wave [480] */
    float *confidence;                 /* [B][2] */
    float *latent, *sum;               /* [B][latent] */
    float *a;                          /* [B][widest network] */
    uint16_t *x;                       /* [B][2][widest input of a layer], see product.cuh */
    float *p;                          /* [B][2][widest output of a layer] */
    float *unit;                       /* [B] */
    float *h;                          /* [B][widest hidden layer, features, scales, outputs of
                                        * the post-network or 640] */
};

/* load.cu: copies m's arena to `arena` on the device (m->arena_bytes, also l->arena), sets *d to
 * m with pointers into it, and unpacks its layers into l->unpacked (twice the bytes). */
int telu_live_load(struct telu_ctx *ctx, const struct telu_live *l, struct telu_model *d,
                   const struct telu_model *m, char *arena);

/* zero_copy.cu: reads `bytes`, a multiple of 16, of pinned memory into l->request. */
int telu_live_zero_copy(struct telu_ctx *ctx, const struct telu_live *l, const char *from,
                        size_t bytes);

/* encode.cu */
int telu_live_window(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_pack(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* codes.cu: latent -> codes, prefix and sum. A row whose refinement does not fit becomes a
 * base-only packet. */
int telu_live_search(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* rvq.cu: writes the latent vector of every code to l->code_latents, given again as writable
 * `to`; reads l->tables. */
int telu_live_code_table(struct telu_ctx *ctx, const struct telu_live *l, float *to);

/* rvq.cu: codes -> sum */
int telu_live_lookup(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* network.cu: c -> latent; sum -> base; features of the post-network in h -> its outputs in h */
int telu_live_encoder(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_decoder(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_postnet(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* parse.cu: packets -> rows */
int telu_live_parse(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* synthesis.cu: base and rows -> pcm; without a post-network, small batches take
 * synthesis_few.cu. */
int telu_live_synthesis(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_synthesis_few(struct telu_ctx *ctx, const struct telu_live *l, int B);

#ifdef __cplusplus
}
#endif
#endif
