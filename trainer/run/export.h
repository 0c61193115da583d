/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export.h - writes a weight file (kernels/FORMAT.md 2). */
#ifndef EXPORT_H
#define EXPORT_H

#include "weights.h"

/* A text for __metadata__: "training", "licence" ... */
struct export_text {
    const char *key, *value;
};

/* Writes blobs, in the order of telu_config_tensors() and, unless post is NULL or has no blocks,
 * telu_postnet_tensors(), to path: a temporary file in the same folder, synced and renamed, so that
 * path is never incomplete. The writer rejects blobs that the reader would refuse. id receives the
 * model id. Returns 0, or -1 and telu_error(). */
int export_model(const char *path, const struct telu_config *cfg,
                 const struct telu_postnet_config *post,
                 const struct telu_blob *blobs, int count,
                 const struct export_text *texts, int n_texts, char id[65]);

/* Writes weights of integers (telu_weights_pack()) in the same way. Returns 0, or -1 and
 * telu_error(). */
int export_integers(const char *path, const struct telu_weights *w,
                    const struct export_text *texts, int n_texts);

/* Returns 1 for a metadata key that the format itself writes. */
int export_own_key(const char *key);

#endif
