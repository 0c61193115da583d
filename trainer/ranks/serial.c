/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial.c - parallel.h for a build without MPI: there is one rank. */
#include "memory.h"
#include "parallel.h"

#include <glib.h>
#include <stdlib.h>

/* Exits under a launcher: otherwise as many trainers as ranks would compete for one
 * folder. */
void parallel_begin(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *size = getenv(names[i]);

        if (size && atoi(size) > 1)
            die("started as one of %s ranks, but built without MPI", size);
    }
}

void parallel_start(void)
{
}

void parallel_end(void)
{
}

void parallel_abort(void)
{
}

int parallel_rank(void)
{
    return 0;
}

int parallel_ranks(void)
{
    return 1;
}

int parallel_locals(void)
{
    return 1;
}

int parallel_local(void)
{
    return 0;
}

int parallel_cores(void)
{
    return (int)g_get_num_processors();
}

const struct reduce *parallel_reduce(void)
{
    return NULL;
}

void parallel_sum(double *x, int n)
{
    (void)x;
    (void)n;
}

void parallel_share(void *data, size_t bytes)
{
    (void)data;
    (void)bytes;
}

void parallel_gather(uint32_t *all, uint32_t mine)
{
    *all = mine;
}

void parallel_compare(uint32_t sum, const char *what)
{
    (void)sum;
    (void)what;
}

void parallel_wait(void)
{
}
