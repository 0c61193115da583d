/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host_device.h - for the C files that a device runs as well: what they put before a function
 * or a table, and how work is shared out among lanes.
 *
 * range.c, refine.c, dequantise.c, packet.c, ratecontrol.c and plc.c are compiled as C for the
 * CPU, and coder.cuh takes them into .cu files as they stand, so that there is one
 * definition of what a packet's bytes mean. There the TELU_LANES threads of a warp work on
 * a packet:
 *
 *   for (int i = TELU_LANE; i < n; i += TELU_LANES)
 *       ...
 *   TELU_SYNC_LANES();
 *
 * has each element done by one lane, and seen by all. Whatever stands outside of such
 * loops all lanes do alike, but that memory they share is written by lane 0 alone.
 *
 *   telu_lanes_sum(v)      the sum over the lanes
 *   telu_lanes_count(p)       how many lanes have p
 *   telu_lane_value(v, lane)  what that lane has
 */
#ifndef TELU_HOST_DEVICE_H
#define TELU_HOST_DEVICE_H

#include <stdint.h>

#ifdef TELU_LANES

#include <cuda_runtime.h>

/* Inlined, or registers are saved around calls, in memory. */
#define TELU_STATIC  static __device__ __forceinline__ __attribute__((unused))
#define TELU_PUBLIC  TELU_STATIC
#define TELU_INLINE  TELU_STATIC
/* But what is large and stands in many places is called: a warp that goes through code
 * once waits for most of it to be fetched. */
#define TELU_NOINLINE static __device__ __attribute__((noinline, unused))
#define TELU_CONST static __device__ const
#define telu_leading_zeros __clz

#define TELU_LANE   ((int)(threadIdx.x % TELU_LANES))
#define TELU_SYNC_LANES() __syncwarp()
#define TELU_UNROLL _Pragma("unroll 5")
#define TELU_ROLLED _Pragma("unroll 1")
#define telu_lanes_count(p)      __popc(__ballot_sync(0xffffffffu, p))
#define telu_lane_value(v, lane) __shfl_sync(0xffffffffu, v, lane)

TELU_STATIC uint32_t telu_lanes_sum(uint32_t v)
{
    for (int by = TELU_LANES / 2; by > 0; by /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, by);
    return v;
}

#else

#define TELU_PUBLIC              /* a public function, */
#define TELU_NOINLINE            /* or a large one */
#define TELU_STATIC  static      /* one of its file */
#define TELU_INLINE  static inline       /* one of a header */
#define TELU_CONST static const
#define telu_leading_zeros __builtin_clz
#define TELU_LANES  1
#define TELU_LANE   0
#define TELU_SYNC_LANES() ((void)0)
#define TELU_UNROLL            /* before a loop whose loads a device may do at once, */
#define TELU_ROLLED            /* or one that is better short than fast */
#define telu_lanes_sum(v)     (v)
#define telu_lane_value(v, lane) ((void)(lane), (v))

#endif
#endif
