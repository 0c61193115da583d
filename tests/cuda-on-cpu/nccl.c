/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nccl.c - libnccl.so.2 over MPI for ranks whose device memory is the host's: the functions
 * that trainer/cuda/ranks.cu calls. Sums in the order of ranks; refuses what NCCL refuses. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "telucodec's NCCL of the host"

enum { DONE = 0, INVALID_ARGUMENT = 4, INVALID_USAGE = 5 };

struct id {
    char bytes[128];
};

struct comm {
    int rank, ranks;
    float *got;
    size_t room;
};

int ncclGetUniqueId(struct id *id);
int ncclCommInitRank(struct comm **comm, int ranks, struct id id, int rank);
int ncclCommDestroy(struct comm *c);
int ncclReduce(const void *from, void *to, size_t n, int type, int op, int root,
               struct comm *c, void *stream);
int ncclBroadcast(const void *from, void *to, size_t n, int type, int root,
                  struct comm *c, void *stream);
const char *ncclGetErrorString(int error);

int ncclGetUniqueId(struct id *id)
{
    memset(id, 0, sizeof(*id));
    snprintf(id->bytes, sizeof(id->bytes), MARK);
    return DONE;
}

int ncclCommInitRank(struct comm **comm, int ranks, struct id id, int rank)
{
    struct comm *c = calloc(1, sizeof(*c));

    MPI_Comm_rank(MPI_COMM_WORLD, &c->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &c->ranks);
    if (strcmp(id.bytes, MARK) || rank != c->rank || ranks != c->ranks) {
        free(c);
        return INVALID_ARGUMENT;
    }
    *comm = c;
    MPI_Barrier(MPI_COMM_WORLD);
    return DONE;
}

int ncclCommDestroy(struct comm *c)
{
    free(c->got);
    free(c);
    return DONE;
}

/* Accepts float32 and sums only; n must fit an int. */
static int odd(const struct comm *c, size_t n, int type, int op, int root)
{
    return !c || type != 7 || op != 0 || root < 0 || root >= c->ranks || n > 1u << 30;
}

int ncclReduce(const void *from, void *to, size_t n, int type, int op, int root,
               struct comm *c, void *stream)
{
    float *sum = to;

    (void)stream;
    if (odd(c, n, type, op, root))
        return INVALID_ARGUMENT;
    if (c->rank == root && c->room < n * c->ranks) {
        c->room = n * c->ranks;
        c->got = realloc(c->got, sizeof(float) * c->room);
    }
    MPI_Gather(from, (int)n, MPI_FLOAT, c->got, (int)n, MPI_FLOAT, root, MPI_COMM_WORLD);
    if (c->rank != root)
        return DONE;
    memcpy(sum, c->got, sizeof(float) * n);
    for (int r = 1; r < c->ranks; r++)
        for (size_t i = 0; i < n; i++)
            sum[i] += c->got[r * n + i];
    return DONE;
}

int ncclBroadcast(const void *from, void *to, size_t n, int type, int root,
                  struct comm *c, void *stream)
{
    (void)stream;
    if (odd(c, n, type, 0, root))
        return INVALID_ARGUMENT;
    if (from != to)
        return INVALID_USAGE;
    MPI_Bcast(to, (int)n, MPI_FLOAT, root, MPI_COMM_WORLD);
    return DONE;
}

const char *ncclGetErrorString(int error)
{
    return error == DONE ? "no error" : error == INVALID_ARGUMENT ? "invalid argument"
                                                                  : "invalid usage";
}
