/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shim_of.h - functions of tests/cuda-on-cpu in the opened module; NULL if that module is a
 * real one. */
#ifndef SHIM_OF_H
#define SHIM_OF_H

#include "cuda-on-cpu/shim.h"
#include "module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct shim {
    void (*count)(struct telu_shim_counts *counts);
    void (*set_memory)(size_t bytes);
    void (*fault_after)(long n);
    void (*reset)(void);
};

static const struct shim *shim_of_module(void)
{
    static struct shim s;
    const char *folder = getenv("TELUCODEC_BACKEND_PATH");
    char path[1024];
    void *m;

    snprintf(path, sizeof(path), "%s/%s", folder ? folder : ".", TELU_MODULE_FILE);
    m = dlopen(path, RTLD_NOW);
    if (!m)
        return NULL;
    *(void **)&s.count = dlsym(m, "telu_shim_count");
    *(void **)&s.set_memory = dlsym(m, "telu_shim_set_memory");
    *(void **)&s.fault_after = dlsym(m, "telu_shim_fault_after");
    *(void **)&s.reset = dlsym(m, "telu_shim_reset");
    return s.count && s.set_memory && s.fault_after && s.reset ? &s : NULL;
}

#endif
