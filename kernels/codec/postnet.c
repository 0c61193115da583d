/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* postnet.c - the post-network of a live stream (postnet.h).
 *
 *   features [1352] --> in --> block 0 .. 3 --> out --> correction, to prediction, to base
 *                       256    256, K = 7,      960     320 each
 *                              e = 2
 *
 * Sizes are those of the shipped weights. It is causal and adds no delay.
 */
#include "network.h"

size_t telu_postnet_floats(const struct telu_model *m)
{
    return telu_net_floats(m->post.width, m->post.blocks, m->cfg.kernel);
}

void telu_postnet_init(struct telu_postnet *s, float *mem)
{
    telu_net_init(&s->net, mem);
}

void telu_postnet_reset(struct telu_postnet *s, const struct telu_model *m)
{
    telu_net_reset(&s->net, m->post.width, m->post.blocks, m->cfg.kernel);
}

int telu_postnet_run(struct telu_ctx *ctx, const struct telu_model *m,
                     const struct telu_postnet_pass *p, float *scratch)
{
    const struct telu_net_scratch x = telu_net_scratch_in(scratch, p->rows, m->post.width);
    struct telu_net_state *state[TELU_NET_ROWS];

    if (!p->rows)
        return 0;
    for (int r = 0; r < p->rows; r++) {
        struct telu_postnet *s = p->state[r];

        state[r] = &s->net;
        if (s->watch)
            s->watch(s->user, &p->packet[r]);
        telu_postnet_features(x.h + r * TELU_POSTNET_FEATURES, &p->packet[r]);
    }
    if (telu_net_layer(ctx, &m->post_in, x.a, x.h, p->rows))
        return -1;
    for (int i = 0; i < m->post.blocks; i++)
        if (telu_net_block(ctx, &m->post_block[i], state, &x, i, p->rows, m->post.width,
                           m->cfg.kernel))
            return -1;
    if (telu_net_layer(ctx, &m->post_out, x.h, x.a, p->rows))
        return -1;
    for (int r = 0; r < p->rows; r++)
        telu_postnet_change(p->change[r], x.h + r * TELU_POSTNET_OUTPUTS, &p->packet[r]);
    return 0;
}
