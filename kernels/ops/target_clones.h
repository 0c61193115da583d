/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* target_clones.h - one loop, compiled for several vector widths and chosen at load time.
 *
 * The C library picks the widest clone that the machine has. All clones give the
 * same bits: no sum's order depends on the width, and -ffp-contract=off prevents FMA.
 * Elsewhere the macro is empty and the compiler vectorises for the default target.
 * clang 14 names the resolver so that other files cannot call it. Under ThreadSanitizer
 * the resolver crashes, because it runs before the sanitizer's functions are linked.
 */
#ifndef TELU_TARGET_CLONES_H
#define TELU_TARGET_CLONES_H

#include <stdlib.h>            /* for __GLIBC__ */

#if defined(TELU_TARGET_CLONES)       /* set on the command line */
#elif defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
#define TELU_TARGET_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TELU_TARGET_CLONES
#endif

/* A body that the plain function and the cloned one share. */
#define TELU_ALWAYS_INLINE static inline __attribute__((always_inline))

#endif
