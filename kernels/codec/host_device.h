/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host_device.h - qualifiers and lane operations for code that host and device compile.
 *
 * A unit NAME of the coder has two headers: NAME.h declares, NAME_body.h defines. coder.c
 * compiles the bodies for the host, coder.cuh for the device, so a packet's bytes have one
 * definition. A body undefines its macros at its end.
 *
 * On the device a warp of TELU_LANES threads works on a packet:
 *
 *   for (int i = TELU_LANE; i < n; i += TELU_LANES)
 *       ...
 *   TELU_SYNC_LANES();
 *
 * Each lane handles its own elements, and all lanes see the results. Outside such loops all
 * lanes execute the same code; lane 0 alone writes shared memory. On the host TELU_LANES is 1.
 *
 *   telu_lanes_sum(v)         sum over the lanes
 *   telu_lanes_count(p)       number of lanes for which p is true
 *   telu_lane_value(v, lane)  v of that lane
 */
#ifndef TELU_HOST_DEVICE_H
#define TELU_HOST_DEVICE_H

#include <stdint.h>

#ifdef TELU_LANES

#include <cuda_runtime.h>

/* Functions are inlined, because calls would save registers in memory. */
#define TELU_STATIC  static __device__ __forceinline__ __attribute__((unused))
#define TELU_PUBLIC  TELU_STATIC
#define TELU_INLINE  TELU_STATIC
/* Large functions with several callers are not inlined: a warp that runs code once waits for
 * the fetch of its instructions. */
#define TELU_NOINLINE static __device__ __attribute__((noinline, unused))
#define TELU_STATIC_NOINLINE TELU_NOINLINE
#define TELU_VECTORS
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

#include "target_clones.h"

#define TELU_PUBLIC              /* function declared in a header */
#define TELU_NOINLINE            /* large public function */
#define TELU_STATIC  static      /* function of one body */
#define TELU_STATIC_NOINLINE static      /* large one: apart, it leaves its caller registers */
#define TELU_INLINE  static inline       /* function defined in a header */
#define TELU_VECTORS TELU_TARGET_CLONES  /* function whose loops are to become vectors */
#define TELU_CONST static const
#define telu_leading_zeros __builtin_clz
#define TELU_LANES  1
#define TELU_LANE   0
#define TELU_SYNC_LANES() ((void)0)
#define TELU_UNROLL            /* the device overlaps this loop's loads */
#define TELU_ROLLED            /* the device keeps this loop short */
#define telu_lanes_sum(v)     (v)
#define telu_lanes_count(p)   ((p) ? 1 : 0)
#define telu_lane_value(v, lane) ((void)(lane), (v))

#endif
#endif
