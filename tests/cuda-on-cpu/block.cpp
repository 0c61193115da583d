/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block.cpp - runs the blocks of a kernel one after the other, and their threads in
 * rounds: each thread runs until it ends or must wait.
 *
 * A fiber runs thread after thread. When a thread waits, it switches to the fiber of the
 * next one, so a kernel without barriers costs a loop. When no thread can run, all wait at
 * the same barrier, or one is missing, which is a fault.
 */
#include "state.h"

#include <algorithm>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

enum telu_shim_stage : unsigned char { NEW, READY, BARRIER, WARP, DONE };

struct thread {
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
static telu_shim_stage stage[1024];        /* of each thread, */
static unsigned ready, done;               /* how many are READY and DONE, */
static unsigned running[32], waiting[32];  /* and for each warp the lanes not DONE, and WARP */
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

static void settle(unsigned warp);
static void work(void);

static void make_ready(unsigned i)
{
    stage[i] = READY;
    ready++;
}

/* Returns the fiber that continues the round with thread order[cursor], which may run. */
static telu_fiber *continue_with(void)
{
    unsigned i = order[cursor];

    if (stage[i] == READY) {
        cursor++;
        ready--;
        begin(i);
    } else {                   /* NEW: work() counts it and begins */
        if (unused.empty()) {
            all.push_back(telu_fiber_new(work));
            unused.push_back(all.back());
        }
        threads[i].fiber = unused.back();
        unused.pop_back();
    }
    return threads[i].fiber;
}

/* Moves on to the next thread of the round that may run; returns whether there is one. */
static bool find_next(void)
{
    while (cursor < count && stage[order[cursor]] != NEW && stage[order[cursor]] != READY)
        cursor++;
    return cursor < count && !stopped;
}

/* Lets the next thread of the round run; returns when fiber f, which runs, is to continue. */
static void give_way(telu_fiber *f)
{
    if (!find_next()) {
        telu_fiber_leave(f);
        return;
    }
    telu_fiber *next = continue_with();

    if (next != f)
        telu_fiber_switch(f, next);
}

/* Entry of a fiber: runs consecutive threads that have not begun. */
static void work(void)
{
    telu_fiber_begun();
    for (;;) {
        unsigned me = order[cursor++];
        telu_fiber *f = threads[me].fiber;

        begin(me);
        kernel->run();
        stage[me] = DONE;
        done++;
        running[me / 32] &= ~(1u << me % 32);
        if (waiting[me / 32])
            settle(me / 32);
        unused.push_back(f);               /* the first to be taken again */
        give_way(f);
    }
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
    stage[now] = BARRIER;
    give_way(t->fiber);
    return t->word;
}

static bool same_file(telu_shim_place a, telu_shim_place b)
{
    return a.file == b.file || !strcmp(a.file, b.file);
}

/* Returns whether every lane of `lanes` waits for the same operation as t. */
static bool agree(const struct thread *t, const struct thread *warp, unsigned lanes)
{
    for (; lanes; lanes &= lanes - 1) {
        const struct thread *u = &warp[__builtin_ctz(lanes)];

        if (u->mask != t->mask || u->op != t->op || u->at.line != t->at.line ||
            !same_file(u->at, t->at))
            return false;
    }
    return true;
}

/* Carries out the operation that the lanes `here` wait for, and lets them run. */
static void carry_out(unsigned first, unsigned here, telu_shim_warp_op op)
{
    struct thread *warp = &threads[first];
    unsigned votes = 0;

    for (unsigned left = here; left; left &= left - 1) {
        unsigned j = (unsigned)__builtin_ctz(left);

        votes |= (unsigned)(warp[j].value != 0) << j;
    }
    for (unsigned left = here; left; left &= left - 1) {
        unsigned j = (unsigned)__builtin_ctz(left);
        struct thread *u = &warp[j];

        /* the word of a missing lane is undefined */
        u->result = op == TELU_WARP_BALLOT ? votes :
                    here >> u->from & 1 ? warp[u->from].value : ~0ull;
        make_ready(first + j);
    }
    waiting[first / 32] &= ~here;
}

/* Resumes the threads of a warp when all threads in the mask have arrived or ended. */
static void settle(unsigned warp)
{
    unsigned first = warp * 32;

    for (unsigned left = waiting[warp]; left;) {
        const struct thread *t = &threads[first + (unsigned)__builtin_ctz(left)];
        unsigned here = t->mask & running[warp];

        left &= left - 1;
        if (here & ~waiting[warp] || !agree(t, &threads[first], here))
            continue;
        carry_out(first, here, t->op);
        left &= ~here;
    }
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
    stage[now] = WARP;
    waiting[now / 32] |= 1u << now % 32;
    if (!(mask & running[now / 32] & ~waiting[now / 32]))
        settle(now / 32);
    if (stage[now] == WARP)
        give_way(t->fiber);
    else
        ready--;               /* runs on */
    return t->result;
}

unsigned telu_shim_active(void)
{
    return running[now / 32];
}

void *telu_shim_shared(size_t align)
{
    (void)align;               /* the buffer has the largest alignment */
    return shared + ZONE;
}

/* Every block fills all of shared memory, so 16 bytes at once. */
TELU_NO_ASAN TELU_NO_MEMSET
static void fill(unsigned char *p, unsigned char value, size_t n)
{
    typedef unsigned char bytes __attribute__((vector_size(16), aligned(1), may_alias));
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        *(bytes *)(p + i) = bytes{} + value;
    for (; i < n; i++)
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
    int sum = 0, both = 1, any = 0;

    if (ready)
        return true;
    if (done == count)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (stage[i] == WARP) {
            say("a warp operation that not every thread of its mask comes to", i,
                threads[i].at);
            return false;
        }
    if (done) {
        unsigned i = (unsigned)(std::find(stage, stage + count, BARRIER) - stage);

        say("a barrier that not every thread comes to: some have left the kernel", i,
            threads[i].at);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct thread *t = &threads[i], *u = &threads[0];

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
        make_ready(i);
    }
    return true;
}

/* Begins a block: no thread has run. */
static void begin_block(void)
{
    ready = done = 0;
    for (unsigned i = 0; i < count; i++)
        stage[i] = NEW;
    for (unsigned w = 0; w * 32 < count; w++) {
        unsigned left = count - w * 32;

        running[w] = left < 32 ? (1u << left) - 1 : ~0u;
        waiting[w] = 0;
    }
    poison_shared();
}

static void run_block(void)
{
    begin_block();
    do {
        if (shim.order == 's')             /* the other orders stay as they are */
            permute_threads();
        cursor = 0;
        while (find_next())
            telu_fiber_enter(continue_with());
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
    for (unsigned i = 0; i < count; i++)
        threads[i].index = {i % k.block.x, i / k.block.x % k.block.y,
                            i / k.block.x / k.block.y};
    permute_threads();
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
