/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coder.cuh - compiles the coder's bodies for the device: a warp codes a packet (host_device.h).
 * Include this file first; every unit that does has its own copy.
 */
#ifndef CODER_CUH
#define CODER_CUH

#define TELU_LANES 32

#include "host_device.h"

#include "device.h"
#include "weights.h"

/* Device copies of the tables that the bodies read. */
static __device__ const int device_band_edge[] = { TELU_BAND_EDGE_LIST };
static __device__ const int device_split_rate[] = { TELU_SPLIT_RATE_LIST };
#define telu_band_edge  device_band_edge
#define telu_split_rate device_split_rate

#include "range_body.h"

#include "refine_body.h"

#include "cost_body.h"

#include "quantise_body.h"

#include "dequantise_body.h"

#include "postnet_body.h"

#include "level_body.h"

#include "deficit_body.h"

#include "code_body.h"

#include "packet_body.h"

#include "plc_body.h"

#include "highpass_body.h"

#include "ratecontrol_body.h"

#include "encode_state_body.h"

/* Copies thread t's share, of `threads`, in words of 4 bytes. */
static __device__ inline void copy_share(void *to, const void *from, size_t bytes, int t,
                                         int threads)
{
    for (size_t i = t; i < bytes / sizeof(int); i += threads)
        ((int *)to)[i] = ((const int *)from)[i];
}

/* Copies with all lanes of a warp, in words of 4 bytes. */
static __device__ inline void copy(void *to, const void *from, size_t bytes)
{
    copy_share(to, from, bytes, TELU_LANE, TELU_LANES);
}

#endif
