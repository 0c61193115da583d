/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.h - encoder network, residual VQ, decoder network and post-network; the caller owns the
 * state. encoder.c, decoder.c and postnet.c have the diagrams. A pass takes packets of some
 * streams, its rows, which share each weight that is fetched. All else is done row by row, so that
 * a packet does not depend on those of other streams. Rows of one stream are in their order: each
 * finds the histories as the one before has left them.
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
    float *mem;                    /* (K-1, C) of each block, padded */
};

#define TELU_NET_ROWS 8        /* rows of a pass, at most */

/* Floats of scratch during a pass, which streams do not keep: those of one row of any model (24 KB)
 * and those of telu_net_rows() rows (64 KB). They begin on 64 bytes. */
#define TELU_NET_ROW_SCRATCH ((2 + TELU_MAX_EXPAND) * TELU_MAX_WIDTH)
#define TELU_NET_SCRATCH     (16 * 1024)

/* Rows of a pass that the scratch has room for, 1 .. TELU_NET_ROWS. */
int telu_net_rows(const struct telu_model *m);

/* Scratch of a stack of blocks. */
struct telu_net_scratch {
    float *a;                      /* [rows][width] x, between blocks */
    float *b;                      /* [rows][width] */
    float *h;                      /* [rows][...] features first, outputs at last */
};

struct telu_net_scratch telu_net_scratch_in(float *scratch, int rows, int width);

/* _floats() returns the size of a stack's state, _init() puts it into mem (zeroed, aligned to 64
 * bytes), _reset() clears the histories. */
size_t telu_net_floats(int width, int blocks, int kernel);
void telu_net_init(struct telu_net_state *s, float *mem);
void telu_net_reset(struct telu_net_state *s, int width, int blocks, int kernel);

/* y [rows][l->O] = layer of x [rows][l->I]; they must not overlap. 0, or -1. */
int telu_net_layer(struct telu_ctx *ctx, const struct telu_linear8 *l, float *y, const float *x,
                   int rows);

/* Runs block i of the stack: x->a = block(x->a), row r with history i of s[r]. 0, or -1. */
int telu_net_block(struct telu_ctx *ctx, const struct telu_block *w,
                   struct telu_net_state *const *s, const struct telu_net_scratch *x, int i,
                   int rows, int width, int kernel);

/* Packets of streams of one model: the state, input and output of each. */
struct telu_net_pass {
    int rows;                      /* 0 .. telu_net_rows() */
    struct telu_net_state *state[TELU_NET_ROWS];
    const float *in[TELU_NET_ROWS];
    float *out[TELU_NET_ROWS];
};

/* in c [320] -> out latent [cfg.latent] (encoder.c); in latent -> out c (decoder.c). An output may
 * lie in the memory of its input. 0, or -1. */
int telu_encoder_pass(struct telu_ctx *ctx, const struct telu_model *m,
                      const struct telu_net_pass *p, float *scratch);
int telu_decoder_pass(struct telu_ctx *ctx, const struct telu_model *m,
                      const struct telu_net_pass *p, float *scratch);

/* The same for one packet. */
int telu_encoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *latent, const float *c);
int telu_decoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *c, const float *latent);

/* postnet.c: state of a stream's post-network. _floats() returns 0 for a model without one. */
struct telu_postnet {
    struct telu_net_state net;
    void (*watch)(void *user, const struct telu_postnet_packet *p);    /* NULL, but in training */
    void *user;
};

size_t telu_postnet_floats(const struct telu_model *m);
void telu_postnet_init(struct telu_postnet *s, float *mem);
void telu_postnet_reset(struct telu_postnet *s, const struct telu_model *m);

/* Packets of streams, 0 .. telu_net_rows() of them; change [320] each: as in
 * telu_postnet_change(). */
struct telu_postnet_pass {
    int rows;
    struct telu_postnet *state[TELU_NET_ROWS];
    struct telu_postnet_packet packet[TELU_NET_ROWS];
    float *change[TELU_NET_ROWS];
};

int telu_postnet_run(struct telu_ctx *ctx, const struct telu_model *m,
                     const struct telu_postnet_pass *p, float *scratch);

/* rvq.c: latent -> the first S codes, a prefix of `prefix_bits` bits of stage S (0: none), and
 * sum, the latent that they decode to. coded: 1 minds the cost of each code (code.h). latent and
 * sum have cfg.latent floats and must not overlap. latent NULL: codes and prefix are given, and sum
 * alone is written. */
struct telu_rvq_row {
    int *codes, S;
    int *prefix, prefix_bits;
    int coded;
    float *sum;
    const float *latent;
};

/* Encodes or decodes the rows of a pass, 0 .. telu_net_rows(); all have a latent, or none. 0, or
 * -1. */
int telu_rvq_run(struct telu_ctx *ctx, const struct telu_model *m, const struct telu_rvq_row *row,
                 int rows, float *scratch);

/* The same for one packet. */
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
