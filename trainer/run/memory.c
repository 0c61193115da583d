/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.c - see memory.h. */
#include "memory.h"

#include "parallel.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_START 4           /* seconds */

/* Mostly all ranks have the same complaint: with a head start rank 0 makes it alone, and
 * ends the others while they wait. */
static void let_first_speak(int rank)
{
    signal(SIGTERM, SIG_DFL);
    sleep(HEAD_START);
    fprintf(stderr, "telucodec-train: rank %d: ", rank);
}

void die(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    if (parallel_rank())
        let_first_speak(parallel_rank());
    else
        fprintf(stderr, "telucodec-train: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    parallel_abort();
    exit(1);
}

void note(const char *fmt, ...)
{
    va_list ap;

    if (parallel_rank())
        return;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
}

void note_loud(const char *fmt, ...)
{
    const char *term = getenv("TERM");
    const int bold = isatty(STDERR_FILENO) && (!term || strcmp(term, "dumb"));
    va_list ap;

    if (parallel_rank())
        return;
    fputs(bold ? "\n\033[1;7m " : "\n*** ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputs(bold ? " \033[0m\n\n" : " ***\n\n", stderr);
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
