/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* samples.h - see samples.cu. Arrays are device memory; look_up's values are the host's. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "device.h"

void sample_warps(int *y, int n, cudaStream_t s);      /* (n, 5) */
void sample_votes(int *y, dim3 block, int n, cudaStream_t s);  /* (threads, 3) */
void sample_add(float *y, const float *x, float by, int n, cudaStream_t s);
void sample_look_up(float *y, const float *values, cudaStream_t s);    /* (4) */
void sample_fresh(float *y, int blocks, size_t shared, cudaStream_t s);        /* (blocks, 2) */
int sample_fresh_may(int bytes);

#endif
