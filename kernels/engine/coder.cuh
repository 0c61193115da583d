/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coder.cuh - the codec's C files as device code, a warp to a packet, see host_device.h. To be
 * included first; what it takes in is the including file's own.
 */
#ifndef CODER_CUH
#define CODER_CUH

#define TELU_LANES 32

#include "host_device.h"

#include "device.h"
#include "weights.h"

/* The tables that the C files share: their bodies read these. */
static __device__ const int device_band_edge[] = { TELU_BAND_EDGE_LIST };
static __device__ const int device_split_rate[] = { TELU_SPLIT_RATE_LIST };
#define telu_band_edge  device_band_edge
#define telu_split_rate device_split_rate

#include "range.c"

#include "refine.c"

#include "dequantise.c"

#include "packet.c"

#include "plc.c"

#include "ratecontrol.c"

/* Thread t of `threads` copies its share, by words. */
static __device__ inline void copy_share(void *to, const void *from, size_t bytes, int t,
                                         int threads)
{
    for (size_t i = t; i < bytes / sizeof(int); i += threads)
        ((int *)to)[i] = ((const int *)from)[i];
}

/* The lanes of a warp copy. */
static __device__ inline void copy(void *to, const void *from, size_t bytes)
{
    copy_share(to, from, bytes, TELU_LANE, TELU_LANES);
}

#endif
