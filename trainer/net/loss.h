/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loss.h - three distances of a sound y from the original x, with gradients.
 *
 *   mel   mean |log(M |Y| + 1e-4) - log(M |X| + 1e-4)|: the level of each band
 *   cpx   mean |C(Y) - C(X)|, real and imaginary parts, C(Z) = Z (|Z|^2 + 1e-8)^-0.35:
 *         knows the phase, and does not let loud bins hide the quiet ones
 *   wave  sqrt(sum (x - y)^2 / (sum x^2 + 1e-3) + 1e-4) per item
 *
 * mel and cpx are averaged over STFTs of 128, 512, 1024 with 20, 60, 80 triangles; |Z|
 * stands for sqrt(|Z|^2 + 1e-8), so silence has a gradient, and a finite one. Each term
 * has its own gradient, which the balancer weighs (balance.h).
 */
#ifndef LOSS_H
#define LOSS_H

struct loss;

struct loss_value {
    double mel, cpx, wave;
};

/* Makes scratch for the present threads of pool.h, which take one item each in
 * loss_run(); their number changes no bit. */
struct loss *loss_new(void);
void loss_free(struct loss *l);

/* Returns the losses, and writes their gradients with respect to y. x, y and the
 * gradients: B items of n >= 1024 samples, `stride` floats apart. */
struct loss_value loss_run(struct loss *l, float *mel, float *cpx, float *wave,
                           const float *x, const float *y, int B, int n, int stride);

#endif
