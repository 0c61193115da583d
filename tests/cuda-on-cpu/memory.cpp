/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.cpp - device and pinned memory: poisoned when new, between two red zones that are
 * checked at every wait, free and at the end. With TELUCODEC_SHIM_PROTECT the host cannot
 * access device memory outside of copies and kernels.
 */
#include "state.h"

#include <map>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static const size_t ZONE = 4096;           /* a page, so that data is page-aligned */

struct piece {
    size_t bytes, mapped;      /* mapped: from ZONE before it */
    telu_shim_where where;     /* TELU_HOST: a __device__ variable, without zones */
};

/* Keys are the ends, so that upper_bound() finds the allocation of an address. */
static std::map<uintptr_t, piece> &pieces = *new std::map<uintptr_t, piece>();
static int opened;

/* Returns the allocation that contains p; its end counts as inside. */
static std::map<uintptr_t, piece>::iterator find(const void *p)
{
    auto i = pieces.upper_bound((uintptr_t)p);

    if (i == pieces.begin())
        return pieces.end();
    --i;
    return (uintptr_t)p - i->first <= i->second.bytes ? i : pieces.end();
}

telu_shim_where telu_shim_where_is(const void *p, size_t *left)
{
    auto i = find(p);

    *left = SIZE_MAX;
    if (i == pieces.end())
        return TELU_HOST;
    *left = i->second.bytes - ((uintptr_t)p - i->first);
    return i->second.where == TELU_HOST ? TELU_DEVICE : i->second.where;
}

TELU_NO_ASAN TELU_NO_MEMSET
static void fill(unsigned char *p, unsigned char value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = value;
}

TELU_NO_ASAN
static bool untouched(const unsigned char *p, size_t n)
{
    unsigned char seen = 0;

    for (size_t i = 0; i < n; i++)
        seen |= p[i] ^ 0xc5;
    return seen == 0;
}

static void protect(uintptr_t at, const piece &p, bool open)
{
    if (shim.protect && p.where == TELU_DEVICE &&
        mprotect((void *)(at - ZONE), p.mapped, open ? PROT_READ | PROT_WRITE : PROT_NONE))
        abort();
}

void telu_shim_open_memory(bool open)
{
    if (!shim.protect || (open ? opened++ : --opened))
        return;
    for (auto &i : pieces)
        protect(i.first, i.second, open);
}

static bool zones_whole(uintptr_t at, const piece &p)
{
    return p.where == TELU_HOST ||
           (untouched((unsigned char *)at - ZONE, ZONE) &&
            untouched((unsigned char *)at + p.bytes, p.mapped - ZONE - p.bytes));
}

static void blame(uintptr_t at, piece &p, const char *when)
{
    unsigned char *before = (unsigned char *)at - ZONE, *after = (unsigned char *)at + p.bytes;

    telu_shim_fault(cudaErrorIllegalAddress, "%s: somebody wrote %s %zu bytes of %s memory",
                    when, untouched(before, ZONE) ? "behind" : "before", p.bytes,
                    p.where == TELU_DEVICE ? "device" : "pinned");
    fill(before, 0xc5, ZONE);
    fill(after, 0xc5, p.mapped - ZONE - p.bytes);
}

void telu_shim_check_zones(const char *when)
{
    telu_shim_open_memory(true);
    for (auto &i : pieces)
        if (!zones_whole(i.first, i.second))
            blame(i.first, i.second, when);
    telu_shim_open_memory(false);
}

/* Explains a segmentation fault in protected memory. */
static void trapped(int, siginfo_t *info, void *)
{
    size_t left;
    static const char words[] = "cuda-on-cpu: the host touched device memory\n";

    if (telu_shim_where_is(info->si_addr, &left) == TELU_DEVICE) {
        if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
            _exit(98);
        _exit(99);
    }
    signal(SIGSEGV, SIG_DFL);
}

static void *take(size_t bytes, telu_shim_where where)
{
    static bool watched;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    piece p = {bytes, (bytes + 2 * ZONE + page - 1) / page * page, where};
    void *map = mmap(nullptr, p.mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED)
        return nullptr;
    if (shim.protect && !watched) {
        struct sigaction act = {};

        act.sa_sigaction = trapped;
        act.sa_flags = SA_SIGINFO;
        sigaction(SIGSEGV, &act, nullptr);
        watched = true;
    }
    unsigned char *data = (unsigned char *)map + ZONE;

    fill((unsigned char *)map, 0xc5, ZONE);
    memset(data, TELU_POISON, bytes);
    fill(data + bytes, 0xc5, p.mapped - ZONE - bytes);
#if TELU_ASAN
    __asan_poison_memory_region(map, ZONE);
    __asan_poison_memory_region(data + bytes, p.mapped - ZONE - bytes);
#endif
    pieces[(uintptr_t)data] = p;
    if (!opened)
        protect((uintptr_t)data, p, false);
    (where == TELU_DEVICE ? shim.counts.alive : shim.counts.alive_pinned) += (long)bytes;
    return data;
}

static cudaError_t give_back(void *p, telu_shim_where where, const char *call)
{
    auto i = pieces.find((uintptr_t)p);

    if (i == pieces.end() || i->second.where != where)
        return telu_shim_mistake(cudaErrorInvalidValue,
                                 "%s of what was not allocated or is free already", call);
    telu_shim_check_zones(call);
    (where == TELU_DEVICE ? shim.counts.alive : shim.counts.alive_pinned) -=
        (long)i->second.bytes;
    shim.counts.frees++;
#if TELU_ASAN
    __asan_unpoison_memory_region((char *)p - ZONE, i->second.mapped);
#endif
    munmap((char *)p - ZONE, i->second.mapped);
    pieces.erase(i);
    return telu_shim_last(shim.sticky);
}

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    TELU_CALL;
    cudaError_t e = telu_shim_not_while_capturing("cudaMalloc");

    if (e)
        return e;
    shim.counts.allocations++;
    *p = nullptr;
    if (bytes == 0)
        return cudaSuccess;
    if (bytes > shim.memory || (size_t)shim.counts.alive > shim.memory - bytes)
        return telu_shim_last(cudaErrorMemoryAllocation);
    *p = take(bytes, TELU_DEVICE);
    return telu_shim_last(*p ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void *p)
{
    TELU_CALL;
    cudaError_t e = telu_shim_not_while_capturing("cudaFree");

    if (e || !p)
        return e;
    shim.counts.waits++;
    telu_shim_drain_all();
    return give_back(p, TELU_DEVICE, "cudaFree");
}

cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned flags)
{
    TELU_CALL;
    cudaError_t e = telu_shim_not_while_capturing("cudaHostAlloc");

    if (e)
        return e;
    if (flags & ~7u)
        return telu_shim_last(cudaErrorInvalidValue);
    shim.counts.pinned++;
    *p = bytes ? take(bytes, TELU_PINNED) : nullptr;
    return telu_shim_last(*p || !bytes ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaMallocHost(void **p, size_t bytes, unsigned flags)
{
    return cudaHostAlloc(p, bytes, flags);
}

cudaError_t cudaFreeHost(void *p)
{
    TELU_CALL;
    cudaError_t e = telu_shim_not_while_capturing("cudaFreeHost");

    if (e || !p)
        return e;
    shim.counts.waits++;
    telu_shim_drain_all();
    return give_back(p, TELU_PINNED, "cudaFreeHost");
}

cudaError_t cudaMemGetInfo(size_t *unused, size_t *total)
{
    TELU_CALL;
    *total = shim.memory;
    *unused = (size_t)shim.counts.alive < shim.memory ? shim.memory - (size_t)shim.counts.alive
                                                      : 0;
    return cudaSuccess;
}

cudaError_t telu_shim_symbol(const void *symbol, size_t bytes)
{
    TELU_CALL;
    if (find(symbol) == pieces.end())
        pieces[(uintptr_t)symbol] = {bytes, 0, TELU_HOST};
    return cudaSuccess;
}
