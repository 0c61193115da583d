/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* synthesis.h - synthesis of a decoded packet: inverse transform, overlap with the packet before,
 * long-term postfilter or post-network (FORMAT.md). synthesis.cu is the device's version.
 */
#ifndef TELU_SYNTHESIS_H
#define TELU_SYNTHESIS_H

#include "ltpf.h"

struct telu_synthesis {
    float *tail;               /* [80] overlap of the packet before */
    float *plain;              /* [320] the packet before, not filtered */
    float *change_tail;        /* [80] overlap of the packet before, of the change */
};

/* _floats() returns the size of a stream's state; _init() gets that many zeros, aligned to 64
 * bytes; _reset() clears the history. */
size_t telu_synthesis_floats(void);
void telu_synthesis_init(struct telu_synthesis *s, float *memory);
void telu_synthesis_reset(struct telu_synthesis *s);

/* wave [TELU_WAVE], the inverse transform of a packet -> pcm [320], without corrections, and span
 * [TELU_LTPF_SPAN], the packet before and this one, not filtered. One of both functions at the end
 * must follow. */
void telu_synthesis_plain(struct telu_synthesis *s, const float *wave, float *span, float *pcm);

/* Coefficients [rows][320] of the waveforms predicted from spans [rows][TELU_LTPF_SPAN], and their
 * confidence [rows][2] for both hops. wave [rows][TELU_LTPF_SPAN]: scratch. 0, or -1 and
 * telu_error(). */
int telu_synthesis_predict(struct telu_ctx *ctx, const float *span, float *wave, float *prediction,
                           float *confidence, int rows);

/* Adds the inverse transform [TELU_WAVE] of a change of the coefficients to pcm [320], or none; and
 * what the change before overlaps. */
void telu_synthesis_change(struct telu_synthesis *s, const float *wave, float *pcm);
void telu_synthesis_no_change(struct telu_synthesis *s, float *pcm);

#endif
