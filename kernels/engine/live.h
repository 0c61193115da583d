/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* live.h - a batch of packets of live streams on a device, step by step: what engine.cu
 * puts together. A row is one packet of one stream.
 *
 *   encode   asks, pcm    --> window --> mdct --> encoder net --> search --> decoder net
 *            --> pack --> answers, packets
 *   decode   asks, packets --> parse --> lookup --> decoder net --> sound
 *            --> answers, pcm
 *
 * Every step is one or some launches on ctx's stream for B rows, of which the first n
 * (telu_batch_head.n, on the device) count and the others are idle: so a graph of B rows
 * serves any n up to B. No step allocates or waits. Each returns 0, or -1 and
 * telu_error().
 */
#ifndef TELU_LIVE_H
#define TELU_LIVE_H

#include "backend.h"
#include "engine.h"
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
 *   question   head | ask [n] | pcm [n][320], or packets [n][stride]
 *   reply      answer [n] | packets [n][stride], or pcm [n][320]
 *
 * each part from a multiple of 16 bytes on, so that a batch is one copy either way. No
 * step reads the reply, which may be the host's memory.
 */
struct telu_batch_head {
    int n;                     /* rows that count */
    int stride;                /* bytes from packet to packet */
};

struct telu_request_head {
    int slot;
    int reset;
    int bytes;                 /* of a packet to decode; -1: it was lost */
    struct telu_rate rate;     /* to encode */
};

struct telu_response_head {
    int bytes, result;
    struct telu_info info;
};

/* --- What a stream keeps ------------------------------------------------------ */

/* The past of a network is a ring for each block, (K, C); its age counts packets up to
 * 2 K and from there back to K, and packet `age` lies in row age mod K: a row more than
 * the taps look back to, so that it can be written while the others are read. What is
 * older than the age was never written and counts as 0. */
struct telu_enc_slot {
    float overlap[TELU_OVERLAP];
    struct telu_rc rc;
    int enc_age, dec_age;
};

struct telu_dec_slot {
    float tail[TELU_OVERLAP], added[TELU_OVERLAP];     /* by the postfilter */
    float last[TELU_COEFS];
    float past[TELU_LTPF_MAX_LAG]; /* the packet before, without what was added */
    struct telu_plc plc;
    int age;
};

/* Slot s lies at chunk[s / TELU_CHUNK] + s % TELU_CHUNK * size: its struct, then from
 * `past` on, in bytes, floats: the decoder's last latent sum; the pasts. */
#define TELU_CHUNK 64

struct telu_slots {
    char *const *chunk;
    size_t size, past;
};

/* --- What a batch works in ---------------------------------------------------- */

struct telu_row {
    void *slot;                /* NULL: an idle row */
    float *enc, *dec;          /* the pasts of the stream's networks */
    int enc_age, dec_age;      /* -1: this network idles for this row */
    struct telu_budget budget;
    int conceal;               /* decoder: it has to be, with this gain; from the */
    float gain;                /* network where dec_age says that it runs */
    struct telu_layers layers;
    struct telu_bands bands;
};

struct telu_live {
    const struct telu_model *m;        /* its pointers are the device's */
    const struct telu_model *tables;   /* the same, itself in device memory */
    const char *packed;                /* m->arena, and its layers as cuBLAS takes them, */
    char *wide;                        /* product.cuh: w's lie at wide + (x3 ? 3 : 2) */
    int x3;                            /* (w - packed); 1: in bf16, three times */
    const float *added;                /* (stages, codes, latent), by telu_live_tabulate() */
    const struct dct_table *dct;       /* dct.cuh */
    struct telu_slots slots;           /* of the side */

    char *request, *response;            /* see above */

    struct telu_row *row;              /* [B] */
    float *wave;                       /* [B][480] */
    float *c;                          /* [B][320] */
    float *base;                       /* [B][320]; then what soften changes */
    float *prediction;                      /* [B][640], see ltpf.h; then the change's [480] */
    float *confidence;                      /* [B][2] */
    float *latent, *sum;               /* [B][latent] */
    float *a, *b;                      /* [B][widest net] */
    void *x;                           /* [B][widest input of a layer], 6 bytes each */
    float *h;                          /* [B][widest hidden layer, features, scales or 640] */
};

/* load.cu: m into `arena` on the device, l->packed (m->arena_bytes), which *d then points
 * into, and its layers into l->wide (three times the bytes). */
int telu_live_load(struct telu_ctx *ctx, const struct telu_live *l, struct telu_model *d,
                   const struct telu_model *m, char *arena);

/* zero_copy.cu: that many bytes, a multiple of 16, of pinned memory -> question */
int telu_live_zero_copy(struct telu_ctx *ctx, const struct telu_live *l, const char *from,
                    size_t bytes);

/* encode.cu */
int telu_live_window(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_pack(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* codes.cu: latent -> codes, prefix and sum; where the refinement does not fit the row's
 * packet is made a base-only one. */
int telu_live_search(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* rvq.cu: what each code adds to the latent, to l->added, which comes as `added` too, for
 * it is written; l->tables are there. And codes -> sum. */
int telu_live_tabulate(struct telu_ctx *ctx, const struct telu_live *l, float *added);
int telu_live_lookup(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* network.cu: c -> latent; sum -> base */
int telu_live_encoder(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_decoder(struct telu_ctx *ctx, const struct telu_live *l, int B);

/* parse.cu: packets -> rows. synthesis.cu: base and rows -> pcm, by synthesis_few.cu where rows are
 * few. */
int telu_live_parse(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_synthesis(struct telu_ctx *ctx, const struct telu_live *l, int B);
int telu_live_synthesis_few(struct telu_ctx *ctx, const struct telu_live *l, int B);

#ifdef __cplusplus
}
#endif
#endif
