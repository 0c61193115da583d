/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ranks.h - sums over the ranks of a run on several devices: through NCCL, device to
 * device, or through the host and what it has (MPI). The host's device_comm.h chooses. */
#ifndef TELU_RANKS_H
#define TELU_RANKS_H

#include "reduce.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_RANKS_ID 128      /* bytes */
#define TELU_RANKS_NAME 16

/* Everything returns 0, or -1 with the module's error(). */
struct telu_ranks {
    /* Which of all devices of all machines this one is. */
    int (*name)(int device, char name[TELU_RANKS_NAME]);

    /* How the ranks of a run find one another: made by one of them, for all. -1 where
     * NCCL 2 (libnccl.so.2) cannot be opened. */
    int (*id)(char id[TELU_RANKS_ID]);

    /* Collective. id == NULL: through host->sum; host is kept. NULL with error(). */
    void *(*open)(int device, const struct reduce *host, const char *id);
    void (*close)(void *r);

    /* A telu_train_reduce, user being what open() gave: each element is summed by one
     * rank, so that all get the same bits. Through the host it waits for the stream. */
    int (*sum)(void *r, float *device, size_t n, void *stream);
};

/* The module's; ranks.cu. */
extern const struct telu_ranks telu_ranks_cuda;

#ifdef __cplusplus
}
#endif
#endif
