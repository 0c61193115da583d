/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ranks.h - sums over the ranks of a run on several devices: through NCCL, device to
 * device, or through the host's MPI. device_comm.h chooses. */
#ifndef TELU_RANKS_H
#define TELU_RANKS_H

#include "reduce.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_RANKS_ID 128      /* bytes */
#define TELU_RANKS_NAME 16

/* Each function returns 0, or -1 with the module's error(). */
struct telu_ranks {
    /* Writes a name that is unique among all devices of all machines. */
    int (*name)(int device, char name[TELU_RANKS_NAME]);

    /* Makes the id by which the ranks of a run find one another; one rank calls it for
     * all. -1 when NCCL 2 (libnccl.so.2) cannot be opened. */
    int (*id)(char id[TELU_RANKS_ID]);

    /* Opens a communicator. Collective. id == NULL: sums by host->sum; host must stay
     * valid. NULL with error(). */
    void *(*open)(int device, const struct reduce *host, const char *id);
    void (*close)(void *r);

    /* A telu_train_reduce with open()'s result as user: one rank sums each element, so
     * that all get the same bits. The host's way waits for the stream. */
    int (*sum)(void *r, float *device, size_t n, void *stream);
};

/* The module's; ranks.cu. */
extern const struct telu_ranks telu_ranks_cuda;

#ifdef __cplusplus
}
#endif
#endif
