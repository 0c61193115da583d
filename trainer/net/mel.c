/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mel.c - see mel.h. */
#include "mel.h"

#include <math.h>
#include <string.h>

#define RATE 16000.0

static double mel_of(double f)
{
    return 2595.0 * log10(1.0 + f / 700.0);
}

void mel_triangles(int *first, int *count, float *weight, int mels, int fft)
{
    double edge[MEL_MOST + 2];
    int bins = fft / 2 + 1;

    memset(weight, 0, sizeof(float) * mels * bins);
    for (int i = 0; i < mels + 2; i++)
        edge[i] = 700.0 * (pow(10.0, mel_of(RATE / 2) * i / (mels + 1) / 2595.0) - 1.0);
    for (int i = 0; i < mels; i++, weight += bins) {
        first[i] = count[i] = 0;
        for (int k = 0; k < bins; k++) {
            double f = RATE * k / fft;
            double up = (f - edge[i]) / (edge[i + 1] - edge[i]);
            double down = (edge[i + 2] - f) / (edge[i + 2] - edge[i + 1]);
            double w = up < down ? up : down;

            if (w <= 0.0)
                continue;
            if (!count[i])
                first[i] = k;
            count[i] = k + 1 - first[i];
            weight[k - first[i]] = (float)w;
        }
    }
}
