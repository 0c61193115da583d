/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.c - see synthesis.h. */
#include "synthesis.h"

#include "dequantise.h"
#include "mdct.h"

#include <string.h>

#define ALIGNED _Alignas(64)

size_t telu_synthesis_floats(void)
{
    return 2 * TELU_OVERLAP + TELU_LTPF_SPAN;
}

void telu_synthesis_init(struct telu_synthesis *s, float *memory)
{
    s->tail = memory;
    s->change_tail = s->tail + TELU_OVERLAP;
    s->plain = s->change_tail + TELU_OVERLAP;
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
    ALIGNED float wave[TELU_LTPF_SPAN];    /* predicted, then what the change gives */
    ALIGNED float change[TELU_COEFS];
    const float *x = wave + TELU_EDGE;
    float g[2];

    if (ctx->be->ltpf(ctx, wave, g, s->plain, 1) || ctx->be->mdct(ctx, change, wave, 2, 1) ||
        correct(ctx, how, change, c, g) || ctx->be->imdct(ctx, wave, change, 1, 2))
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
    ALIGNED float wave[TELU_WAVE];
    const float *x = wave + TELU_EDGE;
    float *now = s->plain + TELU_LTPF_MAX_LAG;

    if (ctx->be->imdct(ctx, wave, c, 1, 2))
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
