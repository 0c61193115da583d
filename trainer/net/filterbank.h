/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filterbank.h - the triangles of mel.h for one STFT, and small sums of the losses that use it. */
#ifndef FILTERBANK_H
#define FILTERBANK_H

#include "stft.h"

struct filterbank {
    int n;
    int *first, *count;        /* bins of a triangle */
    float *weight;             /* (n, bins) */
};

void filterbank_init(struct filterbank *m, int mels, int fft);
void filterbank_release(struct filterbank *m);

/* Returns the sum over the lanes, in double. */
static inline double lanes_total(const float part[STFT_LANES])
{
    double sum = 0.0;

    for (int j = 0; j < STFT_LANES; j++)
        sum += part[j];
    return sum;
}

static inline float sign_of(float x)
{
    return (float)((x > 0.0f) - (x < 0.0f));
}

#endif
