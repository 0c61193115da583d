/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encoder.c - the encoder network: coefficients of a packet -> latent.
 *
 *   c [320] --> compand --> in --> block 0 .. 2 --> out --> latent [128]
 *               640         256    256, K = 7,      128
 *                                  e = 2
 *
 * Sizes are those of the default config. The network is causal: one packet in, one latent out;
 * the blocks' histories hold the past. Weights are bfloat16, sums float32.
 */
#include "network.h"

int telu_encoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *latent, const float *c)
{
    const struct telu_backend *be = ctx->be;
    const struct telu_linear16 *in = &m->enc_in, *out = &m->enc_out;

    if (be->compand(ctx, s->h, c, 1) ||
        be->linear16(ctx, s->a, s->h, in->w, in->b, 1, in->I, in->O))
        return -1;
    for (int i = 0; i < m->cfg.enc_blocks; i++)
        if (telu_net_block(ctx, &m->enc[i], s, i, m->cfg.enc_width, m->cfg.kernel))
            return -1;
    return be->linear16(ctx, latent, s->a, out->w, out->b, 1, out->I, out->O);
}
