/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rvq.c - residual vector quantiser: each stage picks the code nearest to the residual of the
 * stages before it. The search runs in a space of few dimensions, one for each stage.
 *
 *   r = latent
 *   stage s:   z = in(r)     code = nearest(z)     v = out(book[code])      (code.h: at what cost)
 *              r -= v        sum += v
 *
 * A prefix names a node of the last stage's tree: the mean of the codes below it.
 */
#include "network.h"

#include "code.h"

#include <string.h>

/* sum += out(v), and r -= out(v) unless r is NULL. */
static int add_stage(struct telu_ctx *ctx, const struct telu_model *m, int s,
                     float *sum, float *r, const float *v)
{
    const struct telu_stage *st = &m->vq[s];
    _Alignas(64) float out[TELU_MAX_WIDTH];
    int latent = m->cfg.latent;

    if (ctx->be->linear(ctx, out, v, st->out, st->outb, 1, st->dim, latent))
        return -1;
    for (int i = 0; i < latent; i++)
        sum[i] += out[i];
    for (int i = 0; r && i < latent; i++)
        r[i] -= out[i];
    return 0;
}

/* Centroid of the codes that begin with a prefix of `bits` bits. */
static const float *node(const struct telu_model *m, int s, int prefix, int bits)
{
    return m->vq[s].tree + ((size_t)(1 << bits) + prefix) * m->vq[s].dim;
}

/* Nearest node of `bits` bits, the lowest of equal ones. A plain search does: nodes are few and
 * searches rare. */
static int nearest_node(const struct telu_model *m, int s, int bits, const float *z)
{
    float least = 0.0f;
    int best = 0;

    for (int v = 0; v < 1 << bits; v++) {
        const float *c = node(m, s, v, bits);
        float sum = 0.0f;

        for (int d = 0; d < m->vq[s].dim; d++)
            sum += (z[d] - c[d]) * (z[d] - c[d]);
        if (v == 0 || sum < least) {
            least = sum;
            best = v;
        }
    }
    return best;
}

int telu_rvq_encode(struct telu_ctx *ctx, const struct telu_model *m, int *codes,
                    int S, int *prefix, int prefix_bits, int coded, float *sum,
                    const float *latent)
{
    size_t bytes = (size_t)m->cfg.latent * sizeof(float);
    _Alignas(64) float r[TELU_MAX_WIDTH], z[TELU_MAX_DIM];
    const struct telu_backend *be = ctx->be;

    memcpy(r, latent, bytes);
    memset(sum, 0, bytes);
    *prefix = 0;
    for (int s = 0; s < S + (prefix_bits > 0); s++) {
        const struct telu_stage *st = &m->vq[s];
        const float *v;

        if (be->linear(ctx, z, r, st->in, st->inb, 1, m->cfg.latent, st->dim))
            return -1;
        if (s < S) {
            int32_t code;

            const float *bias = coded ? telu_code_bias(&m->tab, s, codes[0]) : NULL;

            if (be->nearest(ctx, &code, z, st->tbook, bias, 1, m->cfg.codes, st->dim))
                return -1;
            codes[s] = code;
            v = st->book + (size_t)code * st->dim;
        } else {
            *prefix = nearest_node(m, s, prefix_bits, z);
            v = node(m, s, *prefix, prefix_bits);
        }
        if (add_stage(ctx, m, s, sum, r, v))
            return -1;
    }
    return 0;
}

int telu_rvq_decode(struct telu_ctx *ctx, const struct telu_model *m, float *sum,
                    const int *codes, int S, int prefix, int prefix_bits)
{
    memset(sum, 0, (size_t)m->cfg.latent * sizeof(float));
    for (int s = 0; s < S; s++)
        if (add_stage(ctx, m, s, sum, NULL,
                      m->vq[s].book + (size_t)codes[s] * m->vq[s].dim))
            return -1;
    return prefix_bits > 0
        ? add_stage(ctx, m, S, sum, NULL, node(m, S, prefix, prefix_bits)) : 0;
}
