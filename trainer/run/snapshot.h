/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot.h - a network in training as the codec would load it: weights in the dtypes
 * of the file, codebooks in tree order, integer tables fitted to speech. */
#ifndef BUNDLE_H
#define BUNDLE_H

#include "dataset.h"
#include "model.h"
#include "weights.h"

struct bundle {
    struct telu_config cfg;
    struct telu_blob *blobs;
    int count;
};

/* m keeps its order, so that training can go on. The tables are fitted to at most
 * `seconds` of d; `aloud`: says what it finds. Exits with the reason when it cannot. */
void bundle_make(struct bundle *b, const struct model *m, const struct dataset *d,
                 int seconds, int aloud);
void bundle_release(struct bundle *b);

/* For telu_model_close(). */
struct telu_model *bundle_model(const struct bundle *b, const char *id);

#endif
