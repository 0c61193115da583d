/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* params.h - the trained tensors of telu_config_tensors(): weights and their
 * gradients in one array each, so that the optimiser is one loop; codebooks apart. */
#ifndef PARAMS_H
#define PARAMS_H

#include "config.h"
#include "rng.h"

#include <stddef.h>

struct param {
    struct telu_tensor t;
    size_t n;                  /* floats; 0 for integer tables */
    float *w, *g;              /* g is NULL for codebooks */
};

struct params {
    struct param *all;         /* in the order of telu_config_tensors() */
    int count;
    float *value, *grad;       /* weights */
    size_t total;
    float *books;
    size_t books_total;
};

/* The tensors of a network, or of its post-network: telu_config_tensors() or
 * telu_postnet_tensors(). post NULL: the network. Random weights as PyTorch starts linear layers:
 * uniform in +-1/sqrt(inputs). */
struct params *params_new(const struct telu_config *cfg, const struct telu_postnet_config *post,
                          struct rng *rng);
void params_free(struct params *p);

/* Returns the tensor prefix.name, or prefix.index.name, which must exist. */
struct param *params_get(struct params *p, const char *prefix, int index,
                         const char *name);
void params_zero_grad(struct params *p);

#endif
