/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* postnet_file.h - the checkpoint of a post-network in training. */
#ifndef POSTNET_FILE_H
#define POSTNET_FILE_H

#include "adamw.h"
#include "params.h"
#include "rng.h"

struct postnet_file {
    const char *path;
    struct telu_postnet_config post;
    int seed;
    long *step;
    struct rng *rng;
    struct adamw *adam;
    struct params *params;
};

/* Replaces the file as a whole; exits with the reason on failure. */
void postnet_save(const struct postnet_file *f);

/* Returns 0, or -1 when there is no such file; exits when it is damaged or of another network. */
int postnet_load(const struct postnet_file *f);

#endif
