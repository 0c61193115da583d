/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dequantise.h - the coefficients that are heard, of what a packet holds: FORMAT.md, "Sound" and
 * "Long-term postfilter".
 */
#ifndef TELU_DEQUANTISE_H
#define TELU_DEQUANTISE_H

#include "refine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* base -> y [320], the sound of a base layer alone; u: before the first sign; y may be
 * base, but not among lanes. */
TELU_PUBLIC void telu_dequantise_base(float *y, const float *base, uint32_t u);

/* What the long-term postfilter (ltpf.h) changes of coefficients c [320]: again [320] are
 * those of its y, g [2] its strengths. Where again is within about a step of c it takes c
 * some of the way there; where it is far off it is not believed. With shape 0 the nearest
 * waveform is wanted: in all bands, but not as far. -> d [320], to be added to c, may be
 * again. */
TELU_PUBLIC void telu_postfilter_change(float *d, const float *c, const float *prediction,
                                const float *g, const struct telu_bands *p, int shape);

/* q, base -> y [320], "Sound" in FORMAT.md; y may be base, but not among lanes. */
TELU_PUBLIC void telu_dequantise_refined(float *y, const int *q, const struct telu_bands *p,
                                 const struct telu_tables *t, const float *base, int shape);

#ifdef __cplusplus
}
#endif
#endif
