/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unroll.h - unrolls the loop behind it, so that the vectors of the arrays which it indexes are
 * registers.
 */
#ifndef TELU_UNROLL_H
#define TELU_UNROLL_H

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#endif
