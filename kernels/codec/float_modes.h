/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* float_modes.h - IEEE's default modes while the codec computes: to nearest, subnormals kept, no
 * traps. Libraries linked with -ffast-math set others for a whole program, plugins for their
 * thread; bits would depend on them. Functions between both calls are TELU_MODES_INSIDE: compilers
 * may move an inlined one's operations across the calls. */
#ifndef TELU_FLOAT_MODES_H
#define TELU_FLOAT_MODES_H

#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <xmmintrin.h>

#define TELU_MODES_DEFAULT 0x1f80u     /* traps off; all else is 0 */
#define TELU_MODES_FLAGS   0x3fu       /* events so far: no modes */

static inline uint64_t telu_modes_get(void)
{
    return _mm_getcsr();
}

static inline void telu_modes_put(uint64_t modes)
{
    _mm_setcsr((unsigned)modes);
}
#elif defined(__aarch64__) && defined(__GNUC__)
#define TELU_MODES_DEFAULT 0u
#define TELU_MODES_FLAGS   0u

static inline uint64_t telu_modes_get(void)
{
    uint64_t modes;

    __asm__ volatile("mrs %0, fpcr" : "=r"(modes));
    return modes;
}

static inline void telu_modes_put(uint64_t modes)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(modes));
}
#else
#define TELU_MODES_DEFAULT 0u
#define TELU_MODES_FLAGS   0u

static inline uint64_t telu_modes_get(void)
{
    return TELU_MODES_DEFAULT;
}

static inline void telu_modes_put(uint64_t modes)
{
    (void)modes;
}
#endif

#define TELU_MODES_INSIDE __attribute__((noinline))

/* Sets the default modes. Returns those of the caller, for telu_modes_end(). */
static inline uint64_t telu_modes_begin(void)
{
    uint64_t modes = telu_modes_get();

    if ((modes & ~(uint64_t)TELU_MODES_FLAGS) != TELU_MODES_DEFAULT)
        telu_modes_put(TELU_MODES_DEFAULT);
    return modes;
}

static inline void telu_modes_end(uint64_t modes)
{
    if ((modes & ~(uint64_t)TELU_MODES_FLAGS) != TELU_MODES_DEFAULT)
        telu_modes_put(modes);
}

#endif
