/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.c - see synthesis.h. */
#include "synthesis.h"

#include "dequantise.h"
#include "mdct.h"

#include <string.h>

size_t telu_synthesis_floats(void)
{
    return TELU_WAVE + 2 * TELU_OVERLAP + 2 * TELU_LTPF_SPAN + TELU_COEFS;
}

void telu_synthesis_init(struct telu_synthesis *s, float *memory)
{
    s->wave = memory;
    s->tail = s->wave + TELU_WAVE;
    s->change_tail = s->tail + TELU_OVERLAP;
    s->plain = s->change_tail + TELU_OVERLAP;
    s->prediction = s->plain + TELU_LTPF_SPAN;
    s->change = s->prediction + TELU_LTPF_SPAN;
}

void telu_synthesis_reset(struct telu_synthesis *s)
{
    memset(s->tail, 0, TELU_OVERLAP * sizeof(float));
    memset(s->change_tail, 0, TELU_OVERLAP * sizeof(float));
    memset(s->plain, 0, TELU_LTPF_SPAN * sizeof(float));
}

/* d: coefficients of the predicted waveform -> change of c. g: confidence of both hops. */
static int correct(struct telu_ctx *ctx, const struct telu_correction *how, float *d,
                   const float *c, const float *g)
{
    struct telu_postnet_packet packet = how->packet;

    if (!how->m) {
        telu_postfilter_change(d, c, d, g, how->bands, how->shape);
        return 0;
    }
    packet.c = c;
    packet.prediction = d;
    packet.confidence = g;
    return telu_postnet_run(ctx, how->m, how->net, d, &packet);
}

/* Adds the correction to pcm. The prediction reads the plain signal, never what was corrected, so
 * its memory ends with the packet before. */
static int add_correction(struct telu_ctx *ctx, struct telu_synthesis *s, const float *c,
                          const struct telu_correction *how, float *pcm)
{
    const float *x = s->prediction + TELU_EDGE;
    float g[2];

    if (ctx->be->ltpf(ctx, s->prediction, g, s->plain, 1) ||
        ctx->be->mdct(ctx, s->change, s->prediction, 2, 1) ||
        correct(ctx, how, s->change, c, g) ||
        ctx->be->imdct(ctx, s->prediction, s->change, 1, 2))
        return -1;
    for (int i = 0; i < TELU_PACKET; i++)
        pcm[i] += x[i];
    memcpy(s->change_tail, x + TELU_PACKET, TELU_OVERLAP * sizeof(*x));
    return 0;
}

/* The first 80 samples overlap the end of the packet before, the last 80 wait for the next one:
 * for the plain signal and for the correction alike. */
int telu_synthesis_run(struct telu_ctx *ctx, struct telu_synthesis *s, const float *c,
                       const struct telu_correction *how, float *pcm)
{
    const float *x = s->wave + TELU_EDGE;
    float *now = s->plain + TELU_LTPF_MAX_LAG;

    if (ctx->be->imdct(ctx, s->wave, c, 1, 2))
        return -1;
    memcpy(s->plain, now, TELU_PACKET * sizeof(*now));
    memcpy(now, x, TELU_PACKET * sizeof(*now));
    for (int i = 0; i < TELU_OVERLAP; i++)
        now[i] += s->tail[i];
    memcpy(s->tail, x + TELU_PACKET, TELU_OVERLAP * sizeof(*x));

    memcpy(pcm, now, TELU_PACKET * sizeof(*pcm));
    for (int i = 0; i < TELU_OVERLAP; i++)
        pcm[i] += s->change_tail[i];
    if (how)
        return add_correction(ctx, s, c, how, pcm);
    memset(s->change_tail, 0, TELU_OVERLAP * sizeof(float));
    return 0;
}
