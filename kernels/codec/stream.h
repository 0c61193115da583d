/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream.h - encoder and decoder stream of telu.h, as codec.c, encode_pass.c and decode_pass.c
 * share them. A packet on its way has a row, on the stack of the caller's thread.
 */
#ifndef TELU_STREAM_H
#define TELU_STREAM_H

#include "encode_state.h"
#include "highpass.h"
#include "network.h"
#include "plc.h"
#include "synthesis.h"

struct telu_encoder {
    const struct telu_model *m;
    struct telu_ctx ctx;
    float *arena;
    float *window;             /* [480], see push_input() */
    float *latent, *sum;       /* [latent] each, last packet with codes */
    struct telu_net_state enc, dec;
    int has_history;           /* 1: the networks' histories are not all zero */
    struct telu_highpass highpass;
    struct telu_rc rc;
    struct telu_info info;
};

struct telu_decoder {
    const struct telu_model *m;
    struct telu_ctx ctx;
    float *arena;
    struct telu_synthesis synthesis;
    struct telu_postnet post;
    int post_history;          /* 1: the post-network's history is not all zero */
    int codes[TELU_MAX_STAGES];            /* of the last packet that had some, which a lost */
    int stages, prefix, prefix_bits;       /* one takes */
    struct telu_net_state dec;
    int has_history;           /* 0: dec has zeros, but for plc.last, which begins there: a packet
                                * without codes clears the history, and it alone is repeated */
    struct telu_plc plc;
    struct telu_deficit deficit;
    struct telu_info info;
};

/* Packets of one stream made smaller. Histories are those of decoder networks: of one that gets the
 * packets that come, and of one that gets those that leave. */
struct telu_transrater {
    const struct telu_model *m;
    struct telu_ctx ctx;
    float *arena;
    float *latent;             /* [latent] */
    struct telu_net_state from, to;
    size_t floats;             /* of a history */
    int apart;                 /* packets until both are alike again; 0: they are */
    int has_history;           /* 1: they are not all zero */
    struct telu_deficit deficit;
    struct telu_rc rc;
};

/* Memory of a stream: one piece, its arena, of which each part takes its own, padded so that the
 * next begins on 64 bytes. _init() sets ctx and arena. 0, or -1: no model, no CPU backend, no
 * memory. */
size_t telu_stream_padded(size_t floats);
float *telu_stream_take(float **at, size_t floats);
int telu_stream_init(struct telu_ctx *ctx, float **arena, const struct telu_model *m,
                     const struct telu_backend *be, size_t floats);

/* Makes the decoder network's history ready for a packet with codes. */
void telu_decoder_remember(struct telu_decoder *d);

/* Clears the networks' histories. */
void telu_encoder_forget(struct telu_encoder *e);
void telu_decoder_forget(struct telu_decoder *d);
void telu_decoder_forget_postnet(struct telu_decoder *d);

/* The stream of a request, zeros until it is known, and what it shares with others. */
struct telu_member {
    const void *stream;
    const struct telu_model *m;
    const struct telu_backend *be;
};

/* A side of telu_encode_many() or telu_decode_many(), whose requests are an array. */
struct telu_many {
    /* Sets who for request i. 0, or -1 and marks a request that cannot be run. */
    int (*check)(void *requests, int i, struct telu_member *who);
    /* Runs requests index[0] .. index[rows - 1], rows 1 .. telu_net_rows(). Returns 1 when one has
     * failed, else 0. */
    int (*run)(void *requests, const int *index, int rows);
    int again;                 /* 1: a stream may have several rows */
};

/* Runs all requests in their order, those together that may be. 0, or -1 when one has failed. */
int telu_many_run(const struct telu_many *side, void *requests, int count);

/* 0, or -1 for request i of a call when it lacks something, named, or uses its reserved ints. */
int telu_request_check(const char *lacks, const int *reserved, int i);

#endif
