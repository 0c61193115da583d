/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spectral_loss.h - distance of a sound y from the original x that the post-network learns to
 * lessen, with its gradient. Both are brought to one level: -26 dB for each item.
 *
 *   Z = STFT / sqrt(3/8 n), |Z|^2 stands for |Z|^2 + 1e-8, M = triangles of sum 1
 *   magnitude  mean | |X|^1/2 - |Y|^1/2 |
 *   complex    mean | X |X|^-1/2 - Y |Y|^-1/2 |
 *   level      mean | log(M |X|^2 + 1e-7) - log(M |Y|^2 + 1e-7) |
 *   loudness   mean | (M |X|^2 + 1e-7)^1/4 - (M |Y|^2 + 1e-7)^1/4 |
 *
 * summed over STFTs of 256, 512, 1024 with 20, 40, 80 triangles. The compression is that of the
 * ear (loudness goes with about the fourth root of power), so what it hears counts. The loss is
 * magnitude + complex / 2 + level / 10 + loudness + disturbance / 10, the last that of
 * disturbance.h: spectra alone weigh a weak band beside a strong one as if it were alone.
 */
#ifndef SPECTRAL_LOSS_H
#define SPECTRAL_LOSS_H

struct spectral_loss;

struct spectral_value {
    double magnitude, complex, level, loudness, disturbance;
    double sum;                /* weighted: the loss */
};

/* For items of n >= 1024 samples, on the present threads of pool.h, which change no bit. */
struct spectral_loss *spectral_loss_new(int n);
void spectral_loss_free(struct spectral_loss *l);

/* Returns the losses; grad, unless NULL, gets the gradient of the sum with respect to y. x, y,
 * grad: B items of n samples, `stride` floats apart. */
struct spectral_value spectral_loss_run(struct spectral_loss *l, float *grad, const float *x,
                                        const float *y, int B, int stride);

#endif
