/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* near.h - comparison of numbers in tests of losses. */
#ifndef NEAR_H
#define NEAR_H

#include <math.h>
#include <stdio.h>

static int failed;

/* Prints and sets `failed` unless got is within `tolerance` of want, relative to it. */
static void check(const char *what, double got, double want, double tolerance)
{
    if (fabs(got - want) <= tolerance * fabs(want))
        return;
    failed = 1;
    printf("%s is %.7g, expected %.7g\n", what, got, want);
}

#endif
