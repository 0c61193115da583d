/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.c - see synthesis.h. */
#include "synthesis.h"

#include "mdct.h"

#include <string.h>

size_t telu_synthesis_floats(void)
{
    return 2 * TELU_OVERLAP + TELU_LTPF_MAX_LAG;
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
    memset(s->plain, 0, TELU_LTPF_MAX_LAG * sizeof(float));
}

/* The first 80 samples overlap the end of the packet before, the last 80 wait for the next one:
 * for the plain signal and for the correction alike. */
void telu_synthesis_plain(struct telu_synthesis *s, const float *wave, float *span, float *pcm)
{
    const float *x = wave + TELU_EDGE;
    float *now = span + TELU_LTPF_MAX_LAG;

    memcpy(span, s->plain, TELU_LTPF_MAX_LAG * sizeof(*span));
    memcpy(now, x, TELU_PACKET * sizeof(*now));
    for (int i = 0; i < TELU_OVERLAP; i++)
        now[i] += s->tail[i];
    memcpy(s->plain, now, TELU_PACKET * sizeof(*now));
    memcpy(s->tail, x + TELU_PACKET, TELU_OVERLAP * sizeof(*x));
    memcpy(pcm, now, TELU_PACKET * sizeof(*pcm));
}

/* Adds the end of the change before. */
static void add_tail(const struct telu_synthesis *s, float *pcm)
{
    for (int i = 0; i < TELU_OVERLAP; i++)
        pcm[i] += s->change_tail[i];
}

/* The prediction reads the plain signal, never what was corrected, so its memory ends with the
 * packet before. */
int telu_synthesis_predict(struct telu_ctx *ctx, const float *span, float *wave, float *prediction,
                           float *confidence, int rows)
{
    return ctx->be->ltpf(ctx, wave, confidence, span, rows) ||
           ctx->be->mdct(ctx, prediction, wave, 2 * rows, 1) ? -1 : 0;
}

void telu_synthesis_change(struct telu_synthesis *s, const float *wave, float *pcm)
{
    const float *x = wave + TELU_EDGE;

    add_tail(s, pcm);
    for (int i = 0; i < TELU_PACKET; i++)
        pcm[i] += x[i];
    memcpy(s->change_tail, x + TELU_PACKET, TELU_OVERLAP * sizeof(*x));
}

void telu_synthesis_no_change(struct telu_synthesis *s, float *pcm)
{
    add_tail(s, pcm);
    memset(s->change_tail, 0, TELU_OVERLAP * sizeof(float));
}
