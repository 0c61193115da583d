/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_comm.h - the device of a rank, and the communicator that sums over devices. */
#ifndef DEVICE_COMM_H
#define DEVICE_COMM_H

#include "ranks.h"

/* Returns this rank's device: its number among the machine's ranks, modulo `devices`. */
int device_comm_device(int devices);

/* Collective. Uses NCCL if rank 0 has it and every rank has its own device, else the
 * host, and prints why. Returns the user of m->sum, for m->close(), or NULL for one rank.
 * Exits on failure; error: the module's. */
void *device_comm_new(const struct telu_ranks *m, int device, const char *(*error)(void));

#endif
