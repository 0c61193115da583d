/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* must.h - checks of the shim's own tests. */
#ifndef MUST_H
#define MUST_H

#include <stdio.h>

static int failures;

#define MUST(x)                                                            \
    do {                                                                   \
        if (!(x)) {                                                        \
            failures++;                                                    \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #x);         \
        }                                                                  \
    } while (0)

#endif
