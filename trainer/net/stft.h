/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stft.h - short-time Fourier transforms of two real signals at once, and back.
 *
 *   X[f][k] = sum_{t = 0 .. n-1} w[t] x[f hop + t] exp(-2 pi i k t / n)
 *
 * with the periodic Hann window w, hop n/4, k = 0 .. n/2. Two real signals are one
 * complex one (x + i y), and STFT_LANES frames are transformed side by side, one in
 * each lane of the vector unit: arrays are [k][lane], float32 always.
 */
#ifndef STFT_H
#define STFT_H

#define STFT_LANES 16

struct stft {
    int n, hop, bins;          /* n a power of two, 16 .. 4096; bins = n/2 + 1 */
    float *window;
    float *twiddle;            /* cos, sin of 2 pi k / n, k < n */
    float *re[2], *im[2];      /* (n, lanes), twice: input and output of a pass */
};

void stft_init(struct stft *s, int n);
void stft_release(struct stft *s);

/* Returns the number of whole frames in `samples`. */
int stft_frames(const struct stft *s, int samples);

/* Transforms frames f .. f + lanes - 1 of x and y (zeros from frame `frames` on) into xr,
 * xi, yr, yi (bins, lanes). */
void stft_forward(struct stft *s, float *xr, float *xi, float *yr, float *yi,
                  const float *x, const float *y, int f, int frames);

/* Adjoint: adds to dg and dh (samples) the gradients of two losses g and h, given with
 * respect to the real and imaginary parts of one signal's transform. */
void stft_adjoint(struct stft *s, float *dg, float *dh, const float *gr,
                  const float *gi, const float *hr, const float *hi, int f,
                  int frames);

/* Adjoint of one signal: adds to dg the gradients (gr, gi) of frames f .. f + lanes - 1 and
 * (hr, hi) of the lanes frames behind them, both by one transform. */
void stft_adjoint_one(struct stft *s, float *dg, const float *gr, const float *gi,
                      const float *hr, const float *hi, int f, int frames);

#endif
