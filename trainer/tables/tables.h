/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tables.h - fits the integer tables of a weight file to speech, given a trained network
 * with codebooks in tree order. */
#ifndef TABLES_H
#define TABLES_H

#include "weights.h"

struct tables_clip {
    const float *pcm;          /* 16 kHz mono */
    long n;                    /* samples */
};

#define TABLES_SECONDS 1300    /* enough for the tables of a good weight file */

/* blobs: in the order of telu_config_tensors(), each tensor in its dtype of the file.
 * Those of the tables point at buffers of telu_tensor_bytes() that this call fills; the
 * others are read. At most `seconds` of the clips are used, spread evenly; a minute
 * suffices to follow training. log may be NULL. Returns 0, or -1 and telu_error(). */
int tables_fit(const struct telu_config *cfg, struct telu_blob *blobs, int count,
               const struct tables_clip *clips, int n_clips, int seconds,
               void (*log)(void *user, const char *text), void *user);

#endif
