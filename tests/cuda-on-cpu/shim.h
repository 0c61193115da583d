/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shim.h - counters and controls of the shim for tests; see README.md. The static library
 * and the shared module both export them.
 */
#ifndef TELU_SHIM_H
#define TELU_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls by the host since the start or telu_shim_reset(); alive: current bytes. */
struct telu_shim_counts {
    long launches;             /* kernels by TELU_LAUNCH, not those of a graph */
    long library;              /* cuBLAS and cuFFT calls that compute, not of a graph */
    long graph_launches;
    long graph_kernels;        /* kernels and library calls that graphs ran */
    long graphs;               /* instantiated */
    long allocations, pinned;  /* cudaMalloc; cudaMallocHost and cudaHostAlloc */
    long frees;                /* of both */
    long copies, copied;       /* copies and sets of memory, bytes; not of a graph */
    long waits;                /* stream, event and device synchronisations, and implicit
                                * ones: cudaMemcpy, cudaFree, cuBLAS results */
    long alive, alive_pinned;  /* bytes */
};

void telu_shim_count(struct telu_shim_counts *counts);

/* Makes every call fail with cudaErrorIllegalAddress after n more launches of a kernel or a
 * graph; n < 0: never. */
void telu_shim_fault_after(long n);
/* Sets the device's memory in bytes. Allocations beyond it fail, and graphs if it is full. */
void telu_shim_set_memory(size_t bytes);
/* Work like TELUCODEC_SHIM_DEVICES and TELUCODEC_SHIM_ORDER. set_order() returns -1 for an
 * invalid order, else 0. */
void telu_shim_set_devices(int n);
int telu_shim_set_order(const char *order);
/* Works like TELUCODEC_SHIM_LAZY; 1: streams run only when the host waits for them. */
void telu_shim_set_lazy(int lazy);

/* Returns the last fault that the shim found, "" if none since the start or reset. The
 * process ends with status 99 after a fault without a reset. */
const char *telu_shim_text(void);
/* Clears faults and counters; memory and streams stay. */
void telu_shim_reset(void);

#ifdef __cplusplus
}
#endif
#endif
