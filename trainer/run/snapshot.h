/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot.h - a network in training as the codec would load it: weights in the dtypes
 * of the file, codebooks in tree order, integer tables fitted to speech. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "dataset.h"
#include "model.h"
#include "weights.h"

struct snapshot {
    struct telu_config cfg;
    struct telu_postnet_config post;       /* blocks 0: none */
    struct telu_blob *blobs;
    int count, own;            /* of all tensors; without those of the post-network */
};

/* m keeps its order, so that training can continue. The tables are fitted to at most
 * `seconds` of d; `aloud`: prints the results. Returns 0, or -1 with telu_error() and nothing to
 * release, as for a network that no codec would load. */
int snapshot_make(struct snapshot *b, const struct model *m, const struct dataset *d,
                  int seconds, int aloud);

/* The network and tables of a weight file of floats as they are, without its post-network: the
 * model id stays. Returns 0; 1, with nothing to release, for a file of integers, of whose floats
 * only rounded ones are left; -1 with telu_error(). */
int snapshot_keep(struct snapshot *b, const char *path);

/* Returns a tensor in its type of the file, for free(). */
void *snapshot_tensor(const struct param *e);

void snapshot_release(struct snapshot *b);

/* Returns a model for telu_model_close(). */
struct telu_model *snapshot_model(const struct snapshot *b, const char *id);

#endif
