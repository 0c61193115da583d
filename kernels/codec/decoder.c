/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decoder.c - the decoder network: latent -> coefficients of a packet.
 *
 *                                              .--> value --.
 *   latent [128] --> in --> block 0 .. 4 --> --+            head --> c [320]
 *                    320    320, K = 7,        '--> scale --'
 *                           e = 2
 *
 * head: value * exp(clamp(scale)), signed and unbounded, so that loud voices keep their level.
 * The decoder network is larger than the encoder's, because it determines the quality. The
 * encoder runs it too and quantises the residual of its base layer.
 */
#include "network.h"

int telu_decoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *c, const float *latent)
{
    struct telu_net_scratch x;

    if (telu_net_layer(ctx, &m->dec_in, x.a, latent))
        return -1;
    for (int i = 0; i < m->cfg.dec_blocks; i++)
        if (telu_net_block(ctx, &m->dec[i], s, &x, i, m->cfg.dec_width, m->cfg.kernel))
            return -1;
    if (telu_net_layer(ctx, &m->dec_value, c, x.a) ||
        telu_net_layer(ctx, &m->dec_scale, x.h, x.a))
        return -1;
    return ctx->be->head(ctx, c, c, x.h, TELU_COEFS);
}
