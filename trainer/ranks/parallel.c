/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parallel.c - see parallel.h. */
#define _GNU_SOURCE            /* cpu_set_t */
#include "parallel.h"

#include "memory.h"

#include <glib.h>
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHORT 4096             /* floats; each rank receives and sums all of at most so many */
#define CHUNK (1u << 28)       /* floats at a time: MPI counts with int */
#define FEW 16
#define NAP 2000               /* microseconds */

static struct {
    int rank, ranks, local, locals, cores, running;
    struct reduce reduce;
    float *got;                /* all ranks' values that this rank sums */
    size_t capacity;
    int *count, *at;           /* [ranks] */
} job = { .ranks = 1, .locals = 1, .cores = 1 };

/* --- Ranks ----------------------------------------------------------- */

/* Returns the rank given by Open MPI, MPICH and its derivatives, or Slurm; -1: no
 * launcher. */
static int launched(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_RANK", "PMI_RANK",
                                         "PMIX_RANK" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (getenv(names[i]))
            return atoi(getenv(names[i]));
    return -1;
}

void parallel_begin(void)
{
    job.rank = launched() > 0 ? launched() : 0;
    if (job.rank && !freopen("/dev/null", "w", stdout))
        die("/dev/null cannot be opened");
}

/* Shares out the cores: a launcher may bind each rank to its own cores, or all to the
 * same. */
static void share_cores(MPI_Comm node)
{
    int mine[CPU_SETSIZE], users[CPU_SETSIZE];
    double cores = 0.0;
    cpu_set_t set;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set))
        CPU_SET(0, &set);
    for (int i = 0; i < CPU_SETSIZE; i++)
        mine[i] = CPU_ISSET(i, &set) ? 1 : 0;
    MPI_Allreduce(mine, users, CPU_SETSIZE, MPI_INT, MPI_SUM, node);
    for (int i = 0; i < CPU_SETSIZE; i++)
        cores += mine[i] ? 1.0 / users[i] : 0.0;
    job.cores = cores < 1.0 ? 1 : (int)(cores + 1e-6);
}

static void reduce_floats(void *user, float *x, size_t n);

void parallel_start(void)
{
    MPI_Comm node;
    int level;

    if (launched() < 0) {
        job.cores = (int)g_get_num_processors();
        return;
    }
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (level < MPI_THREAD_FUNNELED)
        die("this MPI cannot serve a program with threads");
    job.running = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &job.ranks);
    if (launched() >= job.ranks)
        die("started as rank %d, but this MPI sees %d in all: it is not the launcher's",
            launched(), job.ranks);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, job.rank, MPI_INFO_NULL,
                        &node);
    MPI_Comm_rank(node, &job.local);
    MPI_Comm_size(node, &job.locals);
    share_cores(node);
    MPI_Comm_free(&node);
    job.count = zeroed(sizeof(int) * job.ranks);
    job.at = zeroed(sizeof(int) * job.ranks);
    job.reduce = (struct reduce){ job.rank, job.ranks, reduce_floats, NULL };
}

void parallel_end(void)
{
    if (!job.running)
        return;
    parallel_wait();
    MPI_Finalize();
    job.running = 0;
    free(job.got);
    free(job.count);
    free(job.at);
}

void parallel_abort(void)
{
    if (job.running)
        MPI_Abort(MPI_COMM_WORLD, 1);
}

int parallel_rank(void)
{
    return job.rank;
}

int parallel_ranks(void)
{
    return job.ranks;
}

int parallel_locals(void)
{
    return job.locals;
}

int parallel_local(void)
{
    return job.local;
}

int parallel_cores(void)
{
    return job.cores;
}

/* --- Sums --------------------------------------------------------------- */

static void reserve(size_t n)
{
    if (n <= job.capacity)
        return;
    free(job.got);
    job.got = floats(n);
    job.capacity = n;
}

/* Sums over ranks: x[i] = sum of from[rank][i]. */
static void add(float *restrict x, const float *restrict from, size_t n)
{
    memcpy(x, from, sizeof(float) * n);
    for (int r = 1; r < job.ranks; r++) {
        from += n;
        for (size_t i = 0; i < n; i++)
            x[i] += from[i];
    }
}

static void reduce_short(float *x, int n)
{
    reserve((size_t)n * job.ranks);
    MPI_Allgather(x, n, MPI_FLOAT, job.got, n, MPI_FLOAT, MPI_COMM_WORLD);
    add(x, job.got, n);
}

/* Each rank receives all ranks' values of one piece, sums them, and sends the sums to
 * all. */
static void reduce_long(float *x, size_t n)
{
    int mine, got[job.ranks], got_at[job.ranks];

    for (int r = 0, at = 0; r < job.ranks; at += job.count[r++]) {
        job.count[r] = (int)(n / job.ranks + ((size_t)r < n % job.ranks));
        job.at[r] = at;
    }
    mine = job.count[job.rank];
    for (int r = 0; r < job.ranks; r++) {
        got[r] = mine;
        got_at[r] = r * mine;
    }
    reserve((size_t)mine * job.ranks);
    MPI_Alltoallv(x, job.count, job.at, MPI_FLOAT, job.got, got, got_at, MPI_FLOAT,
                  MPI_COMM_WORLD);
    add(x + job.at[job.rank], job.got, mine);
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, x, job.count, job.at, MPI_FLOAT,
                   MPI_COMM_WORLD);
}

static void reduce_floats(void *user, float *x, size_t n)
{
    (void)user;
    for (; n > SHORT; ) {
        size_t m = n < CHUNK ? n : CHUNK;

        reduce_long(x, m);
        x += m;
        n -= m;
    }
    if (n)
        reduce_short(x, (int)n);
}

const struct reduce *parallel_reduce(void)
{
    return job.ranks > 1 ? &job.reduce : NULL;
}

void parallel_sum(double *x, int n)
{
    double all[job.ranks * FEW];

    if (job.ranks == 1)
        return;
    MPI_Allgather(x, n, MPI_DOUBLE, all, n, MPI_DOUBLE, MPI_COMM_WORLD);
    for (int i = 0; i < n; i++) {
        x[i] = all[i];
        for (int r = 1; r < job.ranks; r++)
            x[i] += all[r * n + i];
    }
}

/* --- Exchange ----------------------------------------------------------- */

void parallel_share(void *data, size_t bytes)
{
    char *at = data;

    if (job.ranks == 1)
        return;
    while (bytes) {
        int n = bytes < CHUNK ? (int)bytes : (int)CHUNK;

        MPI_Bcast(at, n, MPI_BYTE, 0, MPI_COMM_WORLD);
        at += n;
        bytes -= n;
    }
}

void parallel_gather(uint32_t *all, uint32_t mine)
{
    *all = mine;
    if (job.ranks > 1)
        MPI_Allgather(&mine, 1, MPI_UINT32_T, all, 1, MPI_UINT32_T, MPI_COMM_WORLD);
}

void parallel_compare(uint32_t sum, const char *what)
{
    uint32_t all[job.ranks];

    parallel_gather(all, sum);
    for (int r = 1; r < job.ranks; r++)
        if (all[r] != all[0])
            die("%s differ between ranks: check sum %08x on rank %d, %08x on rank 0",
                what, all[r], r, all[0]);
}

void parallel_wait(void)
{
    MPI_Request all;
    int here = 0;

    if (job.ranks == 1)
        return;
    MPI_Ibarrier(MPI_COMM_WORLD, &all);
    while (MPI_Test(&all, &here, MPI_STATUS_IGNORE), !here)
        usleep(NAP);
}
