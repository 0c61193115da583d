/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* target_clones.h - one loop, compiled for several vector widths and chosen at load time.
 *
 * The C library picks the widest clone that the machine has. All clones give the
 * same bits: no op lets the width decide the order of a sum, and -ffp-contract=off
 * keeps FMA out. Elsewhere the macro is empty and the compiler's own vectors serve;
 * clang 14 gives the chooser a name of its own, which no other file can call, and under
 * ThreadSanitizer it crashes: it runs before what it was instrumented to call is there.
 */
#ifndef TELU_TARGET_CLONES_H
#define TELU_TARGET_CLONES_H

#include <stdlib.h>            /* for __GLIBC__ */

#if defined(TELU_TARGET_CLONES)       /* given by hand */
#elif defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
#define TELU_TARGET_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TELU_TARGET_CLONES
#endif

/* A body that the plain function and the cloned one share. */
#define TELU_ALWAYS_INLINE static inline __attribute__((always_inline))

#endif
