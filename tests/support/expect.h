/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* expect.h - checks of the trainer's tests. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdio.h>

static int failed;

/* Prints `what` and the value, and sets `failed`, unless ok. */
static void check(int ok, const char *what, double got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %g\n", what, got);
}

#endif
