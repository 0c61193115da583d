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
    float *sum;                /* [latent], last packet with codes */
    struct telu_net_state dec;
    int has_history;
    struct telu_plc plc;
    struct telu_info info;
};

/* Clears the networks' histories. */
void telu_encoder_forget(struct telu_encoder *e);
void telu_decoder_forget(struct telu_decoder *d);
void telu_decoder_forget_postnet(struct telu_decoder *d);

/* Streams whose packets may run together. Begin with zeros. */
struct telu_group {
    int rows;
    const void *stream[TELU_NET_ROWS];
    const struct telu_model *m;
    const struct telu_backend *be;
};

/* Adds a stream. Returns 0 and does not when the group is full, when its streams are of another
 * model or backend, or when it has the stream already, whose packets go in order. */
int telu_group_join(struct telu_group *g, const void *stream, const struct telu_model *m,
                    const struct telu_backend *be);

/* 0, or -1 when so many requests cannot be there. */
int telu_requests_check(const void *requests, int count);

/* 0, or -1 for request i of a call when it lacks something, named, or uses its reserved ints. */
int telu_request_check(const char *lacks, const int *reserved, int i);

#endif
