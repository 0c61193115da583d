/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* measure.c - how near one sound is to another. */
#include "picture.h"

#include <gst/fft/gstfftf32.h>
#include <math.h>

#define HOP (MEASURE_FFT / 2)
#define RATE 16000
/* Bins below -100 dB of full scale count as that: digital silence has no spectrum. */
#define FLOOR 1e-10

const int measure_edge[MEASURE_BANDS + 1] = { 0, 250, 500, 1000, 2000, 4000, 8000 };

struct Spectrum
{
  GstFFTF32 *fft;
  float frame[MEASURE_FFT];
  GstFFTF32Complex bin[MEASURE_FFT / 2 + 1];
  float power[MEASURE_FFT / 2 + 1];
};

Spectrum *
spectrum_new (void)
{
  Spectrum *s = g_new (Spectrum, 1);

  s->fft = gst_fft_f32_new (MEASURE_FFT, FALSE);
  return s;
}

void
spectrum_free (Spectrum * s)
{
  gst_fft_f32_free (s->fft);
  g_free (s);
}

const float *
spectrum_power (Spectrum * s, const float *x, gsize n, gint64 at)
{
  for (int i = 0; i < MEASURE_FFT; i++) {
    const gint64 k = at - MEASURE_FFT / 2 + i;

    s->frame[i] = k >= 0 && k < (gint64) n ? x[k] : 0;
  }
  gst_fft_f32_window (s->fft, s->frame, GST_FFT_WINDOW_HANN);
  gst_fft_f32_fft (s->fft, s->frame, s->bin);
  for (int k = 0; k <= MEASURE_FFT / 2; k++)
    s->power[k] = (s->bin[k].r * s->bin[k].r + s->bin[k].i * s->bin[k].i)
        / (MEASURE_FFT * MEASURE_FFT / 16.0f);
  return s->power;
}

static double
db (double power)
{
  return 10 * log10 (power + 1e-20);
}

static double
deviation (const float *x, gsize n, double *mean)
{
  double sum = 0, square = 0;

  for (gsize i = 0; i < n; i++) {
    sum += x[i];
    square += (double) x[i] * x[i];
  }
  *mean = sum / n;
  return sqrt (MAX (square / n - *mean * *mean, 0));
}

/* Log-spectral distance and the bands' levels. */
static void
compare_spectra (const float *before, const float *after, gsize n, Measure * m)
{
  Spectrum *s[2] = { spectrum_new (), spectrum_new () };
  double sum[MEASURE_BANDS][2] = { {0} }, lsd = 0;
  const int bins = MEASURE_FFT / 2 + 1;
  int frames = 0;

  for (gint64 at = 0; at < (gint64) n; at += HOP, frames++) {
    const float *x = spectrum_power (s[0], before, n, at);
    const float *y = spectrum_power (s[1], after, n, at);
    double square = 0;
    int band = 0;

    for (int k = 0; k < bins; k++) {
      const double d = 10 * log10 ((x[k] + FLOOR) / (y[k] + FLOOR));

      square += d * d;
      while (band < MEASURE_BANDS - 1 && k * RATE / MEASURE_FFT >= measure_edge[band + 1])
        band++;
      sum[band][0] += x[k];
      sum[band][1] += y[k];
    }
    lsd += sqrt (square / bins);
  }
  m->lsd = lsd / frames;
  /* A sine of full scale spreads over bins whose powers add up to 1.5 under a Hann window. */
  for (int b = 0; b < MEASURE_BANDS; b++)
    for (int i = 0; i < 2; i++)
      m->band[b][i] = db (sum[b][i] / frames / 1.5 / 2);
  spectrum_free (s[0]);
  spectrum_free (s[1]);
}

Measure
measure (const float *before, const float *after, gsize n)
{
  double xx = 0, xy = 0, noise = 0, mean, dev[2], gain, wanted = 0, rest = 0;
  Measure m;

  for (gsize i = 0; i < n; i++) {
    xx += (double) before[i] * before[i];
    xy += (double) before[i] * after[i];
    noise += ((double) before[i] - after[i]) * ((double) before[i] - after[i]);
  }
  gain = xy / (xx + 1e-20);
  for (gsize i = 0; i < n; i++) {
    const double target = gain * before[i];

    wanted += target * target;
    rest += (after[i] - target) * (after[i] - target);
  }
  dev[0] = deviation (before, n, &mean);
  dev[1] = deviation (after, n, &m.mean);
  m.snr = 10 * log10 (xx / (noise + 1e-20) + 1e-20);
  m.si_sdr = 10 * log10 (wanted / (rest + 1e-20) + 1e-20);
  m.level[0] = 20 * log10 (dev[0] + 1e-10);
  m.level[1] = 20 * log10 (dev[1] + 1e-10);
  m.deviation = dev[1] / (dev[0] + 1e-20);
  compare_spectra (before, after, n, &m);
  return m;
}
