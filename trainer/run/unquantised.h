/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unquantised.h - the codec with layers of floats in place of integers (linear8.h), which tells
 * what the integers cost. Nothing promises its packets and samples. */
#ifndef UNQUANTISED_H
#define UNQUANTISED_H

#include "backend.h"
#include "weights.h"

struct unquantised;

/* blobs [count]: the tensors that m was built from, in their order. m must outlive it. Exits with
 * the reason where memory is short. */
struct unquantised *unquantised_new(const struct telu_model *m, const struct telu_blob *blobs,
                                    int count);

/* Returns the ops for telu_encoder_new() and telu_decoder_new(), for streams of m alone, in any
 * threads. */
const struct telu_backend *unquantised_ops(const struct unquantised *u);

void unquantised_free(struct unquantised *u);

#endif
