/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state.h - what the shim's files share. One lock for everything: TELU_CALL takes it,
 * and returns at once when an earlier fault has ended the device's life.
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

#define TELU_POISON 0xff       /* every float, double and bf16 of it is a NaN */

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
    bool host_function = false;            /* one is running */
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
/* A mistake of the caller, found by the shim: said on stderr, remembered, and the process
 * will end with status 99. */
cudaError_t telu_shim_mistake(cudaError_t e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, and every later call fails with e. */
cudaError_t telu_shim_fault(cudaError_t e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Before a launch: counts towards telu_shim_fault_after(). */
cudaError_t telu_shim_may_launch(void);
uint64_t telu_shim_random(void);
/* A permutation of 0 .. n - 1 as the order says. */
void telu_shim_permute(unsigned *p, unsigned n);
int telu_shim_device(void);    /* of this thread */

/* --- memory.cpp --- */

enum telu_shim_where { TELU_HOST, TELU_DEVICE, TELU_PINNED };

/* Where p lies; *left: bytes from there to the end of what it belongs to. */
telu_shim_where telu_shim_where_is(const void *p, size_t *left);
void telu_shim_check_zones(const char *when);
void telu_shim_open_memory(bool open);     /* the host may not touch what is not open */

/* --- fiber.cpp --- */

struct telu_fiber;

/* entry never returns. */
telu_fiber *telu_fiber_new(void (*entry)(void));
void telu_fiber_again(telu_fiber *f, void (*entry)(void));     /* forgets where it was */
void telu_fiber_enter(telu_fiber *f);      /* from the thread's own stack */
void telu_fiber_leave(telu_fiber *f);      /* back to it */
void telu_fiber_begun(void);   /* first thing in entry */

/* --- block.cpp --- */
void telu_shim_run(const telu_shim_kernel &k);

/* --- stream.cpp --- */

struct telu_shim_op {
    enum { RUN, RECORD, WAIT } kind;
    std::function<void()> run;
    bool kernel;               /* counts as one in a graph */
    CUevent_st *event;
    uint64_t ticket;           /* of the event */
};

/* What one or more streams do between begin and end of a capture, in the order of the
 * calls: an order that the streams' waits for each other allow. */
struct CUgraph_st {
    std::vector<telu_shim_op> ops;
    std::vector<CUstream_st *> streams;    /* that take part; the first began */
    enum cudaStreamCaptureMode mode;
    std::thread::id thread;
    bool broken = false;
};

struct CUgraphExec_st {
    std::shared_ptr<std::vector<telu_shim_op>> ops;
};

struct CUstream_st {
    bool blocking;             /* waits for the default stream, and is waited for */
    std::deque<telu_shim_op> queue = {};
    CUgraph_st *capture = nullptr;
    long captured = 0;         /* calls since it takes part */
    bool joined = true;        /* those that began it know of all of them */
};

/* Done when the last ticket given is reached. */
struct CUevent_st {
    unsigned flags;
    CUstream_st *stream = nullptr;         /* of the last record */
    uint64_t given = 0, reached = 0;
    double time = 0.0;
    CUgraph_st *capture = nullptr;         /* recorded in one: an address, no more */
    long captured = 0;                     /* the stream's, then */
};

/* nullptr when there is no such stream. */
CUstream_st *telu_shim_stream(cudaStream_t s);
/* Runs now, or when the stream is waited for, or becomes part of a graph. */
cudaError_t telu_shim_submit(cudaStream_t s, std::function<void()> run, bool kernel);
void telu_shim_run_op(const telu_shim_op &op);
void telu_shim_drain(CUstream_st *s);
void telu_shim_drain_all(void);
/* A call that no stream under capture allows; breaks the captures. */
cudaError_t telu_shim_not_while_capturing(const char *call);
bool telu_shim_capturing(cudaStream_t s);
/* A mistake that also spoils what s captures. */
cudaError_t telu_shim_spoil(CUgraph_st *g, cudaError_t e, const char *what);

#endif
