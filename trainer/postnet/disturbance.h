/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disturbance.h - how much a listener hears of the difference between a sound y and the original
 * x, with its gradient: the perceptual model of ITU-T P.862 and P.862.2 (PESQ), section 10.2, made
 * smooth enough to learn from. The sounds are aligned and at one level already, so what P.862 does
 * about delays, gains and filters is left out; frames overlap by three quarters, and bands are
 * half a Bark wide (Zwicker and Fastl, "Psychoacoustics", 1999: Bark scale, threshold in quiet).
 *
 *   loudness   L = S (T/0.5)^g ((0.5 + 0.5 P/T)^g - 1), P power of the band, T its threshold
 *   band       d = L_y - L_x moved towards 0 by min(L_x, L_y) / 4
 *   frame      D = sqrt(W sum (d w)^2), A = sum |d| w h, at most 45
 *   item       means of power 6 over 0.32 s, then of power 2: 0.1 D + 0.0309 A
 *
 * w is the width of a band, W of all. h = ((P_y + 50) / (P_x + 50))^1.2, at most 12 and 0 below 3,
 * counts what was added and not what was lost. D and A are divided by ((P + 1e5) / 1e7)^0.04, P the
 * frame's power in x. PESQ's raw score falls from 4.5 by about the sum.
 */
#ifndef DISTURBANCE_H
#define DISTURBANCE_H

struct disturbance;

/* For items of n >= 512 samples. One thread at a time may use it. */
struct disturbance *disturbance_new(int n);
void disturbance_free(struct disturbance *d);

/* Returns the disturbance of y [n] against x [n], both of root mean square 0.05 or near it. Adds
 * `weight` times its gradient with respect to y to grad [n], unless that is NULL. */
double disturbance_run(struct disturbance *d, float *grad, float weight, const float *x,
                       const float *y);

#endif
