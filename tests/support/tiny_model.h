/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tiny_model.h - models of random weights, for tests that need no sense in them. */
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include "weights.h"

/* A net of a few thousand weights with every kind of part. */
struct telu_config tiny_config(void);

/* The same seed gives the same model, with frequencies that fall off faster where
 * the neighbours are small, and a split of 0, 1 or more stages or base alone by rate.
 * NULL and telu_error() on failure. */
struct telu_model *tiny_model(const struct telu_config *cfg, uint32_t seed);

/* Uniform in [0, 1). */
double tiny_random(uint32_t *seed);

/* n samples of a voice-like sound: pulses through two moving resonances, pauses,
 * a little noise. */
void tiny_speech(float *x, int n, uint32_t seed);

#endif
