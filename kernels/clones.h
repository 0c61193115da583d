/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clones.h - one loop, compiled for several vector widths and chosen at load time.
 *
 * The C library picks the widest clone that the machine has. All clones give the
 * same bits: no op lets the width decide the order of a sum, and -ffp-contract=off
 * keeps FMA out. Where the C library or the machine cannot choose, the macro is
 * empty and the compiler's own vectors serve.
 */
#ifndef TELU_CLONES_H
#define TELU_CLONES_H

#include <stdlib.h>            /* for __GLIBC__ */

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define TELU_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif

#ifndef TELU_CLONES
#define TELU_CLONES
#endif

/* A body that the plain function and the cloned one share. */
#define TELU_BODY static inline __attribute__((always_inline))

#endif
