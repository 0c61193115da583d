/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* planted.h - see planted.cu. Each function launches a kernel on the default stream and
 * returns CUDA's error; planted: with the mistake. Arrays are device memory. */
#ifndef PLANTED_H
#define PLANTED_H

#include "device.h"

int planted_race(float *y, const float *x, int blocks, int planted);
int planted_race_of_blocks(float *y, int blocks, int planted);
int planted_beyond(float *y, int n, int planted);
int planted_beyond_shared(float *y, int n, int planted);
int planted_beyond_array(float *y, int planted);
int planted_missing(float *y, int n, int planted);

#endif
