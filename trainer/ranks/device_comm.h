/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_comm.h - the device of a rank, and how it sums with those of the others. */
#ifndef JOIN_H
#define JOIN_H

#include "ranks.h"

/* The device for this rank: its number among the machine's ranks, around and around
 * `devices`. */
int join_device(int devices);

/* Collective. Through NCCL where rank 0 has it and every rank has a device of its own,
 * else through the host, saying why. What m->sum takes as user, for m->leave();
 * NULL when there is but one rank. Exits when it cannot; error: the module's. */
void *join_ranks(const struct telu_ranks *m, int device, const char *(*error)(void));

#endif
