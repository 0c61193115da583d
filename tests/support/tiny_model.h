/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tiny_model.h - models of random weights, for tests that do not depend on quality. */
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include "weights.h"

/* Returns a network of a few thousand weights with every kind of part. */
struct telu_config tiny_config(void);

/* Makes a model that depends on the seed alone. Its frequencies fall off faster where the
 * neighbours are small. It codes 0, 1, more or all stages, depending on the rate. Returns
 * NULL with telu_error(). */
struct telu_model *tiny_model(const struct telu_config *cfg, uint32_t seed);

/* The same model with a post-network, which changes no packet. */
struct telu_model *tiny_model_postnet(const struct telu_config *cfg,
                                      const struct telu_postnet_config *post, uint32_t seed);

/* Makes the tensors alone, as a file of floats holds them, without ids; telu_weights_close() them.
 * 0, or -1 with telu_error(). */
int tiny_weights(struct telu_weights *w, const struct telu_config *cfg,
                 const struct telu_postnet_config *post, uint32_t seed);

/* Returns a random number, uniform in [0, 1). */
double tiny_random(uint32_t *seed);

/* Makes n samples of a voice-like sound: pulses through two moving resonances, pauses, a
 * little noise. */
void tiny_speech(float *x, int n, uint32_t seed);

#endif
