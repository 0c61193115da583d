/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mel.h - triangles of height 1, evenly spaced on the mel scale (2595 log10(1 + f / 700))
 * from 0 Hz to half the rate, for the loss on CPU and device. */
#ifndef MEL_H
#define MEL_H

#ifdef __cplusplus
extern "C" {
#endif

#define MEL_MOST 126           /* triangles */

/* Triangle i, 0 .. mels-1, covers bins first[i] .. first[i] + count[i] - 1 of fft/2 + 1,
 * with weight[i (fft/2 + 1) ...]; count may be 0. weight: (mels, fft/2 + 1). */
void mel_triangles(int *first, int *count, float *weight, int mels, int fft);

#ifdef __cplusplus
}
#endif
#endif
