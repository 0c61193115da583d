/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state.h - state shared by the shim's files. One lock guards everything: TELU_CALL takes it,
 * and returns at once after a sticky fault.
 */
#ifndef TELU_SHIM_STATE_H
#define TELU_SHIM_STATE_H

#include "cuda_runtime.h"
#include "shim.h"

#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define TELU_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define TELU_NO_ASAN __attribute__((no_sanitize_address))
#else
#define TELU_ASAN 0
#define TELU_NO_ASAN
#endif
/* Before a function whose loops stay loops: memset() would be checked by AddressSanitizer. */
#ifdef __clang__
#define TELU_NO_MEMSET __attribute__((no_builtin("memset")))
#else
#define TELU_NO_MEMSET __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

#define TELU_POISON 0xff       /* floats, doubles and bf16 of this byte are NaN */

/* --- device.cpp --- */

struct telu_shim_state {
    std::recursive_mutex lock;
    cudaError_t sticky = cudaSuccess;
    int devices = 1;           /* -1: no driver */
    bool lazy = false, protect = false;
    long fault_after = -1;
    size_t memory = (size_t)16 << 30;
    int major = 9;             /* compute capability */
    char order = 'f';          /* forward, reverse, shuffle */
    uint64_t random = 1;
    bool host_function = false;            /* a host function is running */
    struct telu_shim_counts counts = {};
};

extern telu_shim_state shim;

struct telu_shim_entry {
    std::lock_guard<std::recursive_mutex> guard;
    cudaError_t error;

    explicit telu_shim_entry(bool of_device = true);
};

#define TELU_CALL                 \
    telu_shim_entry telu_entry;   \
    if (telu_entry.error)         \
        return telu_shim_last(telu_entry.error)

/* Leaves e for cudaGetLastError() and returns it. */
cudaError_t telu_shim_last(cudaError_t e);
/* Reports a mistake of the caller: prints it on stderr, keeps it, and lets the process end
 * with status 99. */
cudaError_t telu_shim_mistake(cudaError_t e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Reports it, and makes every later call fail with e. */
cudaError_t telu_shim_fault(cudaError_t e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Counts a launch for telu_shim_fault_after(). */
cudaError_t telu_shim_may_launch(void);
uint64_t telu_shim_random(void);
/* Returns a permutation of 0 .. n - 1 for the current order. */
void telu_shim_permute(unsigned *p, unsigned n);
int telu_shim_device(void);    /* of this thread */

/* --- memory.cpp --- */

enum telu_shim_where { TELU_HOST, TELU_DEVICE, TELU_PINNED };

/* Returns the kind of memory of p; *left: bytes from p to the end of its allocation. */
telu_shim_where telu_shim_where_is(const void *p, size_t *left);
void telu_shim_check_zones(const char *when);
void telu_shim_open_memory(bool open);     /* lets the host access device memory, or not */

/* --- fiber.cpp --- */

struct telu_fiber;

/* entry never returns. */
telu_fiber *telu_fiber_new(void (*entry)(void));
void telu_fiber_again(telu_fiber *f, void (*entry)(void));     /* restarts it at entry */
void telu_fiber_enter(telu_fiber *f);      /* switches to it from the thread's stack */
void telu_fiber_switch(telu_fiber *f, telu_fiber *to);         /* from f, which runs */
void telu_fiber_leave(telu_fiber *f);      /* switches back */
void telu_fiber_begun(void);   /* entry calls it first */

/* --- block.cpp --- */
void telu_shim_run(const telu_shim_kernel &k);

/* --- stream.cpp --- */

struct telu_shim_op {
    enum { RUN, RECORD, WAIT } kind;
    std::function<void()> run;
    bool kernel;               /* a graph counts it as a kernel */
    CUevent_st *event;
    uint64_t ticket;           /* of the event */
};

/* Calls of one or more streams during a capture, in an order that the streams' waits for each
 * other allow. */
struct CUgraph_st {
    std::vector<telu_shim_op> ops;
    std::vector<CUstream_st *> streams;    /* that take part; the first one began it */
    enum cudaStreamCaptureMode mode;
    std::thread::id thread;
    bool broken = false;
};

struct CUgraphExec_st {
    std::shared_ptr<std::vector<telu_shim_op>> ops;
};

struct CUstream_st {
    bool blocking;             /* synchronises with the default stream */
    std::deque<telu_shim_op> queue = {};
    CUgraph_st *capture = nullptr;
    long captured = 0;         /* calls since it joined the capture */
    bool joined = true;        /* the first stream waits for all of them */
};

/* An event is done when the stream reaches its last ticket. */
struct CUevent_st {
    unsigned flags;
    CUstream_st *stream = nullptr;         /* of the last record */
    uint64_t given = 0, reached = 0;
    double time = 0.0;
    CUgraph_st *capture = nullptr;         /* of the record; only compared */
    long captured = 0;                     /* the stream's count then */
};

/* Returns nullptr for an invalid stream. */
CUstream_st *telu_shim_stream(cudaStream_t s);
/* Runs the work now, or when the host waits for the stream, or adds it to a graph. */
cudaError_t telu_shim_submit(cudaStream_t s, std::function<void()> run, bool kernel);
void telu_shim_run_op(const telu_shim_op &op);
void telu_shim_drain(CUstream_st *s);
void telu_shim_drain_all(void);
/* Reports a call that captures forbid, and breaks them. */
cudaError_t telu_shim_not_while_capturing(const char *call);
bool telu_shim_capturing(cudaStream_t s);
/* Reports a mistake that also breaks the capture of s. */
cudaError_t telu_shim_spoil(CUgraph_st *g, cudaError_t e, const char *what);

#endif
