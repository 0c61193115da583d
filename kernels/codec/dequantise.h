/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dequantise.h - dequantised coefficients of a packet, with noise filling: FORMAT.md, "Sound" and
 * "Long-term postfilter".
 */
#ifndef TELU_DEQUANTISE_H
#define TELU_DEQUANTISE_H

#include "refine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_FIRST_NOISE_BAND 10       /* first band with random signs: 1.9 kHz */

/* Dequantises a base layer alone, from coefficient `first` on: base [320] -> y [320]; y may be base
 * on the host only. u: state of the noise generator before the first sign of the packet. */
TELU_PUBLIC void telu_dequantise_base(float *y, int first, const float *base, uint32_t u);

/* Computes d [320], the change of coefficients c [320] by the long-term postfilter (ltpf.h).
 * prediction [320]: coefficients of the predicted waveform; g [2]: confidence of each hop; d may
 * be prediction. A prediction within about a step of c moves c towards it; a distant one has
 * little effect. Shape 0, tuned for SNR, changes all bands, over half the range. */
TELU_PUBLIC void telu_postfilter_change(float *d, const float *c, const float *prediction,
                                const float *g, const struct telu_bands *p, int shape);

/* Dequantises a refined packet: q, base [320] -> y [320]; y may be base on the host only. */
TELU_PUBLIC void telu_dequantise_refined(float *y, const int *q, const struct telu_bands *p,
                                 const struct telu_tables *t, const float *base, int shape);

#ifdef __cplusplus
}
#endif
#endif
