/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.h - encoder and decoder network and the residual VQ between them, packet by
 * packet; state is an argument. The diagrams stand in encoder.c and decoder.c.
 */
#ifndef TELU_NETWORK_H
#define TELU_NETWORK_H

#include "backend.h"
#include "weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/* History of one stack of blocks and room to work in; one arena per stream. */
struct telu_net_state {
    float *hist[TELU_MAX_BLOCKS];  /* (K-1, C) each */
    float *a, *b;                  /* (width) each */
    float *h;                      /* (expand * width), at least TELU_FEATURES */
};

/* Floats that a state of such a stack takes; lay it out in mem (zeroed). */
size_t telu_net_floats(int width, int blocks, int kernel, int expand);
void telu_net_init(struct telu_net_state *s, float *mem, int width, int blocks,
                   int kernel);
void telu_net_reset(struct telu_net_state *s, int width, int blocks, int kernel);

/* Block i of the stack: a = block(a), with history i; b and h are overwritten. */
int telu_net_block(struct telu_ctx *ctx, const struct telu_block *w,
                   struct telu_net_state *s, int i, int width, int kernel);

/* c [320] -> latent [cfg.latent] (encoder.c). */
int telu_encoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *latent, const float *c);

/* latent -> c [320] (decoder.c). */
int telu_decoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *c, const float *latent);

/* rvq.c: latent -> the first S codes, then a prefix of `prefix_bits` bits of stage S
 * (0: none), and what they decode to. latent and sum have cfg.latent floats and must
 * not overlap. */
int telu_rvq_encode(struct telu_ctx *ctx, const struct telu_model *m, int *codes,
                    int S, int *prefix, int prefix_bits, float *sum,
                    const float *latent);
int telu_rvq_decode(struct telu_ctx *ctx, const struct telu_model *m, float *sum,
                    const int *codes, int S, int prefix, int prefix_bits);

/* codec.c, for tests: the latent of the last packet that the networks ran for. */
const float *telu_encoder_latent(const struct telu_encoder *e);

#ifdef __cplusplus
}
#endif
#endif
