/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_comm.h - the device of a rank, and how it sums with those of the others. */
#ifndef DEVICE_COMM_H
#define DEVICE_COMM_H

#include "ranks.h"

/* The device for this rank: its number among the machine's ranks, around and around
 * `devices`. */
int device_comm_device(int devices);

/* Collective. Through NCCL where rank 0 has it and every rank has a device of its own,
 * else through the host, saying why. What m->sum takes as user, for m->close();
 * NULL when there is but one rank. Exits when it cannot; error: the module's. */
void *device_comm_new(const struct telu_ranks *m, int device, const char *(*error)(void));

#endif
