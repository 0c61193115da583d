/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.h - allocation for a program that may exit with a message. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

/* Returns n zeroed floats on a 64-byte boundary, for free(); exits when memory is short. */
float *floats(size_t n);

/* Returns zeroed bytes, likewise. */
void *zeroed(size_t bytes);

/* Prints "telucodec-train: ..." and exits with status 1, ending the other ranks. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Prints a line on stderr, on rank 0 only, since every rank would print the same. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Likewise, so that the line stands out. */
void note_loud(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
