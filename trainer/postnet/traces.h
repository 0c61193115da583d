/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* traces.h - examples for the post-network: pieces of speech as the codec really decodes them, at
 * random levels, rates and losses. A pool of them is renewed piece by piece, so that coding
 * costs a fraction of a step. */
#ifndef TRACES_H
#define TRACES_H

#include "dataset.h"
#include "postnet.h"
#include "rng.h"
#include "weights.h"

/* One decoded packet, as struct telu_postnet_packet. */
struct trace_row {
    float c[TELU_COEFS], base[TELU_COEFS], prediction[TELU_COEFS], step[TELU_BANDS];
    float confidence[2];
    int q[TELU_COEFS];
    enum telu_postnet_kind kind;
    int stages;
};

struct telu_postnet_packet trace_packet(const struct trace_row *r);

struct traces {
    int n, T;                  /* pieces; packets of a piece */
    struct trace_row *row;     /* (n, T) */
    float *x;                  /* (n, (2 T + 1) 160) the speech, as model.h has it */
    const struct dataset *data;
    struct telu_model *m;      /* with a post-network that changes nothing */
    int next;                  /* piece to be renewed next */
};

/* The model of blobs (those of cfg alone) codes all pieces. Exits with the reason on failure. */
void traces_init(struct traces *t, const struct telu_config *cfg, const struct telu_blob *blobs,
                 int count, const struct dataset *data, int n, int T);
void traces_release(struct traces *t);

/* Codes `n` new pieces in place of the oldest, on the threads of pool.h; their number changes no
 * bit. */
void traces_renew(struct traces *t, int n, struct rng *rng);

#endif
