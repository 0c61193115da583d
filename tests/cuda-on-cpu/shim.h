/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shim.h - what a test can ask of the shim and do to it while it runs; see README.md.
 * The functions are in the static library and exported by the shared module as well.
 */
#ifndef TELU_SHIM_H
#define TELU_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls by the host since the start or telu_shim_reset(); alive: now. */
struct telu_shim_counts {
    long launches;             /* kernels by TELU_LAUNCH, not those of a graph */
    long library;              /* cuBLAS and cuFFT calls that compute, not of a graph */
    long graph_launches;
    long graph_kernels;        /* kernels and library calls that graphs ran */
    long graphs;               /* instantiated */
    long allocations, pinned;  /* cudaMalloc; cudaMallocHost and cudaHostAlloc */
    long frees;                /* of both */
    long copies, copied;       /* copies and sets of memory, bytes; not of a graph */
    long waits;                /* stream, event and device synchronisations, and what
                                * waits unasked: cudaMemcpy, cudaFree, cuBLAS results */
    long alive, alive_pinned;  /* bytes */
};

void telu_shim_count(struct telu_shim_counts *counts);

/* After n more launches of a kernel or a graph every call fails with
 * cudaErrorIllegalAddress; n < 0: not. */
void telu_shim_fault_after(long n);
/* Bytes of the device; an allocation beyond fails, and a graph when none is left. */
void telu_shim_set_memory(size_t bytes);
/* As TELUCODEC_SHIM_DEVICES and TELUCODEC_SHIM_ORDER; order: 0, or -1 when it is not one. */
void telu_shim_set_devices(int n);
int telu_shim_set_order(const char *order);
/* 1: streams wait until somebody waits for them; as TELUCODEC_SHIM_LAZY. */
void telu_shim_set_lazy(int lazy);

/* The fault that the shim found last, "" when none since the start or reset. A fault
 * that nobody reset makes the process end with status 99. */
const char *telu_shim_text(void);
/* Takes faults and counters back; memory and streams stay. */
void telu_shim_reset(void);

#ifdef __cplusplus
}
#endif
#endif
