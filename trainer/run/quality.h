/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quality.h - measures the whole codec on whole files: encoder, packets, decoder, and the
 * distance between output and input. */
#ifndef QUALITY_H
#define QUALITY_H

#include "dataset.h"
#include "metrics.h"
#include "telu.h"
#include "weights.h"

#define QUALITY_POINTS 5

struct quality_point {
    const char *name;          /* of the columns in metrics.csv */
    int bitrate, refinement;
};

/* The points: the base layer alone at 3 and 8 kbit/s; with refinement, tuned for SNR, 16,
 * 32, 48 kbit/s. */
extern const struct quality_point quality_points[QUALITY_POINTS];

/* Means over files, in dB, but mean and ratio over all samples. */
struct quality {
    double snr, si_sdr, lsd;
    double mean;               /* of the output, of full scale: there is no bias */
    double ratio;              /* output's deviation / original's */
    double bitrate;            /* the measured rate, bit/s */
};

/* Uses at most `files` of d, evenly spaced, without silent ones. Exits with a
 * message when a packet cannot be made. */
void quality_measure(struct quality q[QUALITY_POINTS], const struct telu_model *m,
                     const struct dataset *d, int files);

/* The codec, and the same with layers of floats: their difference is the integers' cost. */
struct quality_layers {
    struct quality integers[QUALITY_POINTS], floats[QUALITY_POINTS];
    int files;                 /* measured, none of them silent */
};

#define QUALITY_LAYERS_FILES   4
#define QUALITY_LAYERS_SECONDS 10      /* of each, at most */

/* Measures both on the first seconds of a few files of d, evenly spaced. blobs [count]: the tensors
 * that m was built from. Exits as quality_measure() does. */
void quality_layers(struct quality_layers *q, const struct telu_model *m,
                    const struct telu_blob *blobs, int count, const struct dataset *d);

/* Codes pcm [n] into packets and decodes them to y [n], with the ops of be, NULL: the CPU's.
 * Returns the bytes, -1 on failure. */
long quality_code(const struct telu_model *m, const struct telu_backend *be,
                  const struct telu_rate *rate, float *y, const float *pcm, long n);

/* Compares one sound with another. */
double quality_snr(const float *x, const float *y, long n);
double quality_si_sdr(const float *x, const float *y, long n);

void quality_print(const struct quality q[QUALITY_POINTS]);
void quality_print_layers(const struct quality_layers *q);
void quality_metrics(const struct quality q[QUALITY_POINTS], struct metrics *m);

#endif
