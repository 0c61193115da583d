/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.c - see memory.h. */
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fprintf(stderr, "telucodec-train: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

void *zeroed(size_t bytes)
{
    size_t size = (bytes + 127) / 64 * 64;
    void *p = aligned_alloc(64, size);

    if (!p)
        die("no memory for %zu bytes; use a smaller --batch_size", bytes);
    return memset(p, 0, size);
}

float *floats(size_t n)
{
    return zeroed(n * sizeof(float));
}
