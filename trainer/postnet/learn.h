/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* learn.h - trains a post-network for a finished network, on the CPU. */
#ifndef LEARN_H
#define LEARN_H

#include "dataset.h"
#include "snapshot.h"

#include <signal.h>

struct learning {
    struct telu_postnet_config post;
    long steps;                /* in all */
    int batch, packets;        /* pieces in a step, packets of each */
    double rate;               /* highest learning rate */
    int seed;
    const char *init;          /* weight file with a post-network to begin from; NULL: none */
    const char *checkpoint;    /* file to go on from if it is there, and to save to */
    const volatile sig_atomic_t *stop;
};

/* Learns from `data` as the network of b decodes it, and appends the post-network's tensors to b.
 * The loss is spectral_loss.h's. Returns 0, or 1 when *stop
 * ended it; the same call goes on then. Exits with the reason on failure. */
int learn_postnet(struct snapshot *b, const struct dataset *data, const struct learning *l);

#endif
