/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz.h - for the targets of this folder. A target reads any bytes, and aborts where a promise
 * is broken; libFuzzer calls it, or replay.c with files. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes not read yet. */
struct input {
    const uint8_t *at;
    size_t left;
};

/* Returns the next n bytes, or fewer at the end, and sets n to their number. */
static inline const uint8_t *take(struct input *in, size_t *n)
{
    const uint8_t *at = in->at;

    *n = *n < in->left ? *n : in->left;
    in->at += *n;
    in->left -= *n;
    return at;
}

/* Returns the next byte; 0 at the end. */
static inline unsigned take_byte(struct input *in)
{
    size_t n = 1;
    const uint8_t *at = take(in, &n);

    return n ? *at : 0;
}

/* Aborts with `what` and the value unless ok. */
static inline void promise(int ok, const char *what, double got)
{
    if (ok)
        return;
    fprintf(stderr, "broken: %s: %g\n", what, got);
    abort();
}

#endif
