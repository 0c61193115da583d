/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stft.c - see stft.h. */
#include "stft.h"

#include "target_clones.h"
#include "memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define L STFT_LANES

void stft_init(struct stft *s, int n)
{
    const double pi = 3.14159265358979323846;

    s->n = n;
    s->hop = n / 4;
    s->bins = n / 2 + 1;
    s->window = floats(n);
    s->twiddle = floats(2 * n);
    for (int k = 0; k < n; k++) {
        s->window[k] = (float)(0.5 - 0.5 * cos(2.0 * pi * k / n));
        s->twiddle[2 * k] = (float)cos(2.0 * pi * k / n);
        s->twiddle[2 * k + 1] = (float)sin(2.0 * pi * k / n);
    }
    for (int i = 0; i < 2; i++) {
        s->re[i] = floats(n * L);
        s->im[i] = floats(n * L);
    }
}

void stft_release(struct stft *s)
{
    free(s->window);
    free(s->twiddle);
    for (int i = 0; i < 2; i++) {
        free(s->re[i]);
        free(s->im[i]);
    }
    memset(s, 0, sizeof(*s));
}

int stft_frames(const struct stft *s, int samples)
{
    return samples < s->n ? 0 : (samples - s->n) / s->hop + 1;
}

/* Makes one radix-4 pass of the self-sorting (Stockham) transform: m is the remaining
 * length, `run` neighbouring floats share a twiddle factor. */
TELU_TARGET_CLONES
static void pass4(float *restrict yr, float *restrict yi, const float *restrict xr,
                  const float *restrict xi, int m, int run, const float *w, int n)
{
    int q = m / 4 * run;

    for (int p = 0; p < m / 4; p++, xr += run, xi += run, yr += 4 * run,
                               yi += 4 * run) {
        int k = p * (n / m);
        float c1 = w[2 * k], s1 = w[2 * k + 1], c2 = w[4 * k], s2 = w[4 * k + 1];
        float c3 = w[6 * k], s3 = w[6 * k + 1];

        for (int j = 0; j < run; j++) {
            float ar = xr[j] + xr[2 * q + j], ai = xi[j] + xi[2 * q + j];
            float br = xr[j] - xr[2 * q + j], bi = xi[j] - xi[2 * q + j];
            float cr = xr[q + j] + xr[3 * q + j], ci = xi[q + j] + xi[3 * q + j];
            float dr = xr[q + j] - xr[3 * q + j], di = xi[q + j] - xi[3 * q + j];
            float er = br + di, ei = bi - dr, fr = br - di, fi = bi + dr;
            float gr = ar - cr, gi = ai - ci;

            yr[j] = ar + cr;
            yi[j] = ai + ci;
            yr[run + j] = er * c1 + ei * s1;
            yi[run + j] = ei * c1 - er * s1;
            yr[2 * run + j] = gr * c2 + gi * s2;
            yi[2 * run + j] = gi * c2 - gr * s2;
            yr[3 * run + j] = fr * c3 + fi * s3;
            yi[3 * run + j] = fi * c3 - fr * s3;
        }
    }
}

TELU_TARGET_CLONES
static void pass2(float *restrict yr, float *restrict yi, const float *restrict xr,
                  const float *restrict xi, int run)
{
    for (int j = 0; j < run; j++) {
        yr[j] = xr[j] + xr[run + j];
        yi[j] = xi[j] + xi[run + j];
        yr[run + j] = xr[j] - xr[run + j];
        yi[run + j] = xi[j] - xi[run + j];
    }
}

/* Transforms re[0], im[0]; returns the index of the pair with the result. */
static int transform(struct stft *s)
{
    int from = 0, m = s->n, run = L;

    for (; m >= 4; m /= 4, run *= 4, from ^= 1)
        pass4(s->re[!from], s->im[!from], s->re[from], s->im[from], m, run,
              s->twiddle, s->n);
    if (m == 2) {
        pass2(s->re[!from], s->im[!from], s->re[from], s->im[from], run);
        from ^= 1;
    }
    return from;
}

/* Transposes frames into columns. */
TELU_TARGET_CLONES
static void load(float *restrict to, const float *restrict x,
                 const float *restrict w, int n, int hop, int lanes)
{
    for (int t = 0; t < n; t++)
        for (int j = 0; j < lanes; j++)
            to[t * L + j] = w[t] * x[t + j * hop];
}

static int lanes_of(int f, int frames)
{
    return frames - f < L ? frames - f : L;
}

/* Splits Z = X + iY: X and Y are the parts of Z that are even and odd under conjugation
 * and reversal. */
TELU_TARGET_CLONES
static void split(float *restrict xr, float *restrict xi, float *restrict yr,
                  float *restrict yi, const float *restrict zr,
                  const float *restrict zi, int n)
{
    for (int k = 0; k <= n / 2; k++) {
        const float *ar = zr + k * L, *ai = zi + k * L;
        const float *br = zr + (n - k) % n * L, *bi = zi + (n - k) % n * L;

        for (int j = 0; j < L; j++) {
            xr[k * L + j] = 0.5f * (ar[j] + br[j]);
            xi[k * L + j] = 0.5f * (ai[j] - bi[j]);
            yr[k * L + j] = 0.5f * (ai[j] + bi[j]);
            yi[k * L + j] = 0.5f * (br[j] - ar[j]);
        }
    }
}

void stft_forward(struct stft *s, float *xr, float *xi, float *yr, float *yi,
                  const float *x, const float *y, int f, int frames)
{
    int lanes = lanes_of(f, frames), at;

    if (lanes < L) {
        memset(s->re[0], 0, sizeof(float) * s->n * L);
        memset(s->im[0], 0, sizeof(float) * s->n * L);
    }
    load(s->re[0], x + (long)f * s->hop, s->window, s->n, s->hop, lanes);
    load(s->im[0], y + (long)f * s->hop, s->window, s->n, s->hop, lanes);
    at = transform(s);
    split(xr, xi, yr, yi, s->re[at], s->im[at], s->n);
}

/* Inverts split() for sums over k = 0 .. n/2: Z = G + iH with each spectrum halved and
 * mirrored; at 0 and n/2 only the real part counts. Swapped real and imaginary parts make
 * the transform an inverse one. */
TELU_TARGET_CLONES
static void combine(float *restrict zr, float *restrict zi, const float *restrict gr,
                    const float *restrict gi, const float *restrict hr,
                    const float *restrict hi, int n)
{
    for (int k = 1; k < n / 2; k++)
        for (int j = 0; j < L; j++) {
            int i = k * L + j;

            zi[i] = 0.5f * (gr[i] - hi[i]);
            zr[i] = 0.5f * (gi[i] + hr[i]);
            zi[(n - k) * L + j] = 0.5f * (gr[i] + hi[i]);
            zr[(n - k) * L + j] = 0.5f * (hr[i] - gi[i]);
        }
    for (int k = 0; k <= n / 2; k += n / 2)
        for (int j = 0; j < L; j++) {
            zi[k * L + j] = gr[k * L + j];
            zr[k * L + j] = hr[k * L + j];
        }
}

TELU_TARGET_CLONES
static void store(float *restrict x, const float *restrict from,
                  const float *restrict w, int n, int hop, int lanes)
{
    for (int j = 0; j < lanes; j++, x += hop)
        for (int t = 0; t < n; t++)
            x[t] += w[t] * from[t * L + j];
}

void stft_adjoint(struct stft *s, float *dg, float *dh, const float *gr,
                  const float *gi, const float *hr, const float *hi, int f,
                  int frames)
{
    int lanes = lanes_of(f, frames), at;

    combine(s->re[0], s->im[0], gr, gi, hr, hi, s->n);
    at = transform(s);
    store(dg + (long)f * s->hop, s->im[at], s->window, s->n, s->hop, lanes);
    store(dh + (long)f * s->hop, s->re[at], s->window, s->n, s->hop, lanes);
}

void stft_adjoint_one(struct stft *s, float *dg, const float *gr, const float *gi,
                      const float *hr, const float *hi, int f, int frames)
{
    int at;

    combine(s->re[0], s->im[0], gr, gi, hr, hi, s->n);
    at = transform(s);
    store(dg + (long)f * s->hop, s->im[at], s->window, s->n, s->hop, lanes_of(f, frames));
    if (frames > f + L)
        store(dg + (long)(f + L) * s->hop, s->re[at], s->window, s->n, s->hop,
              lanes_of(f + L, frames));
}
