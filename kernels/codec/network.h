/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.h - encoder network, residual VQ, decoder network and post-network, one packet per call;
 * the caller owns the state. encoder.c, decoder.c and postnet.c have the diagrams.
 */
#ifndef TELU_NETWORK_H
#define TELU_NETWORK_H

#include "backend.h"
#include "postnet.h"
#include "weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Histories of one stack of blocks, in the stream's arena. */
struct telu_net_state {
    float *hist[TELU_MAX_BLOCKS];  /* (K-1, C) each */
};

/* Scratch of a stack of blocks during a packet: 24 KB, which streams do not keep. */
struct telu_net_scratch {
    float a[TELU_MAX_WIDTH];       /* x, between blocks */
    float b[TELU_MAX_WIDTH];
    float h[TELU_MAX_EXPAND * TELU_MAX_WIDTH];     /* features first, outputs at last */
} __attribute__((aligned(64)));

/* _floats() returns the size of a stack's state, _init() lays it out in mem (zeroed), _reset()
 * clears the histories. */
size_t telu_net_floats(int width, int blocks, int kernel);
void telu_net_init(struct telu_net_state *s, float *mem, int width, int blocks,
                   int kernel);
void telu_net_reset(struct telu_net_state *s, int width, int blocks, int kernel);

/* y [l->O] = layer of x [l->I]; they must not overlap. 0, or -1. */
int telu_net_layer(struct telu_ctx *ctx, const struct telu_linear8 *l, float *y, const float *x);

/* Runs block i of the stack: x->a = block(x->a), with history i. 0, or -1. */
int telu_net_block(struct telu_ctx *ctx, const struct telu_block *w,
                   const struct telu_net_state *s, struct telu_net_scratch *x, int i,
                   int width, int kernel);

/* c [320] -> latent [cfg.latent] (encoder.c). */
int telu_encoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *latent, const float *c);

/* latent -> c [320] (decoder.c). */
int telu_decoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *c, const float *latent);

/* postnet.c: state of a stream's post-network. _floats() returns 0 for a model without one. */
struct telu_postnet {
    struct telu_net_state net;
    void (*watch)(void *user, const struct telu_postnet_packet *p);    /* NULL, but in training */
    void *user;
};

size_t telu_postnet_floats(const struct telu_model *m);
void telu_postnet_init(struct telu_postnet *s, float *mem, const struct telu_model *m);
void telu_postnet_reset(struct telu_postnet *s, const struct telu_model *m);

/* change [320]: as in telu_postnet_change(). */
int telu_postnet_run(struct telu_ctx *ctx, const struct telu_model *m, struct telu_postnet *s,
                     float *change, const struct telu_postnet_packet *p);

/* rvq.c: latent -> the first S codes, a prefix of `prefix_bits` bits of stage S (0: none), and
 * sum, the latent that they decode to. coded: 1 minds the cost of each code (code.h). latent and
 * sum have cfg.latent floats and must not overlap. 0, or -1. */
int telu_rvq_encode(struct telu_ctx *ctx, const struct telu_model *m, int *codes,
                    int S, int *prefix, int prefix_bits, int coded, float *sum,
                    const float *latent);
int telu_rvq_decode(struct telu_ctx *ctx, const struct telu_model *m, float *sum,
                    const int *codes, int S, int prefix, int prefix_bits);

/* codec.c, for tests: latent of the last packet with codes. */
const float *telu_encoder_latent(const struct telu_encoder *e);

/* codec.c, for the trainer: calls watch with each packet that the post-network is about to see. */
void telu_decoder_watch(struct telu_decoder *d,
                        void (*watch)(void *user, const struct telu_postnet_packet *p),
                        void *user);

#ifdef __cplusplus
}
#endif
#endif
