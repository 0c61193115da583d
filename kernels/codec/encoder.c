/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encoder.c - the encoder network: coefficients of a packet -> latent.
 *
 *   c [320] --> compand --> in --> block 0 .. 2 --> out --> latent [128]
 *               640         256    256, K = 7,      128
 *                                  e = 2
 *
 * Sizes are those of the default config. The network is causal: one packet in, one latent out;
 * the blocks' histories hold the past. Layers add in integers (linear8.h).
 */
#include "network.h"

int telu_encoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *latent, const float *c)
{
    struct telu_net_scratch x;

    if (ctx->be->compand(ctx, x.h, c, 1) ||
        telu_net_layer(ctx, &m->enc_in, x.a, x.h))
        return -1;
    for (int i = 0; i < m->cfg.enc_blocks; i++)
        if (telu_net_block(ctx, &m->enc[i], s, &x, i, m->cfg.enc_width, m->cfg.kernel))
            return -1;
    return telu_net_layer(ctx, &m->enc_out, latent, x.a);
}
