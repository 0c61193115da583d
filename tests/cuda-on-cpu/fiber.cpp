/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fiber.cpp - cooperative stacks: a dozen instructions on x86-64, ucontext elsewhere (or with
 * TELU_SHIM_UCONTEXT). A protected page lies below each stack.
 */
#include "state.h"

#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(TELU_SHIM_UCONTEXT)
#define TELU_SWAP 1
#else
#define TELU_SWAP 0
#include <ucontext.h>
#endif

#define STACK ((size_t)(TELU_ASAN ? 512 : 128) << 10)

#if TELU_SWAP
struct place {
    void *sp;
};

/* Saves the callee-saved registers on the old stack, and switches to the new one. */
extern "C" void telu_shim_swap(void **from, void *to);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl telu_shim_swap\n"
        ".hidden telu_shim_swap\n"
        ".type telu_shim_swap, @function\n"
        "telu_shim_swap:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size telu_shim_swap, .-telu_shim_swap\n");
#else
struct place {
    ucontext_t at;
};
#endif

struct telu_fiber {
    char *stack;
    struct place place;
    void *fake;                /* ASan's */
};

static struct place home;      /* the caller of telu_fiber_enter() */
static void *home_fake;
static const void *home_stack;
static size_t home_size;
#if TELU_ASAN
static bool from_home;         /* the last switch came from there */
#endif

static void swap(struct place *from, struct place *to)
{
#if TELU_SWAP
    telu_shim_swap(&from->sp, to->sp);
#else
    swapcontext(&from->at, &to->at);
#endif
}

void telu_fiber_again(telu_fiber *f, void (*entry)(void))
{
#if TELU_ASAN
    __asan_unpoison_memory_region(f->stack, STACK);
    f->fake = nullptr;
#endif
#if TELU_SWAP
    /* six registers, the return to entry, and one word that keeps its stack aligned */
    void **top = (void **)(f->stack + STACK) - 2;

    top[0] = (void *)entry;
    top[1] = nullptr;
    for (int i = 1; i <= 6; i++)
        top[-i] = nullptr;
    f->place.sp = top - 6;
#else
    getcontext(&f->place.at);
    f->place.at.uc_stack.ss_sp = f->stack;
    f->place.at.uc_stack.ss_size = STACK;
    f->place.at.uc_link = nullptr;
    makecontext(&f->place.at, entry, 0);
#endif
}

telu_fiber *telu_fiber_new(void (*entry)(void))
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = mmap(nullptr, STACK + page, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED || mprotect(p, page, PROT_NONE)) {
        fprintf(stderr, "cuda-on-cpu: no memory for the stack of a thread\n");
        abort();
    }
    telu_fiber *f = new telu_fiber();

    f->stack = (char *)p + page;
    telu_fiber_again(f, entry);
    return f;
}

/* ASan: ends the switch to a fiber whose fake stack is `fake`, and notes where home is. */
static void arrived(void *fake)
{
#if TELU_ASAN
    if (from_home)
        __sanitizer_finish_switch_fiber(fake, &home_stack, &home_size);
    else
        __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    (void)fake, (void)home_stack, (void)home_size, (void)home_fake;
#endif
}

void telu_fiber_begun(void)
{
    arrived(nullptr);
}

void telu_fiber_enter(telu_fiber *f)
{
#if TELU_ASAN
    from_home = true;
    __sanitizer_start_switch_fiber(&home_fake, f->stack, STACK);
#endif
    swap(&home, &f->place);
#if TELU_ASAN
    __sanitizer_finish_switch_fiber(home_fake, nullptr, nullptr);
#endif
}

void telu_fiber_switch(telu_fiber *f, telu_fiber *to)
{
#if TELU_ASAN
    from_home = false;
    __sanitizer_start_switch_fiber(&f->fake, to->stack, STACK);
#endif
    swap(&f->place, &to->place);
    arrived(f->fake);
}

void telu_fiber_leave(telu_fiber *f)
{
#if TELU_ASAN
    __sanitizer_start_switch_fiber(&f->fake, home_stack, home_size);
#endif
    swap(&f->place, &home);
    arrived(f->fake);
}
