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
    const struct telu_backend *be = ctx->be;
    const struct telu_linear16 *in = &m->dec_in;
    const struct telu_linear16 *value = &m->dec_value, *scale = &m->dec_scale;

    if (be->linear16(ctx, s->a, latent, in->w, in->b, 1, in->I, in->O))
        return -1;
    for (int i = 0; i < m->cfg.dec_blocks; i++)
        if (telu_net_block(ctx, &m->dec[i], s, i, m->cfg.dec_width, m->cfg.kernel))
            return -1;
    if (be->linear16(ctx, c, s->a, value->w, value->b, 1, value->I, value->O) ||
        be->linear16(ctx, s->h, s->a, scale->w, scale->b, 1, scale->I, scale->O))
        return -1;
    return be->head(ctx, c, c, s->h, TELU_COEFS);
}
