/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_comm.c - see device_comm.h. */
#include "device_comm.h"

#include "crc32c.h"
#include "memory.h"
#include "parallel.h"

#include <stdio.h>

int device_comm_device(int devices)
{
    return parallel_local() % devices;
}

/* NCCL cannot serve two ranks on one device. */
static int shares_device(const struct telu_ranks *m, int device,
                         const char *(*error)(void))
{
    uint32_t all[parallel_ranks()];
    char name[TELU_RANKS_NAME];
    int shared = 0;

    if (m->name(device, name))
        die("%s", error());
    parallel_gather(all, crc32c(0, name, sizeof(name)));
    for (int a = 0; a < parallel_ranks(); a++)
        for (int b = 0; b < a; b++)
            shared += all[a] == all[b];
    return shared > 0;
}

void *device_comm_new(const struct telu_ranks *m, int device, const char *(*error)(void))
{
    char id[TELU_RANKS_ID] = { 0 };
    void *r;

    if (parallel_ranks() == 1)
        return NULL;
    if (shares_device(m, device, error)) {
        printf("ranks share a device: their sums go through the host\n");
        r = m->open(device, parallel_reduce(), NULL);
    } else {
        int found = !parallel_rank() && !m->id(id);

        if (!parallel_rank() && !found)
            printf("%s: sums over ranks go through the host\n", error());
        parallel_share(&found, sizeof(found));
        parallel_share(id, sizeof(id));
        r = m->open(device, parallel_reduce(), found ? id : NULL);
    }
    if (!r)
        die("%s", error());
    return r;
}
