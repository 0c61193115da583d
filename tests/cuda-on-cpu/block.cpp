/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block.cpp - runs the blocks of a kernel one after the other, and their threads in
 * rounds: each thread runs until it ends or must wait.
 *
 * A fiber runs thread after thread. When a thread waits, another fiber continues with the
 * next one, so a kernel without barriers costs a loop. When no thread can run, all wait at
 * the same barrier, or one is missing, which is a fault.
 */
#include "state.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

enum telu_shim_stage { NEW, READY, BARRIER, WARP, DONE };

struct thread {
    telu_shim_stage stage;
    telu_fiber *fiber;
    uint3 index;
    telu_shim_place at;        /* source position of its wait */
    int how, word;             /* of the barrier; word: operand, then result */
    telu_shim_warp_op op;
    unsigned mask;
    int from;
    uint64_t value, result;
};

/* The linker defines these at the ends of the section, if it exists. */
extern "C" {
extern char __start_telu_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_telu_shared[] __attribute__((weak, visibility("hidden")));
}

static const size_t MOST_SHARED = 232448;              /* 227 KiB */
static const size_t ZONE = 1024;

static struct thread threads[1024];
static unsigned order[1024];
static unsigned count, cursor, now;
static std::vector<telu_fiber *> &unused = *new std::vector<telu_fiber *>();
static std::vector<telu_fiber *> &all = *new std::vector<telu_fiber *>();
static const telu_shim_kernel *kernel;
static bool stopped;
alignas(1024) static unsigned char shared[MOST_SHARED + 2 * ZONE];

static void begin(unsigned i)
{
    now = i;
    threadIdx = threads[i].index;
}

static bool settle(unsigned warp);

/* Entry of a fiber: runs consecutive threads that have not begun. */
static void work(void)
{
    telu_fiber_begun();
    for (;;) {
        unsigned me = order[cursor++];
        telu_fiber *f = threads[me].fiber;

        begin(me);
        kernel->run();
        threads[me].stage = DONE;
        settle(me / 32);
        if (cursor < count && threads[order[cursor]].stage == NEW) {
            threads[order[cursor]].fiber = f;
            continue;
        }
        unused.push_back(f);
        telu_fiber_leave(f);
    }
}

static void give_way(void)
{
    unsigned me = now;

    telu_fiber_leave(threads[me].fiber);
    begin(me);
}

static void say(const char *why, unsigned i, telu_shim_place at)
{
    uint3 t = threads[i].index;

    stopped = true;
    telu_shim_fault(cudaErrorLaunchFailure, "%s: block (%u, %u, %u) thread (%u, %u, %u), "
                    "%s:%d: %s", kernel->name, blockIdx.x, blockIdx.y, blockIdx.z, t.x,
                    t.y, t.z, at.file, at.line, why);
}

void telu_shim_stop(const char *why, telu_shim_place at)
{
    say(why, now, at);
    telu_fiber_leave(threads[now].fiber);              /* does not return */
    abort();
}

int telu_shim_barrier(int how, int word, telu_shim_place at)
{
    struct thread *t = &threads[now];

    t->at = at;
    t->how = how;
    t->word = word;
    t->stage = BARRIER;
    give_way();
    return t->word;
}

static bool same_file(telu_shim_place a, telu_shim_place b)
{
    return a.file == b.file || !strcmp(a.file, b.file);
}

/* Resumes the threads of a warp when all threads in the mask have arrived or ended. */
static bool settle(unsigned warp)
{
    unsigned first = warp * 32, n = count - first < 32 ? count - first : 32;
    bool moved = false;

    for (unsigned i = 0; i < n; i++) {
        struct thread *t = &threads[first + i];
        unsigned here = 0, votes = 0;
        bool all_here = true;

        if (t->stage != WARP)
            continue;
        for (unsigned j = 0; j < n && all_here; j++) {
            struct thread *u = &threads[first + j];

            if (!(t->mask >> j & 1) || u->stage == DONE)
                continue;
            all_here = u->stage == WARP && u->mask == t->mask && u->op == t->op &&
                       u->at.line == t->at.line && same_file(u->at, t->at);
            here |= 1u << j;
            votes |= (unsigned)(u->value != 0) << j;
        }
        if (!all_here)
            continue;
        for (unsigned j = 0; j < n; j++) {
            struct thread *u = &threads[first + j];

            if (!(here >> j & 1))
                continue;
            /* the word of a missing lane is undefined */
            u->result = u->op == TELU_WARP_BALLOT ? votes :
                        here >> u->from & 1 ? threads[first + u->from].value : ~0ull;
        }
        for (unsigned j = 0; j < n; j++)
            if (here >> j & 1)
                threads[first + j].stage = READY;
        moved = true;
    }
    return moved;
}

/* Returns whether all threads that the calling thread waits for have arrived or ended. */
static bool complete(unsigned mask)
{
    unsigned first = now / 32 * 32;

    for (unsigned j = 0; j < 32 && first + j < count; j++) {
        telu_shim_stage s = threads[first + j].stage;

        if ((mask >> j & 1) && s != WARP && s != DONE)
            return false;
    }
    return true;
}

uint64_t telu_shim_warp(telu_shim_warp_op op, unsigned mask, uint64_t word, int from,
                        telu_shim_place at)
{
    struct thread *t = &threads[now];

    if (!(mask >> now % 32 & 1))
        telu_shim_stop("a warp operation whose mask leaves out the calling thread", at);
    t->at = at;
    t->op = op;
    t->mask = mask;
    t->value = word;
    t->from = from & 31;
    t->stage = WARP;
    if (complete(mask))
        settle(now / 32);
    if (t->stage == WARP)
        give_way();
    return t->result;
}

unsigned telu_shim_active(void)
{
    unsigned first = now / 32 * 32, mask = 0;

    for (unsigned i = 0; i < 32 && first + i < count; i++)
        mask |= (unsigned)(threads[first + i].stage != DONE) << i;
    return mask;
}

void *telu_shim_shared(size_t align)
{
    (void)align;               /* the buffer has the largest alignment */
    return shared + ZONE;
}

TELU_NO_ASAN TELU_NO_MEMSET
static void fill(unsigned char *p, unsigned char value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = value;
}

TELU_NO_ASAN
static bool untouched(const unsigned char *p)
{
    unsigned char seen = 0;

    for (size_t i = 0; i < ZONE; i++)
        seen |= p[i] ^ 0xc5;
    return seen == 0;
}

/* Poisons shared memory before a block. */
static void poison_shared(void)
{
    fill(shared + ZONE, TELU_POISON, kernel->shared);
    if (__start_telu_shared)
        fill((unsigned char *)__start_telu_shared, TELU_POISON,
             (size_t)(__stop_telu_shared - __start_telu_shared));
}

static void fence_shared(bool up)
{
    if (up) {
        fill(shared, 0xc5, ZONE);
        fill(shared + ZONE + kernel->shared, 0xc5, ZONE);
    }
#if TELU_ASAN
    if (up) {
        __asan_poison_memory_region(shared, ZONE);
        __asan_poison_memory_region(shared + ZONE + kernel->shared,
                                    sizeof(shared) - ZONE - kernel->shared);
    } else {
        __asan_unpoison_memory_region(shared, sizeof(shared));
    }
#endif
}

/* Orders the warps, and the lanes of each. */
static void permute_threads(void)
{
    unsigned warps[32], lanes[32], n = (count + 31) / 32, at = 0;

    telu_shim_permute(warps, n);
    for (unsigned w = 0; w < n; w++) {
        unsigned first = warps[w] * 32, size = count - first < 32 ? count - first : 32;

        telu_shim_permute(lanes, size);
        for (unsigned i = 0; i < size; i++)
            order[at++] = first + lanes[i];
    }
}

/* Handles a block in which no thread can run: all wait at one barrier, or it is a fault.
 * Returns false when the block is over. */
static bool next_round(void)
{
    unsigned done = 0, waiting = count;
    int sum = 0, both = 1, any = 0;

    for (unsigned i = 0; i < count; i++)
        if (threads[i].stage == READY)
            return true;
    for (unsigned i = 0; i < count; i++) {
        done += threads[i].stage == DONE;
        if (threads[i].stage == WARP) {
            say("a warp operation that not every thread of its mask comes to", i,
                threads[i].at);
            return false;
        }
        if (threads[i].stage == BARRIER && waiting == count)
            waiting = i;
    }
    if (done == count)
        return false;
    if (done) {
        say("a barrier that not every thread comes to: some have left the kernel", waiting,
            threads[waiting].at);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct thread *t = &threads[i], *u = &threads[waiting];

        if (t->at.line != u->at.line || t->how != u->how || !same_file(t->at, u->at)) {
            say("a barrier while threads wait at another one", i, t->at);
            return false;
        }
        sum += t->word;
        both &= t->word;
        any |= t->word;
    }
    for (unsigned i = 0; i < count; i++) {
        struct thread *t = &threads[i];

        t->word = t->how == 1 ? sum : t->how == 2 ? both : any;
        t->stage = READY;
    }
    return true;
}

static void run_block(void)
{
    unsigned i = 0;

    for (unsigned z = 0; z < blockDim.z; z++)
        for (unsigned y = 0; y < blockDim.y; y++)
            for (unsigned x = 0; x < blockDim.x; x++) {
                threads[i].stage = NEW;
                threads[i++].index = {x, y, z};
            }
    poison_shared();
    do {
        permute_threads();
        cursor = 0;
        while (cursor < count && !stopped) {
            struct thread *t = &threads[order[cursor]];

            if (t->stage == NEW) {
                if (unused.empty()) {
                    all.push_back(telu_fiber_new(work));
                    unused.push_back(all.back());
                }
                t->fiber = unused.back();
                unused.pop_back();
                telu_fiber_enter(t->fiber);
            } else {
                unsigned me = order[cursor++];

                if (t->stage == READY) {
                    begin(me);
                    telu_fiber_enter(t->fiber);
                }
            }
        }
    } while (!stopped && next_round());
}

void telu_shim_run(const telu_shim_kernel &k)
{
    std::vector<unsigned> blocks(k.grid.x);

    kernel = &k;
    blockDim = k.block;
    gridDim = k.grid;
    count = k.block.x * k.block.y * k.block.z;
    stopped = false;
    fence_shared(true);
    /* the current order applies to the longest side, the others run forward */
    telu_shim_permute(blocks.data(), k.grid.x);
    for (unsigned z = 0; z < k.grid.z; z++)
        for (unsigned y = 0; y < k.grid.y; y++)
            for (unsigned x = 0; x < k.grid.x && !stopped; x++) {
                bool back = shim.order != 'f';

                blockIdx = {blocks[x], back ? k.grid.y - 1 - y : y,
                            back ? k.grid.z - 1 - z : z};
                run_block();
            }
    fence_shared(false);
    if (stopped) {             /* these stacks never continue */
        unused = all;
        for (telu_fiber *f : all)
            telu_fiber_again(f, work);
    } else if (!untouched(shared) || !untouched(shared + ZONE + k.shared)) {
        telu_shim_fault(cudaErrorIllegalAddress, "%s: wrote beyond its %zu bytes of dynamic "
                        "shared memory", k.name, k.shared);
    }
}
