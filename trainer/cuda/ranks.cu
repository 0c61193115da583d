/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ranks.cu - see ranks.h.
 *
 * The module opens NCCL on demand, so a machine without it can load the module. This file
 * declares the few functions used, as in all versions of NCCL 2, so the build needs no
 * headers of NCCL. */
#include "device.h"
#include "ranks.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define NCCL_FLOAT 7           /* ncclFloat32 */
#define NCCL_SUM   0
#define CHUNK (1u << 20)       /* floats at a time through the host */

struct nccl_id {               /* passed by value */
    char bytes[TELU_RANKS_ID];
};

static struct {
    void *library;
    int (*GetUniqueId)(struct nccl_id *id);
    int (*CommInitRank)(void **comm, int ranks, struct nccl_id id, int rank);
    int (*CommDestroy)(void *comm);
    int (*Reduce)(const void *from, void *to, size_t n, int type, int op, int root,
                  void *comm, cudaStream_t stream);
    int (*Broadcast)(const void *from, void *to, size_t n, int type, int root,
                     void *comm, cudaStream_t stream);
    const char *(*GetErrorString)(int error);
} nccl;

struct comm {
    const struct reduce *host;
    void *nccl;                /* its communicator; NULL: through the host */
    float *pinned;             /* (CHUNK) */
};

template <typename F> static int find(F *to, const char *name)
{
    *to = (F)dlsym(nccl.library, name);
    return *to ? 0 : telu_fail("libnccl.so.2 has no %s", name);
}

static int open_nccl(void)
{
    if (nccl.library)
        return 0;
    nccl.library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!nccl.library)
        return telu_fail("NCCL: %s", dlerror());
    if (find(&nccl.GetUniqueId, "ncclGetUniqueId") ||
        find(&nccl.CommInitRank, "ncclCommInitRank") ||
        find(&nccl.CommDestroy, "ncclCommDestroy") ||
        find(&nccl.Reduce, "ncclReduce") || find(&nccl.Broadcast, "ncclBroadcast") ||
        find(&nccl.GetErrorString, "ncclGetErrorString")) {
        dlclose(nccl.library);
        nccl.library = NULL;
        return -1;
    }
    return 0;
}

static int check(int error, const char *what)
{
    return error ? telu_fail("NCCL, %s: %s", what, nccl.GetErrorString(error)) : 0;
}

static int name_device(int device, char name[TELU_RANKS_NAME])
{
    struct cudaDeviceProp p;

    if (telu_cuda_check(cudaGetDeviceProperties(&p, device), "the name of a device"))
        return -1;
    memcpy(name, p.uuid.bytes, TELU_RANKS_NAME);
    return 0;
}

static int make_id(char id[TELU_RANKS_ID])
{
    struct nccl_id made;

    if (open_nccl() || check(nccl.GetUniqueId(&made), "an id for the ranks"))
        return -1;
    memcpy(id, made.bytes, sizeof(made.bytes));
    return 0;
}

static void close_comm(void *user)
{
    struct comm *r = (struct comm *)user;

    if (!r)
        return;
    if (r->nccl)
        nccl.CommDestroy(r->nccl);
    cudaFreeHost(r->pinned);
    free(r);
}

static int open_nccl_comm(struct comm *r, const char *id)
{
    struct nccl_id all;

    if (open_nccl())
        return -1;
    memcpy(all.bytes, id, sizeof(all.bytes));
    return check(nccl.CommInitRank(&r->nccl, r->host->ranks, all, r->host->rank),
                 "joining the other ranks");
}

static void *open_comm(int device, const struct reduce *host, const char *id)
{
    struct comm *r = (struct comm *)calloc(1, sizeof(*r));
    int bad;

    if (!r) {
        telu_fail("no memory to join the other ranks");
        return NULL;
    }
    r->host = host;
    bad = telu_cuda_check(cudaSetDevice(device), "joining the other ranks");
    if (!bad && id)
        bad = open_nccl_comm(r, id);
    else if (!bad)
        bad = telu_cuda_check(cudaMallocHost((void **)&r->pinned, sizeof(float) * CHUNK),
                              "pinned memory for sums over ranks");
    if (bad) {
        close_comm(r);
        return NULL;
    }
    return r;
}

/* AllReduce is not used: each rank may sum an element in another order. */
static int sum_by_nccl(struct comm *r, float *x, size_t n, cudaStream_t stream)
{
    if (check(nccl.Reduce(x, x, n, NCCL_FLOAT, NCCL_SUM, 0, r->nccl, stream),
              "a sum over ranks"))
        return -1;
    return check(nccl.Broadcast(x, x, n, NCCL_FLOAT, 0, r->nccl, stream),
                 "handing on a sum over ranks");
}

/* The stream keeps the order: `pinned` is refilled only after the previous piece was
 * copied from it. */
static int sum_by_host(struct comm *r, float *x, size_t n, cudaStream_t stream)
{
    const char *what = "sums over ranks through the host";

    for (; n; ) {
        size_t m = n < CHUNK ? n : CHUNK, bytes = sizeof(float) * m;

        if (telu_cuda_check(cudaMemcpyAsync(r->pinned, x, bytes, cudaMemcpyDeviceToHost,
                                            stream), what) ||
            telu_cuda_check(cudaStreamSynchronize(stream), what))
            return -1;
        r->host->sum(r->host->user, r->pinned, m);
        if (telu_cuda_check(cudaMemcpyAsync(x, r->pinned, bytes, cudaMemcpyHostToDevice,
                                            stream), what))
            return -1;
        x += m;
        n -= m;
    }
    return 0;
}

static int sum(void *user, float *device, size_t n, void *stream)
{
    struct comm *r = (struct comm *)user;

    return r->nccl ? sum_by_nccl(r, device, n, (cudaStream_t)stream)
                   : sum_by_host(r, device, n, (cudaStream_t)stream);
}

const struct telu_ranks telu_ranks_cuda = { name_device, make_id, open_comm, close_comm, sum };
