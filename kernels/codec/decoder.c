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

#include <string.h>

int telu_decoder_pass(struct telu_ctx *ctx, const struct telu_model *m,
                      const struct telu_net_pass *p, float *scratch)
{
    const struct telu_config *c = &m->cfg;
    const struct telu_net_scratch x = telu_net_scratch_in(scratch, p->rows, c->dec_width);
    const int all = p->rows * TELU_COEFS;

    if (!p->rows)
        return 0;
    for (int r = 0; r < p->rows; r++)
        memcpy(x.h + r * c->latent, p->in[r], (size_t)c->latent * sizeof(float));
    if (telu_net_layer(ctx, &m->dec_in, x.a, x.h, p->rows))
        return -1;
    for (int i = 0; i < c->dec_blocks; i++)
        if (telu_net_block(ctx, &m->dec[i], p->state, &x, i, p->rows, c->dec_width, c->kernel))
            return -1;
    if (telu_net_layer(ctx, &m->dec_value, x.h, x.a, p->rows) ||
        telu_net_layer(ctx, &m->dec_scale, x.h + all, x.a, p->rows) ||
        ctx->be->head(ctx, x.h, x.h, x.h + all, all))
        return -1;
    for (int r = 0; r < p->rows; r++)
        memcpy(p->out[r], x.h + r * TELU_COEFS, TELU_COEFS * sizeof(float));
    return 0;
}

int telu_decoder_net(struct telu_ctx *ctx, const struct telu_model *m,
                     struct telu_net_state *s, float *c, const float *latent)
{
    const struct telu_net_pass p = { 1, { s }, { latent }, { c } };
    _Alignas(64) float scratch[TELU_NET_ROW_SCRATCH];

    return telu_decoder_pass(ctx, m, &p, scratch);
}
