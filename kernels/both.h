/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* both.h - for the C files that a device runs as well: what they put before a function
 * or a table, and how a loop is shared out among lanes.
 *
 * range.c, refine.c, packet.c, ratecontrol.c and plc.c are compiled as C for the CPU, and
 * coder.cuh takes them into .cu files as they stand, so that there is one definition of
 * what a packet's bytes mean. A .cu file says before, by TELU_LANES, how many threads
 * work on a packet: 1, or the 32 of a warp. Then
 *
 *   for (int i = TELU_LANE; i < n; i += TELU_LANES)
 *       ...
 *   TELU_MEET();
 *
 * has each element done by one lane, and seen by all; whatever stands outside of such
 * loops all lanes do alike. telu_add_up() gives every lane the sum over the lanes.
 */
#ifndef TELU_BOTH_H
#define TELU_BOTH_H

#include <stdint.h>

#ifdef TELU_LANES

#include <cuda_runtime.h>

/* Inlined, or registers are saved around calls, in memory. */
#define TELU_PART  static __device__ __forceinline__ __attribute__((unused))
#define TELU_CODE  TELU_PART
#define TELU_HELP  TELU_PART
#define TELU_CONST static __device__ const
#define telu_leading_zeros __clz

#if TELU_LANES == 1
#define TELU_LANE   0
#define TELU_MEET() ((void)0)
#else
#define TELU_LANE   ((int)(threadIdx.x % TELU_LANES))
#define TELU_MEET() __syncwarp()
#endif

TELU_PART uint32_t telu_add_up(uint32_t v)
{
    for (int by = TELU_LANES / 2; by > 0; by /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, by);
    return v;
}

#else

#define TELU_CODE              /* a public function */
#define TELU_PART  static      /* one of its file */
#define TELU_HELP  static inline       /* one of a header */
#define TELU_CONST static const
#define telu_leading_zeros __builtin_clz
#define TELU_LANES  1
#define TELU_LANE   0
#define TELU_MEET() ((void)0)
#define telu_add_up(v) (v)

#endif
#endif
