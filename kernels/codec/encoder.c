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

#include <string.h>

int telu_encoder_pass(struct telu_ctx *ctx, const struct telu_model *m,
                      const struct telu_net_pass *p, float *scratch)
{
    const struct telu_config *c = &m->cfg;
    const struct telu_net_scratch x = telu_net_scratch_in(scratch, p->rows, c->enc_width);

    if (!p->rows)
        return 0;
    for (int r = 0; r < p->rows; r++)
        if (ctx->be->compand(ctx, x.h + r * TELU_FEATURES, p->in[r], 1))
            return -1;
    if (telu_net_layer(ctx, &m->enc_in, x.a, x.h, p->rows))
        return -1;
    for (int i = 0; i < c->enc_blocks; i++)
        if (telu_net_block(ctx, &m->enc[i], p->state, &x, i, p->rows, c->enc_width, c->kernel))
            return -1;
    if (telu_net_layer(ctx, &m->enc_out, x.h, x.a, p->rows))
        return -1;
    for (int r = 0; r < p->rows; r++)
        memcpy(p->out[r], x.h + r * c->latent, (size_t)c->latent * sizeof(float));
    return 0;
}

int telu_encoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *latent, const float *c)
{
    const struct telu_net_pass p = { 1, { s }, { c }, { latent } };
    _Alignas(64) float scratch[TELU_NET_ROW_SCRATCH];

    return telu_encoder_pass(ctx, m, &p, scratch);
}
