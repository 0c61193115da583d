/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* expect.h - what the trainer's tests say and remember when something is not so. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdio.h>

static int failed;

/* Says what was expected and what came instead, unless ok. */
static void check(int ok, const char *what, double got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %g\n", what, got);
}

#endif
